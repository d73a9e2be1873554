import { describe, expect, it } from 'vitest';
import { LiveState } from '../../src/pages/console/live-state.ts';

const session = (id: string, inFlight = 0): object => ({ id, principal: 'ann', inFlight });

describe('what the stream has told', () => {
  it('is a table with what came, changed and went, and whole again after a reconnect', () => {
    const state = new LiveState();
    state.apply('sessions', { all: [session('a'), session('b')] });
    state.apply('sessions', { changed: [session('b', 2), session('c')], gone: ['a'] });
    expect([...state.sessions.values()].map(({ id, inFlight }) => [id, inFlight])).toEqual([
      ['b', 2],
      ['c', 0],
    ]);
    const { sessions: version } = state.versions;
    state.apply('sessions', { all: [session('d')] });
    expect([...state.sessions.keys()]).toEqual(['d']);
    expect(state.versions.sessions).toBeGreaterThan(version);
    expect([state.known.has('sessions'), state.known.has('requests')]).toEqual([true, false]);
  });

  it('tells clients apart that share an id, by their keys', () => {
    const state = new LiveState();
    state.apply('sessions', { all: [session('a'), { ...session('a'), key: 'a of bob' }] });
    expect(state.sessions.size).toBe(2);
    state.apply('sessions', { changed: [], gone: ['a of bob'] });
    expect([...state.sessions.keys()]).toEqual(['a']);
  });

  it('keeps the last thousand requests, and counts those that were left out', () => {
    const state = new LiveState();
    const rows = (from: number, to: number): object[] =>
      Array.from({ length: to - from + 1 }, (_, nth) => ({ nr: from + nth }));
    state.apply('recent', { all: rows(1, 990) });
    state.apply('recent', { rows: rows(1001, 1200), skipped: 10 });
    expect([state.recent.length, state.recent[0]!.nr, state.recent.at(-1)!.nr, state.skipped]).toEqual([
      1000, 191, 1200, 10,
    ]);
    // A flood of refusals hides nobody else's.
    const refused = Array.from({ length: 600 }, (_, nth) => ({ nr: 1201 + nth, outcome: 'refused' }));
    state.apply('recent', { rows: refused });
    expect([state.recent.length, state.recent[0]!.nr, state.recent.at(-1)!.nr]).toEqual([1250, 191, 1800]);
    // Numbers begin again after a restart.
    state.apply('recent', { all: rows(1, 3) });
    expect(state.recent.map(({ nr }) => nr)).toEqual([1, 2, 3]);
  });

  it('has changes in their order, with what happened again at its place', () => {
    const state = new LiveState();
    state.apply('changes', {
      all: [
        { nr: 1, count: 1 },
        { nr: 2, count: 1 },
      ],
    });
    state.apply('changes', {
      changed: [
        { nr: 2, count: 2 },
        { nr: 3, count: 1 },
      ],
      gone: ['1'],
    });
    expect(state.changes.map(({ nr, count }) => [nr, count])).toEqual([
      [2, 2],
      [3, 1],
    ]);
    state.apply('changes', { all: [{ nr: 4, count: 1 }] });
    expect(state.changes.map(({ nr }) => nr)).toEqual([4]);
  });

  it('forgets rows and lines that are not followed any more, as they would be of the past', () => {
    const state = new LiveState();
    state.apply('sessions', { all: [session('a')] });
    state.apply('recent', { all: [{ nr: 1 }] });
    state.apply('stderr:files', { all: [{ nr: 1, line: 'one' }] });
    state.apply('upstreams', { all: [{ name: 'demo' }] });
    const { sessions: version } = state.versions;
    for (const topic of ['sessions', 'recent', 'stderr:files']) state.forget(topic);
    expect([state.sessions.size, state.recent, state.stderr]).toEqual([0, [], {}]);
    expect([state.known.has('sessions'), state.known.has('upstreams'), state.upstreams.size]).toEqual([false, true, 1]);
    expect(state.versions.sessions).toBeGreaterThan(version);
  });

  it('keeps lines of stderr by server, and values as they came last', () => {
    const state = new LiveState();
    state.apply('stderr:files', { all: [{ nr: 1, line: 'one' }] });
    state.apply('stderr:files', { rows: [{ nr: 2, line: 'two' }] });
    state.apply('stderr:__proto__', { all: [{ nr: 1, line: 'x' }] });
    expect(state.stderr['files']!.map(({ line }) => line)).toEqual(['one', 'two']);
    state.apply('history.hour', { value: { from: 1 } });
    state.apply('history.day', { value: { from: 2 } });
    expect(state.history).toEqual({ hour: { from: 1 }, day: { from: 2 } });
    state.apply('load', { value: [{ upstream: 'a' }] });
    state.apply('load.day', { value: [{ upstream: 'b' }] });
    expect(state.load).toEqual({ minute: [{ upstream: 'a' }], day: [{ upstream: 'b' }] });
    // Of servers and sessions only the one that is shown counts.
    state.apply('usage.hour:a', { value: { from: 1 } });
    state.apply('usage.hour:b', { value: { from: 2 } });
    expect(state.usage).toEqual({ 'usage.hour:b': { from: 2 } });
    state.apply('messages:one', { all: [{ nr: 1 }] });
    state.apply('messages:two', { rows: [{ nr: 1 }] });
    state.apply('messages:two', { rows: Array.from({ length: 200 }, (_, nth) => ({ nr: nth + 2 })) });
    expect([Object.keys(state.messages), state.messages['two']!.length, state.messages['two']![0]!.nr]).toEqual([
      ['two'],
      200,
      2,
    ]);
    state.apply('nothing of the kind', { value: 1 });
    expect(({} as Record<string, unknown>)['line']).toBeUndefined();
  });
});
