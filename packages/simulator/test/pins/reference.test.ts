/** The reference page says what the code says: every entry of a table in the code has its row, and every row its entry. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { STORMS } from '../../src/chaos.ts';
import { ERRORS, EXIT } from '../../src/errors.ts';
import { FAULTS } from '../../src/integrity.ts';
import { OPTIONS, flagOf } from '../../src/options.ts';
import { STEPS } from '../../src/scenario.ts';
import { HOLE_NAMES } from '../../src/template.ts';
import { MEASURES } from '../../src/thresholds.ts';
import { VERSION } from '../../src/version.ts';

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');
const page = read('docs/reference/simulator.md');
const ticked = (text: string): string => (text === '' ? '' : `\`${text}\``);

/** The rows of the one table with exactly these columns. */
function tableOf(...columns: readonly string[]): string[][] {
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const lines = page.split('\n');
  const heads = lines.flatMap((line, index) => (cells(line).join('|') === columns.join('|') ? [index] : []));
  expect(heads, `tables with the columns ${columns.join(', ')}`).toHaveLength(1);
  const body = lines.slice(heads[0]! + 2);
  return body
    .slice(
      0,
      body.findIndex((line) => !line.startsWith('|')),
    )
    .map(cells);
}

describe('the reference page of the simulator', () => {
  it('has every option with its default and its meaning, and no other', () => {
    expect(tableOf('option', 'default', 'meaning')).toEqual(
      Object.entries(OPTIONS).map(([name, { value, fallback, describe: meaning }]) => [
        ticked(flagOf(name) + (value === undefined ? '' : ` <${value}>`)),
        value === undefined ? '' : ticked(fallback),
        meaning,
      ]),
    );
  });

  it('has every fault, measure, storm and step, and no other', () => {
    const meanings = (entries: Readonly<Record<string, string>>): string[][] =>
      Object.entries(entries).map(([name, meaning]) => [ticked(name), meaning]);
    expect(tableOf('fault', 'meaning')).toEqual(meanings(FAULTS));
    expect(tableOf('measure', 'meaning')).toEqual(
      Object.entries(MEASURES).map(([name, { meaning }]) => [ticked(name), meaning]),
    );
    expect(tableOf('storm', 'share', 'of', 'meaning')).toEqual(
      Object.entries(STORMS).map(([name, { share, of, meaning }]) => [ticked(name), `${share * 100}%`, of, meaning]),
    );
    expect(tableOf('step', 'keys', 'meaning')).toEqual(
      Object.entries(STEPS).map(([name, { keys, meaning }]) => [ticked(name), keys.map(ticked).join(', '), meaning]),
    );
  });

  it('has every hole of a template, and no other', () => {
    const holes = tableOf('hole', 'is filled with').map(([hole = '']) => /\{\{(\w+)/.exec(hole)?.[1]);
    expect(new Set(holes)).toEqual(new Set(HOLE_NAMES));
    expect(holes).toHaveLength(HOLE_NAMES.length);
  });

  it('has every error and every exit code, and no other', () => {
    expect(tableOf('name', 'exit', 'message')).toEqual(
      Object.entries(ERRORS).map(([name, { exit, message }]) => [ticked(name), ticked(exit), message]),
    );
    expect(tableOf('code', 'name', 'meaning')).toEqual(
      Object.entries(EXIT).map(([name, { code, meaning }]) => [String(code), ticked(name), meaning]),
    );
  });
});

describe('the version', () => {
  it('is that of Switchboard', () => {
    const manifest = JSON.parse(read('packages/switchboard/package.json')) as { version: string };
    expect(VERSION).toBe(manifest.version);
  });
});
