import { describe, expect, it } from 'vitest';
import { announcement } from '../../src/pages/chat/announce.ts';
import { initialState, reduce, type ChatState, type Step } from '../../src/pages/chat/state.ts';
import type { ServerMessage } from '../../src/pages/chat/wire.ts';

/** What is said of each of the events. */
function announced(events: readonly (ServerMessage | Step)[]): string[] {
  let state: ChatState = initialState();
  return events.flatMap((event) => {
    const before = state;
    state = reduce(before, event);
    return announcement(before, state) ?? [];
  });
}

const established = { type: 'connection_established', session_id: 's', message: '', authenticated: true } as const;

describe('what a screen reader is told', () => {
  it('is the whole answer, not its pieces', () => {
    expect(
      announced([
        established,
        { type: 'processing', message: '', turn: 't1' },
        { type: 'delta', turn: 't1', text: 'It ' },
        { type: 'delta', turn: 't1', text: 'is 3.' },
        { type: 'response', turn: 't1', seq: 1, message: 'It is 3.', stopped: 'done' },
      ]),
    ).toEqual(['The assistant answers.', 'The assistant: It is 3.']);
  });

  it('is that something waits for an answer, and that the connection is lost and back', () => {
    expect(
      announced([
        established,
        { type: 'question', question: 'u', server: 'demo', message: 'Which?', expires_at: '' },
        { type: 'page.cut', retryAt: 0 },
        established,
      ]),
    ).toEqual(['Your answer is needed: Which?', 'The connection is lost. It is tried again.', 'Connected again.']);
  });

  it('is what others say in a room, and not what oneself says', () => {
    const entry = { kind: 'person', at: '', text: 'Hello' } as const;
    expect(
      announced([
        established,
        { type: 'joined', room: 'r', name: 'Ada' },
        { type: 'said', entry: { ...entry, seq: 1, from: 'Ada' } },
        { type: 'said', entry: { ...entry, seq: 2, from: 'Grace' } },
      ]),
    ).toEqual(['Grace: Hello']);
  });

  it('is only the beginning of a very long answer', () => {
    const message = 'a'.repeat(5_000);
    const [told] = announced([established, { type: 'response', turn: 't', seq: 1, message, stopped: 'done' }]);
    expect(told!.length).toBeLessThan(700);
  });
});
