/** Durations, sizes, rates and shares as people write them, and as the terminal shows them. */

const DURATIONS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZES: Readonly<Record<string, number>> = {
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
const RATES: Readonly<Record<string, number>> = { '/s': 1, '/m': 1 / 60, '/min': 1 / 60, '/h': 1 / 3600 };

/** 24 days, in ms. A timer would take a longer wait for 1 ms. */
export const MAX_WAIT_MS: number = 24 * 24 * 3_600_000;

/** `60s`, `500ms`, `2m`; a bare number counts seconds. @returns milliseconds, or undefined when the text is no duration. */
export const parseDuration = (text: string): number | undefined => scaled(text, DURATIONS, 's');

/** `4MiB`, `100k`; a bare number counts bytes. @returns bytes, or undefined when the text is no size. */
export const parseSize = (text: string): number | undefined => scaled(text, SIZES, 'b');

/** `5000`, `5000/s`, `90/m`. @returns calls a second, or undefined when the text is no rate. */
export const parseRate = (text: string): number | undefined => scaled(text, RATES, '/s');

/** `5%`, `0.05`. @returns a share from 0 to 1, or undefined when the text is none. */
export function parseShare(text: string): number | undefined {
  const share = scaled(text, { '%': 0.01, '': 1 }, '');
  return share !== undefined && share <= 1 ? share : undefined;
}

function scaled(text: string, units: Readonly<Record<string, number>>, bare: string): number | undefined {
  const [, digits, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z/%]*)\s*$/i.exec(text) ?? [];
  const factor = units[unit.toLowerCase() || bare];
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}

/** Three digits, and groups of thousands. */
export function showNumber(value: number): string {
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

/** @param ms milliseconds */
export function showDuration(ms: number): string {
  if (ms < 1 && ms > 0) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 1000) return `${showNumber(ms)} ms`;
  if (ms < 120_000) return `${showNumber(ms / 1000)} s`;
  return `${showNumber(ms / 60_000)} min`;
}

export function showSize(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  if (bytes < 1024 ** 2) return `${showNumber(bytes / 1024)} KiB`;
  return bytes < 1024 ** 3 ? `${showNumber(bytes / 1024 ** 2)} MiB` : `${showNumber(bytes / 1024 ** 3)} GiB`;
}

export const showShare = (share: number): string => `${showNumber(share * 100)} %`;

/** To three digits after the point: finer is noise. */
export const round = (value: number): number => Math.round(value * 1000) / 1000;
