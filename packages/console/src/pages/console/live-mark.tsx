import type { JSX } from 'preact';
import type { LiveLink } from './live-link.ts';
import { age } from './words.ts';

/** What is announced: it must not change with each second. */
function stateOf({ link, refusal = '' }: LiveLink): string {
  if (link === 'live') return 'Live';
  if (link === 'late' || link === 'waiting') return `Not live. ${refusal}`;
  return 'Connecting…';
}

/** Says whether what is shown is as it is now, and since when it is not. */
export function LiveMark({ live }: { readonly live: LiveLink }): JSX.Element {
  const { link, heardAt, retryAt } = live;
  const isWrong = link === 'late' || link === 'waiting';
  const seconds = Math.max(0, Math.ceil(((retryAt ?? 0) - Date.now()) / 1000));
  return (
    <p class={isWrong ? 'live warn' : 'live'}>
      <i class={`dot ${link === 'live' ? 'good' : isWrong ? 'warn' : ''}`} /> <span role="status">{stateOf(live)}</span>
      {isWrong && (
        <>
          {heardAt > 0 && <span>As of {age(Date.now() - heardAt)} ago. </span>}
          {link === 'waiting' && <span class="retry-in">Next attempt in {seconds} s.</span>}{' '}
          <button type="button" class="inline" onClick={() => live.retry()}>
            Try now
          </button>
        </>
      )}
    </p>
  );
}
