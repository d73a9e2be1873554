import { describe, expect, it } from 'vitest';
import { follows, type Place } from '../../src/pages/chat/following.ts';

const place = (top: number, height = 2_000, seen = 500): Place => ({ top, height, seen });
const end = place(1_500);

describe('following an answer', () => {
  it('goes on while text is added at the end', () => {
    expect(follows(true, end, place(1_500, 2_400))).toBe(true);
  });

  it('ends when somebody scrolls up by a little', () => {
    expect(follows(true, end, place(1_490))).toBe(false);
  });

  it('ends too if text was added between the scrolling and the look', () => {
    expect(follows(true, end, place(1_490, 2_400))).toBe(false);
  });

  it('does not begin again before somebody has come to the end', () => {
    expect(follows(false, place(1_000), place(1_400))).toBe(false);
    expect(follows(false, place(1_400), place(1_499.4))).toBe(true);
  });

  it('goes on when there is less text, or more room for it', () => {
    expect(follows(true, end, place(1_200, 1_700))).toBe(true);
    expect(follows(true, end, place(1_300, 2_000, 700))).toBe(true);
  });
});
