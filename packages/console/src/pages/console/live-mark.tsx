import type { JSX } from 'preact';
import type { LiveLink } from './live-link.ts';
import { age } from './words.ts';

/** Says whether what is shown is as it is now, and since when it is not. */
export function LiveMark({ live }: { readonly live: LiveLink }): JSX.Element {
  const { link, heardAt, retryAt, refusal } = live;
  const ago = heardAt === 0 ? '' : `, as of ${age(Date.now() - heardAt)} ago`;
  if (link === 'live') {
    return (
      <p class="live" role="status">
        <i class="dot good" /> Live
      </p>
    );
  }
  if (link === 'connecting' || link === 'resting' || link === 'ended') {
    return (
      <p class="live" role="status">
        <i class="dot" /> Connecting…
      </p>
    );
  }
  const seconds = Math.max(0, Math.ceil(((retryAt ?? 0) - Date.now()) / 1000));
  return (
    <p class="live warn" role="status">
      <i class="dot warn" /> Not live{ago}. {refusal}{' '}
      {link === 'waiting' && <span class="retry-in">Next attempt in {seconds} s.</span>}{' '}
      <button type="button" class="inline" onClick={() => live.retry()}>
        Try now
      </button>
    </p>
  );
}
