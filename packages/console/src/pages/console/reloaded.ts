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

/** Names as the subject of a sentence, with the verb for one or for several. */
const say = (names: readonly string[], one: string, several: string): string[] =>
  names.length === 0 ? [] : [`${names.join(', ')} ${names.length === 1 ? one : several}.`];

/** What it would do, before it is done. */
export function effectOf({ added, changed, removed, applied, restartNeeded }: Reloaded): string {
  const sentences = [
    ...say(added, 'is served', 'are served'),
    ...say(changed, 'restarts, after its running calls', 'restart, after their running calls'),
    ...say(
      removed,
      'finishes its running calls and ends, with its sessions',
      'finish their running calls and end, with their sessions',
    ),
    ...say(applied, 'holds from the next request on', 'hold from the next request on'),
    ...say(restartNeeded, 'takes effect when Switchboard starts again', 'take effect when Switchboard starts again'),
  ];
  return sentences.join(' ') || 'Nothing that runs changes.';
}
