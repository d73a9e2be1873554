import { distance } from 'fastest-levenshtein';

/** The candidate that a word was most likely meant to be: one or two letters differ. Nothing where none is so near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  const most = wanted.length > 5 ? 2 : 1;
  let [best, least] = [undefined as string | undefined, most + 1];
  for (const candidate of candidates) {
    const found = distance(wanted, candidate.toLowerCase());
    if (found < least) [best, least] = [candidate, found];
  }
  return best;
}

/** ` Did you mean "demo"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? '' : ` Did you mean ${JSON.stringify(meant)}?`;
}
