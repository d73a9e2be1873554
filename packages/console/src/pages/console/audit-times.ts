/** The times of a search: the address says them for everybody, the form in the reader's own zone. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MAX_TIME = Date.UTC(9999, 0);
const AGO = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i;

/** Whether it says how long ago, such as `2h`, and not when. */
export const isAgo = (text: string): boolean => AGO.test(text);

/** @param text of the address. @returns as a field for date and time has it, to the second; empty where it says no time. */
export function localTime(text: string, now: number): string {
  const [, digits = '', unit = ''] = AGO.exec(text) ?? [];
  const time =
    digits === '' ? Date.parse(text) : now - Number(digits) * (UNITS[unit.toLowerCase() || 's'] ?? Number.NaN);
  // A field has four digits for a year.
  if (!(Math.abs(time) < MAX_TIME)) return '';
  // What ISO 8601 says of the zone at Greenwich, said of this one. A field leaves out seconds that are 0.
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString();
  return local.slice(0, 19).replace(/(T..:..):00$/, '$1');
}

/** @param local of a field for date and time. @returns as the address has it, in UTC; empty where there is none. */
export function addressTime(local: string): string {
  const time = Date.parse(local);
  return Number.isFinite(time) ? new Date(time).toISOString().replace('.000Z', 'Z') : '';
}

/** Which choice of times an address stands for: a span that ends now, such as `24h`, `exact`, or none. */
export function spanOf({ since = '', until = '' }: Readonly<Record<string, string>>): string {
  if (until !== '') return 'exact';
  return since === '' || isAgo(since) ? since : 'exact';
}
