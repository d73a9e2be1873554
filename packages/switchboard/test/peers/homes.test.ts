/** Where a modern client over HTTP is at home: at one node, until it is quiet, the node ends, or the others take it for gone. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, expect, it } from 'vitest';

import { Homes } from '../../src/peers/homes.ts';
import { Nodes } from '../../src/peers/nodes.ts';
import { SwitchboardError } from '../../src/protocol/errors.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import type { Facts, SharedStore } from '../../src/stores/store.ts';

const LEASE_MS = 150;
const LONG_MS = 60_000;

const open: { close(): void | Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function join(store: SharedStore, name: string, idleMs: number = LONG_MS) {
  const node = { isReachable: true };
  const nodes: Nodes = new Nodes({
    store,
    describe: () => ({ name, url: `http://${name}.test`, version: '1', digest: 'd', startedAt: 1 }),
    checkReachable: () => (node.isReachable ? Promise.resolve() : Promise.reject(new Error('dead'))),
    isGoneFor: () => Promise.resolve(false),
    onLost: () => {},
    onFenced: () => homes.giveUp(),
    onBack: () => homes.renew(),
    onNotice: () => {},
    emit: () => {},
    leaseMs: LEASE_MS,
  });
  const homes = new Homes({ store, nodes, idleMs, onNotice: () => {} });
  open.unshift(nodes, homes);
  await nodes.join();
  const homeOf = async (client: string, refused?: string): Promise<string> =>
    (await homes.find(client, refused))?.name ?? name;
  return Object.assign(node, { nodes, homes, homeOf });
}

type Joined = Awaited<ReturnType<typeof join>>;

async function joinThree(): Promise<[Joined, Joined, Joined]> {
  const store = memoryStore();
  open.push(store);
  return [await join(store, 'a'), await join(store, 'b'), await join(store, 'c')];
}

it('is one node for all of them, however many requests of a client come together; each client has its own', async () => {
  const all = await joinThree();
  const found = await Promise.all([...all, ...all, ...all].map(({ homeOf }) => homeOf('ann')));
  expect(new Set(found).size).toBe(1);
  expect(await all[1].homeOf('bob')).toBe('b');
  expect(await Promise.all(all.map(({ homeOf }) => homeOf('bob')))).toEqual(['b', 'b', 'b']);
  expect(all.reduce((sum, { homes }) => sum + homes.size, 0)).toBe(2);
});

it('is another one when its node ends, for those too that were sent to it before; what runs there is finished', async () => {
  const [a, b, c] = await joinThree();
  expect([await a.homeOf('ann'), await b.homeOf('ann')]).toEqual(['a', 'a']);
  const running = new PassThrough();
  a.homes.serve('ann', running);
  await a.homes.leave();
  expect([running.destroyed, a.homes.size]).toEqual([false, 0]);
  expect(await b.homeOf('ann', a.nodes.id)).toBe('b');
  // One that ends takes nobody in.
  expect([await a.homeOf('ann'), await a.homeOf('bob'), a.homes.size]).toEqual(['b', 'a', 0]);
  expect(await c.homeOf('ann')).toBe('b');
});

it('waits for a node that has refused a client until it is noted no more', async () => {
  const [a, b] = await joinThree();
  await a.homeOf('ann');
  const asked = b.homeOf('ann', a.nodes.id);
  await expect(Promise.race([asked, b.nodes.settled().then(() => 'waits')])).resolves.toBe('waits');
  await a.homes.leave();
  expect(await asked).toBe('b');
});

it('is forgotten when the client has been quiet for long, and not while anything of it runs', async () => {
  const store = memoryStore();
  open.push(store);
  const [a, b] = [await join(store, 'a', 40), await join(store, 'b')];
  const running = new PassThrough();
  for (const client of ['ann', 'bob']) await a.homeOf(client);
  a.homes.serve('ann', running);
  await expect.poll(() => a.homes.size).toBe(1);
  expect([await b.homeOf('ann'), await b.homeOf('bob')]).toEqual(['a', 'b']);
  running.destroy();
  await expect.poll(() => a.homes.size).toBe(0);
  await expect.poll(async () => await store.facts.get('owner ann')).toBeUndefined();
});

it('is forgotten first for the client that has been quiet the longest, where there are too many', async () => {
  const store = memoryStore();
  open.push(store);
  const a = await join(store, 'a');
  const running = new PassThrough();
  await a.homeOf('ann');
  a.homes.serve('ann', running);
  await a.homeOf('bob');
  running.destroy();
  await once(running, 'close');
  for (let n = 0; n < 9999; n++) await a.homeOf(`other ${n}`);
  expect(a.homes.size).toBe(10_000);
  await expect.poll(async () => await store.facts.get('owner bob')).toBeUndefined();
  expect(await store.facts.get('owner ann')).toBeDefined();
});

it('is another one when the others take its node for gone, which then cuts what the client has open there', async () => {
  const [a, b] = await joinThree();
  await a.homeOf('ann');
  const listening = new PassThrough();
  a.homes.serve('ann', listening);
  a.isReachable = false;
  // As long as its lease holds, it is still there.
  await expect.poll(() => b.homeOf('ann'), { timeout: 5000 }).toBe('b');
  await expect.poll(() => listening.destroyed, { timeout: 5000 }).toBe(true);
  expect(a.homes.size).toBe(0);
  a.isReachable = true;
  await expect.poll(() => a.homeOf('ann'), { timeout: 5000 }).toBe('b');
});

it('is not looked for while the store is away: who is known stays, everybody else is served where they come', async () => {
  const memory = memoryStore();
  open.push(memory);
  let isAway = false;
  const { facts } = memory;
  const reach = <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) => {
    return (...args: Args): Promise<Result> =>
      isAway ? Promise.reject(new SwitchboardError('SWB_STORE_UNAVAILABLE', { detail: 'away' })) : work(...args);
  };
  const store: SharedStore = Object.create(memory, {
    facts: {
      value: {
        get: reach((key) => facts.get(key)),
        take: reach((key) => facts.take(key)),
        delete: reach((key, under) => facts.delete(key, under)),
        list: reach((prefix, limit) => facts.list(prefix, limit)),
        put: reach((key, value, ttlMs, under) => facts.put(key, value, ttlMs, under)),
      } satisfies Facts,
    },
  });
  const [a, b] = [await join(store, 'a'), await join(store, 'b')];
  expect([await a.homeOf('ann'), await b.homeOf('ann')]).toEqual(['a', 'a']);
  isAway = true;
  expect([await a.homeOf('ann'), await b.homeOf('ann'), await b.homeOf('bob')]).toEqual(['a', 'a', 'b']);
  expect(b.homes.size).toBe(0);
});

it('is not kept for a client that has hung up while it was looked for', async () => {
  const store = memoryStore();
  open.push(store);
  const { homes, homeOf } = await join(store, 'a', 40);
  await homeOf('ann');
  const gone = new PassThrough();
  const closed = once(gone, 'close');
  gone.destroy();
  await closed;
  homes.serve('ann', gone);
  await expect.poll(() => homes.size, { timeout: 5000 }).toBe(0);
});
