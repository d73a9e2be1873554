/** Durations and sizes as people write them: `90s`, `60m`, `4MiB`; a bare number counts seconds, or bytes. */

/** A length of time as one writes it: a text with a unit, such as `'90s'`, `'60m'` or `'2h'`; a number counts seconds. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** A number of bytes as one writes it: a number, or a text with a unit of 1024, such as `'512KiB'` or `'4MiB'`. */
export type Size = number | `${number}${'B' | 'K' | 'KB' | 'KiB' | 'M' | 'MB' | 'MiB' | 'G' | 'GB' | 'GiB'}`;

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  kb: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  gib: 1024 ** 3,
};

/** @returns milliseconds, or undefined when the text is no duration. */
export function parseDuration(value: string | number): number | undefined {
  return parse(value, DURATION_UNITS, 's');
}

/** @returns bytes, or undefined when the text is no size. */
export function parseSize(value: string | number): number | undefined {
  return parse(value, SIZE_UNITS, 'b');
}

/** @returns a text that is read as exactly so many milliseconds, such as `90s`. */
export const writeDuration = (ms: number): string => write(ms, ['d', 'h', 'm', 's', 'ms'], DURATION_UNITS);

/** @returns a text that is read as exactly so many bytes, such as `4MiB`; `1000000B` where no unit of 1024 fits. */
export const writeSize = (bytes: number): string => write(bytes, ['GiB', 'MiB', 'KiB', 'B'], SIZE_UNITS);

/** In the largest unit of which it is a whole number. */
function write(value: number, names: readonly string[], units: Readonly<Record<string, number>>): string {
  const factorOf = (name: string): number => units[name.toLowerCase()]!;
  const unit = names.find((name) => value >= factorOf(name) && value % factorOf(name) === 0) ?? names.at(-1)!;
  return `${value / factorOf(unit)}${unit}`;
}

function parse(value: string | number, units: Readonly<Record<string, number>>, bare: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(String(value));
  if (match === null) return undefined;
  const [, digits = '', unit = ''] = match;
  const factor = Object.entries(units).find(([name]) => name === (unit.toLowerCase() || bare))?.[1];
  return factor === undefined ? undefined : Math.round(Number(digits) * factor);
}
