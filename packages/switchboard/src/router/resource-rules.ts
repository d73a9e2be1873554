/** Rules for resources: patterns that are compared with what a URI means, in whichever way it is written. */
import { matchesPattern } from '../util/pattern.ts';
import { readResourceUri } from './resource-uri.ts';
import type { Rules } from './rules.ts';

/** A pattern as it is written, and as canonical and decoded URIs match it. */
function spellingsOf(pattern: string): string[] {
  const read = readResourceUri(pattern);
  return read === undefined ? [pattern] : [pattern, read.canonical, ...read.readings.map(({ full }) => full)];
}

/** With its host in small letters. */
const folded = (pattern: string): string => pattern.replace(/^[^/?#]*:\/\/[^/?#]*/, (front) => front.toLowerCase());

/** @returns whether a URI passes; without rules each does, and with them none that cannot be read. */
export function resourceRules(rules: Rules | undefined): (uri: string) => boolean {
  if (rules === undefined) return () => true;
  const { allow, deny = [] } = rules;
  const denied = [...new Set(deny.flatMap(spellingsOf).flatMap((each) => [each, folded(each)]))];
  const allowed = allow?.flatMap(spellingsOf);
  return (uri) => {
    const read = readResourceUri(uri);
    if (read === undefined) return false;
    if (read.lookalikes.some((text) => denied.some((pattern) => matchesPattern(pattern, text)))) return false;
    if (allowed === undefined) return true;
    return read.readings.every(({ full, bare }) =>
      // A pattern without a query must fit without it too: a server may pass it over.
      allowed.some((each) => matchesPattern(each, full) && (/[?#]/.test(each) || matchesPattern(each, bare))),
    );
  };
}
