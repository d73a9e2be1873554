import { expect, it } from 'vitest';
import { LiveState } from '../../src/pages/console/live-state.ts';
import { viewsFor } from '../../src/pages/console/place.ts';
import { findTargets, TARGET_TOPICS, targetsOf } from '../../src/pages/console/targets.ts';

function stateWith(messages: Readonly<Record<string, object>>): LiveState {
  const state = new LiveState();
  for (const [topic, message] of Object.entries(messages)) state.apply(topic, message);
  return state;
}

it('leads to views, servers, sessions and requests, those that have ended too, by any words of them', () => {
  const state = stateWith({
    upstreams: { all: [{ name: 'demo' }] },
    sessions: {
      all: [
        { id: '10.0.0.1', principal: 'ann', client: { name: 'Cursor' } },
        { id: '10.0.0.1', key: 'of bob', principal: 'bob' },
      ],
    },
    requests: { all: [{ id: 'r1', method: 'tools/call', target: 'slow' }] },
    recent: {
      all: [
        { nr: 1, id: 'r0', method: 'tools/list' },
        { nr: 2, id: 'r1', method: 'x' },
        { nr: 3, method: 'x' },
      ],
    },
  });
  const targets = targetsOf(state, viewsFor(true));
  const found = (text: string): unknown[] => findTargets(targets, text, 12).map(({ view, id }) => [view, id]);
  expect(found('DEMO server')).toEqual([['servers', 'demo']]);
  expect(found('cursor')).toEqual([['sessions', '10.0.0.1']]);
  // Two behind one address are two.
  expect(found('bob')).toEqual([['sessions', 'of bob']]);
  expect(found('r0')).toEqual([['requests', 'r0']]);
  expect(found('r1')).toEqual([['requests', 'r1']]);
  expect(findTargets(targets, '', 2)).toHaveLength(2);
  expect(new Set(targets.map(({ key }) => key)).size).toBe(targets.length);
  expect(TARGET_TOPICS).toEqual(['upstreams', 'sessions', 'requests', 'recent']);
});

it('leads nobody to a view that is refused: the navigation, the keys and the palette have the same ones', () => {
  expect(viewsFor(false)).not.toContain('audit');
  expect(viewsFor(false)[6]).toBe('nodes');
  const labels = targetsOf(new LiveState(), viewsFor(false)).map(({ label }) => label);
  expect([labels.includes('Audit'), labels.includes('Nodes')]).toEqual([false, true]);
  expect(viewsFor(true)).toContain('audit');
});
