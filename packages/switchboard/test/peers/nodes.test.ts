/** Nodes that share a store: who is there, who is gone, and who goes on with what. */
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';

import type { GatewayEvent } from '../../src/observe/events.ts';
import { Heirs } from '../../src/peers/heirs.ts';
import { Nodes, leaseOf } from '../../src/peers/nodes.ts';
import { SwitchboardError } from '../../src/protocol/errors.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import type { Leases, SharedStore } from '../../src/stores/store.ts';
import { withParts } from '../../src/stores/with-parts.ts';

const LEASE_MS = 150;

const open: { close(): void | Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** Those of a test, by their names. */
const joined = new Map<string, Nodes>();
afterEach(() => joined.clear());

/** A node whose port for others can be made dead, so that it is taken for gone. */
async function join(store: SharedStore, name: string, leaseMs = LEASE_MS) {
  const events: GatewayEvent[] = [];
  const gone: string[] = [];
  const node = { isReachable: true, isSilent: false, checks: 0, waiting: 0, fenced: 0 };
  const nodes: Nodes = new Nodes({
    store,
    describe: () => ({ name, url: `http://${name}.test`, version: '1', digest: 'd', startedAt: 1 }),
    isGoneFor: (other) => joined.get(other.name)!.isGone(nodes.id),
    checkReachable: async (signal) => {
      node.checks++;
      if (node.isSilent) {
        node.waiting++;
        await once(signal, 'abort');
        node.waiting--;
      }
      if (!node.isReachable) throw new Error('dead');
    },
    onLost: ({ name: lost }) => gone.push(lost),
    onFenced: () => node.fenced++,
    onNotice: () => {},
    emit: (event) => events.push(event),
    leaseMs,
  });
  joined.set(name, nodes);
  const heirs = new Heirs({ store, nodes, has: () => true, onNotice: () => {} });
  open.unshift(nodes, heirs);
  await nodes.join();
  const names = (): string[] => nodes.all.map((each) => each.name).toSorted();
  return Object.assign(node, { nodes, heirs, events, gone, names });
}

const poll = (what: () => unknown) => expect.poll(what, { timeout: 5000, interval: 10 });

it('counts on its lease no longer than the store keeps it, however late the answer comes that it has one', async () => {
  const store = memoryStore();
  open.push(store);
  const { leases } = store;
  const acquire: typeof leases.acquire = async (...which) => {
    const acquired = await leases.acquire(...which);
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS));
    return acquired;
  };
  const slow = {
    acquire,
    renew: leases.renew.bind(leases),
    release: leases.release.bind(leases),
    holder: leases.holder.bind(leases),
  };
  const a = await join(withParts(store, { leases: slow }), 'a');
  expect(a.nodes.isSettled).toBe(false);
});

it('sees who joins at once when it is asked for, and who leaves; one whose port for others is dead is not there', async () => {
  const store = memoryStore();
  open.push(store);
  const a = await join(store, 'a');
  const b = await join(store, 'b');
  expect(await a.nodes.other(b.nodes.id)).toMatchObject({ name: 'b', url: 'http://b.test', self: false });
  expect(await a.nodes.other(a.nodes.id)).toBeUndefined();
  await poll(b.names).toEqual(['a', 'b']);
  const { id } = b.nodes;
  b.isReachable = false;
  await poll(a.names).toEqual(['a']);
  expect(a.gone).toEqual(['b']);
  await poll(() => b.events).toContainEqual(expect.objectContaining({ type: 'failed', where: 'peer listener' }));
  b.isReachable = true;
  await poll(a.names).toEqual(['a', 'b']);
  b.isSilent = true;
  await poll(a.names).toEqual(['a']);
  // What has no answer is given up before it is asked again.
  expect(b.waiting).toBeLessThan(2);
  b.isSilent = false;
  // Nobody has taken over what it had.
  await poll(a.names).toEqual(['a', 'b']);
  expect([b.nodes.id, b.fenced]).toEqual([id, 0]);
  await b.nodes.close();
  await poll(a.names).toEqual(['a']);
});

it('one node goes on with a session of a node that is gone, which is fenced: it writes nothing more, and joins under another id', async () => {
  const store = memoryStore();
  open.push(store);
  const [a, b, c] = [await join(store, 'a'), await join(store, 'b'), await join(store, 'c')];
  const { id } = a.nodes;
  const old = a.nodes.lease;
  expect(await b.heirs.find('kept', 'secret', id)).toMatchObject({ name: 'a' });
  a.isReachable = false;
  await poll(b.names).toEqual(['b', 'c']);
  await poll(c.names).toEqual(['b', 'c']);
  // What nobody can rebuild stays where it was, and fences nobody.
  expect(await b.heirs.find('unknown', 'secret', id)).toBeUndefined();
  await store.facts.put('session kept', { n: 1 }, 60_000, old);
  const found = await Promise.allSettled([b, c].map(({ heirs }) => heirs.find('kept', 'secret', id)));
  const heir = (await b.heirs.find('kept', 'secret', id)) === undefined ? b : c;
  const other = heir === b ? c : b;
  expect(await other.heirs.find('kept', 'secret', id)).toMatchObject({ id: heir.nodes.id });
  expect(found.filter((each) => each.status === 'fulfilled' && each.value === undefined)).toHaveLength(1);
  expect(await store.facts.put('session kept', { n: 2 }, 60_000, old)).toBe(false);
  // It gives up what was here although no node reaches it yet.
  await poll(() => a.fenced).toBe(1);
  expect(await store.facts.put('session kept', { n: 2 }, 60_000, a.nodes.lease)).toBe(false);
  a.isReachable = true;
  expect(a.nodes.id).not.toBe(id);
  expect(a.events).toContainEqual({ type: 'node.fenced', node: id, now: a.nodes.id });
  await poll(b.names).toEqual(['a', 'b', 'c']);
  expect(await a.heirs.find('kept', 'secret', id)).toMatchObject({ id: heir.nodes.id });
});

it('a session that a draining node has left goes on at another node at once, those that it still has stay', async () => {
  const store = memoryStore();
  open.push(store);
  const [a, b] = [await join(store, 'a'), await join(store, 'b')];
  const { id } = a.nodes;
  await store.facts.put('session left', { left: true }, 60_000);
  await store.facts.put('session running', { left: false }, 60_000);
  await poll(b.names).toEqual(['a', 'b']);
  expect(await b.heirs.find('left', 'one', id)).toMatchObject({ id });
  // It may have said so before it is seen to drain.
  await store.facts.put('session early', { left: true }, 60_000);
  expect(await b.heirs.find('early', 'three', id, id)).toBeUndefined();
  await a.nodes.drain();
  await poll(() => b.nodes.all.map(({ state }) => state).toSorted()).toEqual(['draining', 'serving']);
  expect(await b.heirs.find('left', 'one', id)).toBeUndefined();
  expect(await b.heirs.find('running', 'two', id)).toMatchObject({ id });
  expect(await a.heirs.find('left', 'one', 'nobody')).toMatchObject({ id: b.nodes.id });
  expect(a.fenced).toBe(0);
});

it('a node that has hung finds out that it is fenced before anything is done, also when its first questions come to nothing', async () => {
  const store = memoryStore();
  open.push(store);
  let failing = 0;
  const { leases } = store;
  const own: SharedStore = Object.create(store, {
    leases: {
      value: {
        acquire: (name, owner, ttlMs) => leases.acquire(name, owner, ttlMs),
        holder: (name) => leases.holder(name),
        release: (lease) => leases.release(lease),
        // As when what was asked before runs out of time.
        renew: (lease, ttlMs) =>
          failing-- > 0 ? Promise.reject(new SwitchboardError('SWB_STORE_UNAVAILABLE')) : leases.renew(lease, ttlMs),
      } satisfies Leases,
    },
  });
  const [a, b] = [await join(own, 'a'), await join(store, 'b')];
  failing = 2;
  for (const end = performance.now() + 3 * LEASE_MS; performance.now() < end;);
  expect(await b.nodes.fence(a.nodes.id)).toBe(true);
  expect(a.nodes.isSettled).toBe(false);
  await a.nodes.settled();
  expect([a.fenced, failing <= 0]).toEqual([1, true]);
});

/** A store that one node alone may be cut off from. */
function cuttable(store: SharedStore): { store: SharedStore; line: { isCut: boolean } } {
  const line = { isCut: false };
  const through = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get(target, name) {
        const own: unknown = Reflect.get(target, name);
        if (typeof own !== 'function') return own;
        return (...args: unknown[]): unknown =>
          line.isCut ? Promise.reject(new SwitchboardError('SWB_STORE_UNAVAILABLE')) : own.apply(target, args);
      },
    });
  return { store: withParts(store, { leases: through(store.leases), facts: through(store.facts) }), line };
}

it('one that cannot be connected to and gives no sign of life is gone long before its lease ends; one that does is there', async () => {
  const clock = { now: 1_000_000 };
  const store = memoryStore({ now: () => clock.now });
  open.push(store);
  const { store: own, line } = cuttable(store);
  const [a, b] = [await join(store, 'a'), await join(own, 'b')];
  const { id } = b.nodes;
  await poll(a.names).toEqual(['a', 'b']);
  // Nobody can connect to it, but it gives its signs of life.
  clock.now += LEASE_MS / 2;
  await poll(async () => (await store.leases.holder(leaseOf(id)))?.endsInMs).toBe(LEASE_MS);
  expect([await a.nodes.isThere(id), a.gone]).toEqual([true, []]);
  // It ends without a word.
  line.isCut = true;
  await b.nodes.close();
  clock.now += LEASE_MS / 2;
  expect(await store.leases.holder(leaseOf(id))).toMatchObject({ owner: id, endsInMs: LEASE_MS / 2 });
  expect(await Promise.all([a.nodes.isThere(id), a.nodes.isThere(id)])).toEqual([false, false]);
  expect([a.gone, a.names()]).toEqual([['b'], ['a']]);
  expect([await a.nodes.other(id), await a.nodes.fence(id)]).toEqual([undefined, true]);
});

it('one that was found to have ended is not there again by a list that was asked for before', async () => {
  const clock = { now: 1_000_000 };
  const store = memoryStore({ now: () => clock.now });
  open.push(store);
  const { store: own, line } = cuttable(store);
  const b = await join(own, 'b', 10 * LEASE_MS);
  /** Lists of nodes, each given to who asked for it when that is told. */
  const late: (() => void)[] = [];
  let isSlow = false;
  const facts = new Proxy(store.facts, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name);
      if (typeof own !== 'function' || name !== 'list') return typeof own === 'function' ? own.bind(target) : own;
      return async (prefix: string, limit: number) => {
        const found = await target.list(prefix, limit);
        if (isSlow) await new Promise<void>((resolve) => late.push(resolve));
        return found;
      };
    },
  });
  const a = await join(withParts(store, { facts }), 'a', LEASE_MS);
  const { id } = b.nodes;
  await poll(a.names).toEqual(['a', 'b']);
  isSlow = true;
  await poll(() => late.length).toBe(1);
  line.isCut = true;
  await b.nodes.close();
  clock.now += 10 * LEASE_MS - 1;
  expect(await a.nodes.isThere(id)).toBe(false);
  isSlow = false;
  late[0]!();
  const { checks } = a;
  await poll(() => a.checks).toBeGreaterThan(checks + 1);
  expect([a.gone, a.names()]).toEqual([['b'], ['a']]);
  expect(a.events.filter(({ type }) => type === 'node.joined')).toHaveLength(1);
});

it('one that alone cannot reach the store gives up what it had when its lease ends, and joins again; where no node reaches it, each goes on', async () => {
  const store = memoryStore();
  open.push(store);
  const [one, other] = [cuttable(store), cuttable(store)];
  const [a, b] = [await join(one.store, 'a'), await join(other.store, 'b')];
  await poll(a.names).toEqual(['a', 'b']);
  const { id } = a.nodes;
  one.line.isCut = true;
  await poll(() => [a.fenced, a.nodes.isCut]).toEqual([1, true]);
  expect(a.nodes.id).not.toBe(id);
  expect(a.events).toContainEqual({ type: 'node.fenced', node: id, now: a.nodes.id });
  await poll(b.names).toEqual(['b']);
  one.line.isCut = false;
  await poll(b.names).toEqual(['a', 'b']);
  expect([a.nodes.isCut, a.fenced, b.fenced]).toEqual([false, 1, 0]);
  await poll(a.names).toEqual(['a', 'b']);
  const ids = [a.nodes.id, b.nodes.id];
  one.line.isCut = other.line.isCut = true;
  const checks = a.checks;
  await poll(() => a.checks).toBeGreaterThan(checks + 8);
  expect([a.nodes.id, b.nodes.id, a.nodes.isCut, b.nodes.isCut]).toEqual([...ids, false, false]);
});

it('an answer at its own peer URL that is late once is not told of', async () => {
  const store = memoryStore();
  open.push(store);
  const a = await join(store, 'a', 1500);
  a.isReachable = false;
  await poll(() => a.checks).toBeGreaterThan(0);
  a.isReachable = true;
  const checks = a.checks;
  await poll(() => a.checks).toBeGreaterThan(checks);
  expect(a.events.filter(({ type }) => type === 'failed')).toEqual([]);
});
