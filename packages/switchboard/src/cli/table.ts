/** What the commands print for people: tables, durations and sizes. */
import { pipeline } from 'node:stream/promises';

import { cut } from '../util/cut.ts';

/** What servers and clients say must not steer the terminal. */
export const clean = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\uFFFD');

export function print(text: string): void {
  process.stdout.write(`${clean(text)}\n`);
}

/**
 * Prints each line when it comes, as fast as stdout takes them. Ends without an error when stdout is closed, as under `| head`.
 *
 * @param describe the text of a line, which must not steer the terminal.
 */
export async function printLive(lines: AsyncIterable<string>, describe: (line: string) => string): Promise<void> {
  const texts = async function* (): AsyncGenerator<string> {
    for await (const line of lines) yield `${describe(line)}\n`;
  };
  try {
    await pipeline(texts, process.stdout, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

/** A name, and in a cluster the node that has it. */
export const onNode = (name: string, node: string | undefined): string =>
  node === undefined ? name : `${name} @${node}`;

const MAX_CELL = 60;
const BOLD = ['\u001b[1m', '\u001b[22m'] as const;
const COLOURS: Readonly<Record<string, readonly [string, string]>> = {
  good: ['\u001b[32m', '\u001b[39m'],
  warn: ['\u001b[33m', '\u001b[39m'],
  bad: ['\u001b[31m', '\u001b[39m'],
};
const MOODS: Readonly<Record<string, keyof typeof COLOURS>> = {
  ready: 'good',
  running: 'good',
  serving: 'good',
  ok: 'good',
  away: 'warn',
  queued: 'warn',
  parked: 'warn',
  draining: 'warn',
  retiring: 'warn',
  warning: 'warn',
  failing: 'bad',
  failed: 'bad',
};

/** Colours are off where NO_COLOR is set (https://no-color.org). */
export const wantsColours = (): boolean => (process.env['NO_COLOR'] ?? '') === '';

/** Colours are for a terminal. */
export const isColoured = (): boolean => process.stdout.isTTY && wantsColours();

/** Prints rows under their heads, numbers to the right; a sentence when there are none. */
export function printTable(
  heads: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  none: string,
): void {
  if (rows.length === 0) {
    print(none);
    return;
  }
  const cells = rows.map((row) => row.map((cell) => shortened(clean(String(cell)).replaceAll(/[\t\n]+/g, ' '))));
  const widths = heads.map((head, at) => Math.max(head.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const right = heads.map((_, at) => rows.every((row) => typeof row[at] === 'number'));
  const coloured = isColoured();
  const line = (row: readonly string[], paint: (padded: string, cell: string) => string): string =>
    row
      .map((cell, at) => {
        const width = widths[at] ?? 0;
        return paint(right[at] === true ? cell.padStart(width) : cell.padEnd(width), cell);
      })
      .join('  ')
      .trimEnd();
  const head = line(heads, (padded) => (coloured ? wrap(BOLD, padded) : padded));
  const body = cells.map((row) =>
    line(row, (padded, cell) => {
      const colour = coloured ? COLOURS[MOODS[cell] ?? ''] : undefined;
      return colour === undefined ? padded : wrap(colour, padded);
    }),
  );
  process.stdout.write(`${[head, ...body].join('\n')}\n`);
}

const wrap = ([on, off]: readonly [string, string], text: string): string => `${on}${text}${off}`;
const shortened = (text: string): string => (text.length > MAX_CELL ? `${cut(text, MAX_CELL - 1)}…` : text);

/** `45ms`, `12s`, `3m 20s`, `2h 5m`, `3d 4h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const;
  let seconds = Math.round(ms / 1000);
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(seconds / size);
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    seconds -= count * size;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** `512 B`, `4.0 MiB`. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at++;
  }
  return at === 0 ? `${value} B` : `${value.toFixed(1)} ${units[at]}`;
}
