/** The page of attacks names tests that are there. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const tests = new URL('../', import.meta.url);
const page = readFileSync(new URL('../../../docs/reference/security.md', tests), 'utf8');

const rows = page
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** The attacks have numbers, so that none is left out. */
const ATTACKS = 57;

/** The titles of a file, and of the rules that it shares with others, as they are written: the words of `it`, `describe` and their tables. */
function titlesOf(file: string): string {
  const own = readFileSync(new URL(file, tests), 'utf8');
  const shared = [...own.matchAll(/from '\.\.\/(support\/[\w-]+-rules\.ts)'/g)].map(([, rules]) => rules!);
  const text = [own, ...shared.map((rules) => readFileSync(new URL(rules, tests), 'utf8'))].join('\n');
  return [...text.matchAll(/(['"`])((?:(?!\1)[^\\\n]|\\.)+)\1/g)].map(([, , words]) => words).join('\n');
}

it('names for every attack a test that exists', () => {
  expect([...new Set(rows.map(([, number]) => Number(number)))]).toEqual(
    Array.from({ length: ATTACKS }, (_, index) => index + 1),
  );
  for (const [, , attack, , test = ''] of rows) {
    const [, file = '', title = ''] = /^`([\w/.-]+\.test\.ts)`: (.+)$/.exec(test) ?? [];
    expect(title, `the test of: ${attack}`).not.toBe('');
    expect(titlesOf(file), `in ${file}`).toContain(title);
  }
});

it('has an answer in every row', () => {
  for (const cells of rows) expect(cells.filter((cell) => cell !== '')).toHaveLength(4);
});
