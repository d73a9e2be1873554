// The public declarations of the packages, one page for each entry point, out of the built `.d.ts` files. A page is the reference, and as a
// test compares it, it shows what a change does to the API.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SyntaxKind } from 'typescript/unstable/ast';
import { API, SymbolFlags } from 'typescript/unstable/sync';

import { root } from '../ready.mjs';

const CONFIG = join(root, 'scripts/generate/tsconfig.json');
const OURS = /\/packages\/\w+\/dist\//;
/** What a program writes: each field is documented. */
const WRITTEN = /(Options|Input|Settings|Upstream|Limits)$/;
const COMMENT = /\/\*\*(?:(?!\*\/)[^])*\*\//g;
const LEAD = new RegExp(`^\\s*(?:${COMMENT.source}\\s*)*`);
const DECLARATIONS = new Set([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.ClassDeclaration,
  SyntaxKind.InterfaceDeclaration,
  SyntaxKind.TypeAliasDeclaration,
  SyntaxKind.VariableDeclaration,
]);
const WORDS = { returns: 'Returns', throws: 'Throws', default: 'Default:' };

/** The entry points of a package, and where their declarations are. */
function entriesOf(folder) {
  const { name, exports = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return Object.entries(exports).flatMap(([path, { types }]) =>
    types === undefined ? [] : [{ name: `${name}${path.slice(1)}`, file: join(folder, types) }],
  );
}

/** The compiler leaves the comment about a file out of its declarations. */
const sourceOf = (file) => file.replace('/dist/', '/src/').replace(/\.d\.ts$/, '.ts');

const linked = (text) => text.replaceAll(/\{@link ([^}]+)\}/g, '`$1`');

/** What a comment says: its text, and its tags as a list; an example is a text of its own. */
function documentation(comment) {
  const lines = comment
    .replace(/^\/\*\*\s?/, '')
    .replace(/\s*\*\/$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''));
  // A tag may stand at the end of a line.
  const [text, ...tags] = linked(lines.join('\n')).split(/(?<=^|\s)@(?=(?:param|returns|throws|default|example)\b)/m);
  const read = tags.map((tag) => /^(\w+)\s*([^]*)$/.exec(tag.trim()).slice(1));
  const list = read
    .filter(([kind]) => kind !== 'example')
    .map(([kind, words]) =>
      kind === 'param' ? words.replace(/^(\S+)/, '`$1`:') : `${WORDS[kind]} ${words.replace(/^\{(\w+)\}/, '`$1`:')}`,
    )
    .map((words) => `- ${words.replaceAll(/\s*\n\s*/g, ' ')}`);
  const examples = read.filter(([kind]) => kind === 'example').map(([, words]) => words);
  return [text.trim(), list.join('\n'), ...examples].filter(Boolean);
}

/** A declaration, and the comment in front of it: the last one, as those before it are about the file. */
function partsOf(node) {
  const text = node.getSourceFile().text.slice(node.pos, node.end);
  const [lead] = LEAD.exec(text);
  const code = text.slice(lead.length).replace(/^export (declare )?/, '');
  return { comment: lead.match(COMMENT)?.at(-1) ?? '', code: code.replaceAll('    ', '  ') };
}

/** The whole statement of a declaration: that of a constant is above its name. */
const statementOf = (node) => (node.kind === SyntaxKind.VariableDeclaration ? node.parent.parent : node);

function* identifiersIn(node) {
  if (node.kind === SyntaxKind.Identifier) yield node;
  const children = [];
  node.forEachChild((child) => void children.push(child));
  for (const child of children) yield* identifiersIn(child);
}

/**
 * Reads the declarations that `npm run build` has written.
 *
 * @returns the pages by their names, and the faults: what is exported without documentation, which field of an option has none, and which of
 *   our types a public signature uses although no entry point exports it.
 */
export function readApi() {
  const api = new API({ cwd: root });
  try {
    const project = api.updateSnapshot({ openProject: CONFIG }).getProject(CONFIG);
    const { checker, program } = project;
    const faults = new Set();
    const meant = (symbol) => (symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
    const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name));
    const modules = folders.flatMap(entriesOf).map(({ name, file }) => {
      const source = program.getSourceFile(file);
      const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
      return { name, file, symbols: exported.map((symbol) => ({ name: symbol.name, symbol: meant(symbol) })) };
    });
    const known = new Set(modules.flatMap(({ symbols }) => symbols.map(({ symbol }) => symbol.id)));

    /** The types of our own that a declaration uses and that nobody can import. */
    const hiddenIn = (node) =>
      [...identifiersIn(node)].flatMap((identifier) => {
        const found = checker.getSymbolAtLocation(identifier);
        const symbol = found === undefined ? undefined : meant(found);
        const declared = symbol?.declarations?.[0]?.resolve(project);
        if (declared === undefined || known.has(symbol.id) || !DECLARATIONS.has(declared.kind)) return [];
        return OURS.test(declared.getSourceFile().fileName) ? [symbol.name] : [];
      });

    const sectionOf = (entry, { name, symbol }) => {
      const nodes = symbol.declarations.map((handle) => statementOf(handle.resolve(project)));
      const parts = nodes.map(partsOf);
      const about = documentation(parts.map(({ comment }) => comment).find(Boolean) ?? '');
      if (about.length === 0) faults.add(`${entry}: ${name} has no documentation`);
      for (const node of nodes) {
        for (const hidden of hiddenIn(node)) faults.add(`${entry}: ${name} uses ${hidden}, which is not exported`);
        for (const member of WRITTEN.test(name) ? (node.members ?? []) : []) {
          if (partsOf(member).comment === '') faults.add(`${entry}: ${name}.${member.name.text} has no documentation`);
        }
      }
      // An export may have another name than the declaration.
      const code = parts.map((part) => part.code.replace(new RegExp(`^(\\w+ )${symbol.name}\\b`), `$1${name}`));
      return [`## ${name}`, ...about, `\`\`\`ts\n${code.join('\n')}\n\`\`\``];
    };

    const pages = modules.map(({ name, file, symbols }) => {
      const [comment = ''] = readFileSync(sourceOf(file), 'utf8').match(COMMENT) ?? [];
      const sections = symbols.toSorted((one, other) => (one.name < other.name ? -1 : 1));
      const text = [`# ${name}`, ...documentation(comment), ...sections.flatMap((each) => sectionOf(name, each))];
      return [`${name.replaceAll('/', '.')}.md`, `${text.join('\n\n')}\n`];
    });
    return { pages: new Map(pages), faults: [...faults].toSorted((one, other) => (one < other ? -1 : 1)) };
  } finally {
    api.close();
  }
}
