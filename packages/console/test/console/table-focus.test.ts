import { describe, expect, it } from 'vitest';
import { drawnPlaces, focusedAt } from '../../src/pages/console/table-focus.ts';

describe('the focus of a table', () => {
  it('stays with its row while others come before it and go', () => {
    expect(focusedAt(['a', 'b', 'c'], 'c', 2)).toBe(2);
    expect(focusedAt(['new', 'newer', 'a', 'b', 'c'], 'c', 2)).toBe(4);
    expect(focusedAt(['c'], 'c', 4)).toBe(0);
  });

  it('passes to the row that took the place of one that has gone, and is at the first where there was none', () => {
    expect(focusedAt(['a', 'c', 'd'], 'b', 1)).toBe(1);
    expect(focusedAt(['a'], 'b', 7)).toBe(0);
    expect(focusedAt([], 'b', 7)).toBe(0);
    expect(focusedAt(['a', 'b'], undefined, 0)).toBe(0);
  });

  it('is at a row that is drawn, wherever somebody has scrolled to', () => {
    expect(drawnPlaces(3, 6, 4, 10)).toEqual([3, 4, 5]);
    expect(drawnPlaces(3, 6, 0, 10)).toEqual([0, 3, 4, 5]);
    expect(drawnPlaces(3, 6, 9, 10)).toEqual([3, 4, 5, 9]);
    expect(drawnPlaces(0, 0, 0, 0)).toEqual([]);
  });
});
