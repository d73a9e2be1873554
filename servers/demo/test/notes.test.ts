import { describe, expect, it } from 'vitest';
import { Notes } from '../src/notes.ts';

describe('the notes', () => {
  it('are at most 1000', () => {
    const notes = new Notes();
    for (let number = 1; number <= 1_000; number += 1) expect(notes.add('x').number).toBe(number);
    expect(() => notes.add('x')).toThrow('There are 1000 notes');
    expect(notes.list()).toHaveLength(1_000);
  });

  it('have at most 10000 bytes each', () => {
    const notes = new Notes();
    notes.add('é'.repeat(5_000));
    expect(() => notes.add(`${'é'.repeat(5_000)}.`)).toThrow('The note has 10001 bytes');
    expect(notes.list()).toHaveLength(1);
  });

  it('have at most 1000000 bytes together, so that a list of them fits in a message', () => {
    const notes = new Notes();
    for (let number = 1; number <= 100; number += 1) notes.add('x'.repeat(10_000));
    expect(() => notes.add('x')).toThrow('1000001 bytes');
  });
});
