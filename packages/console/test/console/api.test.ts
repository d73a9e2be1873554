import { describe, expect, it } from 'vitest';
import { failedNodes } from '../../src/pages/console/api.ts';

describe('an answer of all nodes', () => {
  it('names those that did not do it, and why', () => {
    expect(failedNodes({ nodes: { a: {}, b: { error: 'It cannot be reached' }, c: { count: 0 } } })).toEqual([
      'b: It cannot be reached',
    ]);
    for (const answer of [undefined, {}, { nodes: { a: {} } }, { nodes: null }, { nodes: [{ error: 7 }] }]) {
      expect(failedNodes(answer)).toEqual([]);
    }
  });
});
