/** What a reload of the configuration changed, in words. */
import type { Reloaded } from './facts.ts';

const PARTS: readonly (readonly [keyof Reloaded, string])[] = [
  ['added', 'added'],
  ['changed', 'changed'],
  ['removed', 'removed'],
  ['applied', 'applied'],
  ['restartNeeded', 'needs a restart'],
];

export function describeReload(reloaded: Reloaded): string {
  const text = PARTS.flatMap(([part, words]) =>
    reloaded[part].length === 0 ? [] : [`${words}: ${reloaded[part].join(', ')}`],
  );
  return `The configuration was read again; ${text.join('; ') || 'nothing changed'}.`;
}

/** What it would do, before it is done. */
export function effectOf({ added, changed, removed, applied, restartNeeded }: Reloaded): string {
  const sentences = [
    added.length > 0 && `It serves ${added.join(', ')}.`,
    changed.length > 0 && `${changed.join(', ')} restarts, after its running calls.`,
    removed.length > 0 && `${removed.join(', ')} finishes its running calls and ends, with its sessions.`,
    applied.length > 0 && `${applied.join(', ')} holds from the next request on.`,
    restartNeeded.length > 0 && `${restartNeeded.join(', ')} takes effect when Switchboard starts again.`,
  ].filter((sentence) => sentence !== false);
  return sentences.join(' ') || 'Nothing that runs changes.';
}
