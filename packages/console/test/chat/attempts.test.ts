import { describe, expect, it } from 'vitest';
import { earlierAttempts } from '../../src/pages/chat/attempts.ts';
import { changeTurn, type Item, type Said } from '../../src/pages/chat/items.ts';

const said = (key: string, text: string, from = 'you'): Said => ({ kind: 'said', key, from, text, at: undefined });
const turn = (id: string, stopped: 'done' | 'runs' = 'done'): Item =>
  changeTurn([], id, (one) => ({ ...one, stopped: stopped === 'runs' ? undefined : stopped }))[0]!;

describe('what was asked again', () => {
  it('stands for the attempts before it, with their answers', () => {
    const items = [said('a', 'Why?'), turn('1'), said('b', 'Why?'), turn('2'), said('c', 'Why?'), turn('3')];
    expect([...earlierAttempts(items)]).toEqual(['a', 'turn 1', 'b', 'turn 2']);
  });

  it('is only what was asked word by word, by the same person, after an answer', () => {
    expect(earlierAttempts([said('a', 'Why?'), turn('1'), said('b', 'Why not?'), turn('2')]).size).toBe(0);
    expect(earlierAttempts([said('a', 'Why?', 'Ada'), turn('1'), said('b', 'Why?', 'Eve')]).size).toBe(0);
    expect(earlierAttempts([said('a', 'Ha'), said('b', 'Ha')]).size).toBe(0);
    expect(earlierAttempts([said('a', 'Why?'), turn('1', 'runs'), said('b', 'Why?')]).size).toBe(0);
  });
});
