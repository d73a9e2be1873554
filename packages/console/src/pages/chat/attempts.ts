import { isTurn, type Item } from './items.ts';

/**
 * The keys of what was asked again word by word, by the same person: the later attempt stands for it. Both the question and its
 * answers, if those have ended.
 */
export function earlierAttempts(items: readonly Item[]): ReadonlySet<string> {
  const keys = new Set<string>();
  let attempt: Item[] = [];
  for (const item of items) {
    const [first] = attempt;
    const isAgain =
      first?.kind === 'said' && item.kind === 'said' && first.text === item.text && first.from === item.from;
    if (isAgain && attempt.slice(1).some((one) => isTurn(one)) && attempt.every((one) => !isTurn(one) || one.stopped)) {
      for (const one of attempt) if (one.kind !== 'notice') keys.add(one.key);
    }
    if (item.kind === 'said') attempt = [item];
    else attempt.push(item);
  }
  return keys;
}
