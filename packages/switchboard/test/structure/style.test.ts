/** What a user and a contributor read keeps to `docs/style.md`: nothing in the left columns of its tables comes back. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';

import { loadProgram } from '../../src/cli/program.ts';
import { OPTIONS } from '../../src/gateway/options.ts';
import { METRICS } from '../../src/observe/metric-table.ts';
import { CLOSE_CODES } from '../../src/protocol/close-codes.ts';
import { ERRORS } from '../../src/protocol/errors.ts';
import { root } from '../support/gateway.ts';

const program = await loadProgram();

/** The page itself has the words, and the changelog speaks of what was. */
const EXEMPT = new Set(['docs/style.md', 'CHANGELOG.md']);
const SKIPPED = new Set(['node_modules', 'dist', 'test', 'fixtures']);

function* filesOf(folder: string, extension: RegExp): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!entry.name.startsWith('.') && !SKIPPED.has(entry.name)) yield* filesOf(path, extension);
    } else if (extension.test(path) && !EXEMPT.has(path)) yield path;
  }
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');

const pages: readonly string[] = [...filesOf('', /\.md$/)];
const sources: readonly string[] = ['packages', 'servers'].flatMap((folder) => [
  ...filesOf(folder, /\/src\/.*\.tsx?$/),
]);
const supports: readonly string[] = ['packages', 'servers']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}/test/support`))
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => [...filesOf(folder, /\.tsx?$/)]);

/** Where something of this name is declared: a class, a type, a function, a variable, or a member at the beginning of a line. */
const declarationOf = (name: string): RegExp =>
  new RegExp(
    `\\b(?:class|interface|type|function|const|let)\\s+${name}\\b|` +
      `^\\s+(?:(?:async|readonly|static|get|set|override)\\s+)*#?${name}\\s*[(<=:?]`,
    'm',
  );

/** The left column of the table below a heading of the page. */
function leftColumnOf(heading: string): string[] {
  const [, section = ''] = read('docs/style.md').split(`\n## ${heading}\n`);
  const rows = [...section.split('\n## ', 1)[0]!.matchAll(/^\| (.+?) +\| /gm)].map(([, left]) => left!);
  expect(rows.length, heading).toBeGreaterThan(2);
  return rows.slice(2);
}

const helpOf = (command: Command): string[] => [command.helpInformation(), ...command.commands.flatMap(helpOf)];

const wordings: Readonly<Record<string, readonly string[]>> = {
  errors: Object.values(ERRORS).map(({ message }) => message),
  options: Object.values(OPTIONS).map(({ describe: text }) => text),
  'close codes': Object.values(CLOSE_CODES).map(({ meaning }) => meaning),
  metrics: Object.values(METRICS).map(({ help }) => help),
  help: helpOf(program),
};

/** The code by its path: of the sources, and of what tests have in common. */
const code: ReadonlyMap<string, string> = new Map([...sources, ...supports].map((path) => [path, read(path)] as const));

/** What stands in each page and source, with every line break as a blank. */
const texts: ReadonlyMap<string, string> = new Map([...pages, ...sources].map((path) => [path, oneLine(read(path))]));

describe('the style page', () => {
  it.each(leftColumnOf('Phrases'))('keeps "%s" out of sources and pages', (phrase) => {
    expect([...texts.keys()].filter((path) => texts.get(path)!.includes(phrase))).toEqual([]);
  });

  it.each(leftColumnOf('Words'))('keeps "%s" out of what the program says, and out of the pages', (word) => {
    const pattern = new RegExp(`\\b${word}\\b`, 'i');
    const spoken = Object.entries(wordings).flatMap(([of, all]) =>
      all.filter((text) => pattern.test(text)).map((text) => `${of}: ${text}`),
    );
    expect([...spoken, ...pages.filter((path) => pattern.test(texts.get(path)!))]).toEqual([]);
  });

  it.each(leftColumnOf('Names').flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!)))(
    'keeps %s out of the names in the code',
    (name) => {
      const declaration = declarationOf(name);
      expect([...code.keys()].filter((path) => declaration.test(code.get(path)!))).toEqual([]);
    },
  );

  it('keeps "is told" out of errors, options and help', () => {
    const passive = /\b(is|are|was|were|be) told\b/i;
    expect(
      Object.values(wordings)
        .flat()
        .filter((text) => passive.test(text)),
    ).toEqual([]);
  });
});
