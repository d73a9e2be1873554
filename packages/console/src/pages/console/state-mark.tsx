import type { JSX } from 'preact';

const TONES: Readonly<Record<string, 'good' | 'warn' | 'bad'>> = {
  ready: 'good',
  running: 'good',
  ok: 'good',
  seen: 'good',
  serving: 'good',
  draining: 'warn',
  good: 'good',
  hidden: 'warn',
  away: 'warn',
  asked: 'warn',
  queued: 'warn',
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

/** A state as a dot and a word, so that no colour is needed to tell. */
export function StateMark({ state }: { readonly state: string }): JSX.Element {
  return (
    <span class="state">
      <i class={`dot ${state === 'isError' ? 'bad' : (TONES[state] ?? '')}`} />
      {WORDS[state] ?? state}
    </span>
  );
}
