import type { JSX } from 'preact';
import { age } from './words.ts';

const TONES: Readonly<Record<string, 'good' | 'warn' | 'bad'>> = {
  ready: 'good',
  running: 'good',
  ok: 'good',
  done: 'good',
  stopped: 'warn',
  seen: 'good',
  serving: 'good',
  draining: 'warn',
  good: 'good',
  hidden: 'warn',
  away: 'warn',
  asked: 'warn',
  queued: 'warn',
  waits: 'warn',
  parked: 'warn',
  starting: 'warn',
  retiring: 'warn',
  cancelled: 'warn',
  refused: 'bad',
  failing: 'bad',
  failed: 'bad',
  error: 'bad',
  revoked: 'bad',
  expired: 'warn',
};
const WORDS: Readonly<Record<string, string>> = {
  isError: 'tool error',
  idle: 'not started',
  asked: 'waits for your answer',
};

/** A call that runs for longer is shown as one that waits, in ms. */
const WAITS_MS = 5000;

/** The state of a request under way: one that takes long is no good sign. */
export function RequestMark({
  state,
  method,
  ms,
}: {
  readonly state: string;
  readonly method: string;
  readonly ms: number;
}): JSX.Element {
  // A listen lasts as long as its client likes.
  if (state !== 'running' || ms < WAITS_MS || method === 'subscriptions/listen') return <StateMark state={state} />;
  return <StateMark state="waits" since={age(ms)} />;
}

/** A state as a dot and a word, so that no colour is needed to tell. */
export function StateMark({ state, since }: { readonly state: string; readonly since?: string }): JSX.Element {
  return (
    <span class="state">
      <i class={`dot ${state === 'isError' ? 'bad' : (TONES[state] ?? '')}`} />
      {WORDS[state] ?? state}
      {since !== undefined && ` ${since}`}
    </span>
  );
}
