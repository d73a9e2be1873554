// Writes the tables of README.md from the built code; with --check it only compares, and fails if they differ.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FAILURES } from '../dist/failure.js';
import { TOOLS } from '../dist/tools/index.js';

const path = fileURLToPath(new URL('../README.md', import.meta.url));
const EFFECTS = { read: 'reads', add: 'adds', change: 'changes', end: 'asks first' };

/** Those that may be left out are in brackets. */
function argumentsOf({ input }) {
  return Object.entries(input.shape)
    .map(([name, schema]) => (schema.safeParse(undefined).success ? `[${name}]` : name))
    .map((name) => `\`${name}\``)
    .join(' ');
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const sections = {
  tools: Object.entries(TOOLS)
    .map(([family, tools]) => {
      const rows = tools.map((tool) => [`\`${tool.name}\``, argumentsOf(tool), EFFECTS[tool.effect], tool.description]);
      return `### ${family}\n\n${table(['Tool', 'Arguments', '', 'What it does'], rows)}`;
    })
    .join('\n\n'),
  errors: table(
    ['Code', 'What to do'],
    Object.entries(FAILURES).map(([code, advice]) => [`\`${code}\``, advice]),
  ),
};

const old = readFileSync(path, 'utf8');
const written = Object.entries(sections).reduce((text, [name, section]) => {
  const part = new RegExp(`(<!-- ${name}: [^>]*-->\\n)[^]*?(<!-- end of ${name} -->)`);
  if (!part.test(text)) throw new Error(`README.md has no place for the ${name}`);
  return text.replace(part, (_all, begin, end) => `${begin}\n${section}\n\n${end}`);
}, old);

if (process.argv.includes('--check')) {
  if (written !== old) {
    process.stderr.write('README.md is not what the code says: run `npm run readme -w mcp-switchboard-tallyfy`\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(path, written);
}
