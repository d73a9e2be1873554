/** Figures as people read them. */

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;

/** `0.4 ms`, `45 ms`, `1.2 s`, `3m 20s`, `2h 5m`, `3d 4h`. */
export function duration(ms: number): string {
  if (ms < 1) return `${Math.max(0, ms).toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return age(ms);
}

/** The same in whole seconds. */
export function age(ms: number): string {
  let seconds = Math.max(0, Math.floor(ms / 1000));
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(seconds / size);
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    seconds -= count * size;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0s';
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
  return at === 0 ? `${Math.round(value)} B` : `${value.toFixed(value < 10 ? 1 : 0)} ${units[at]}`;
}

const GROUPED = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
/** Why a server fails, without what a page that speaks of it says already. */
export const reasonOf = (text: string): string =>
  text.replace(/^The upstream server (?:is not available|ended before it answered|keeps failing): /, '');

/** `10,000`. */
export const count = (value: number): string => GROUPED.format(value);
/** `1 session`, `3 sessions`. */
export const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
/** `0.3`, `12`, `5,120`: so many digits as say something. */
export const rate = (value: number): string => (value > 0 && value < 10 ? value.toFixed(1) : count(value));

/** `4 %`, `0.3 %`. */
export const share = (value: number): string => `${rate(value * 100)} %`;

/** What is left of a limit: `599/600`; of a large one as a share of it, which fits into a column. */
export const left = (remaining: number, limit: number): string =>
  limit < 10_000
    ? `${count(Math.floor(remaining))}/${count(limit)}`
    : `${Math.floor((remaining / limit) * 100)} % of ${count(limit)}`;

/** Exactly, in the reader's own time. */
export const exactly = (time: number): string =>
  new Date(time).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
export const clock = (time: number): string => new Date(time).toLocaleTimeString('en-GB');
