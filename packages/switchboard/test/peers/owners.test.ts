/** What only one node may have at a time: who has it, who takes it, and who gives it up. */
import { afterEach, expect, it } from 'vitest';

import { Nodes } from '../../src/peers/nodes.ts';
import { Owners } from '../../src/peers/owners.ts';
import type { SwitchboardError } from '../../src/protocol/errors.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import type { Facts, SharedStore } from '../../src/stores/store.ts';

const LEASE_MS = 150;

const open: { close(): void | Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

interface Thing {
  givenUp: string[];
  giveUp(reason: string): void;
}

const thing = (): Thing => ({
  givenUp: [],
  giveUp(reason) {
    this.givenUp.push(reason);
  },
});

async function join(store: SharedStore, name: string) {
  const node = { isReachable: true };
  const nodes: Nodes = new Nodes({
    store,
    describe: () => ({ name, url: `http://${name}.test`, version: '1', digest: 'd', startedAt: 1 }),
    isGoneFor: () => Promise.resolve(false),
    checkReachable: () => (node.isReachable ? Promise.resolve() : Promise.reject(new Error('dead'))),
    onLost: () => {},
    onFenced: () => owners.giveUp(),
    onBack: () => owners.refresh(),
    onNotice: () => {},
    emit: () => {},
    leaseMs: LEASE_MS,
  });
  const owners = new Owners<Thing>({ store, nodes, onNotice: () => {} });
  open.unshift(nodes, owners);
  await nodes.join();
  return Object.assign(node, { nodes, owners });
}

const epochOf = async (store: SharedStore, name: string): Promise<unknown> =>
  (await store.facts.get(`owner ${name}`))?.['epoch'];

it('has one owner however many want it at once, and the others are told which; what it gives back another takes under a higher epoch', async () => {
  const store = memoryStore();
  open.push(store);
  const all = await Promise.all(['a', 'b', 'c'].map((name) => join(store, name)));
  const find = async ({ owners }: (typeof all)[number]): Promise<string | undefined> => {
    for (;;) {
      try {
        return (await owners.find('x', thing()))?.name ?? 'own';
      } catch (error) {
        expect(error).toMatchObject({ code: 'SWB_NODE_UNREACHABLE' });
        await new Promise(setImmediate);
      }
    }
  };
  const found = await Promise.all(all.map(find));
  const [nth] = found.flatMap((name, at) => (name === 'own' ? [at] : []));
  const name = ['a', 'b', 'c'][nth!];
  expect(found.map((each) => each === name)).toEqual(found.map((_, at) => at !== nth));
  expect(await Promise.all(all.map(find))).toEqual(found);
  const epoch = await epochOf(store, 'x');
  const [owner, other] = [all[nth!]!, all[(nth! + 1) % 3]!];
  await owner.owners.leave();
  expect([owner.owners.size, await find(other)]).toEqual([0, 'own']);
  expect(await epochOf(store, 'x')).toBeGreaterThan(epoch as number);
  expect(await find(owner)).toBe(['a', 'b', 'c'][(nth! + 1) % 3]);
  // Who does not have it gives nothing back.
  await owner.owners.release('x');
  expect(await find(owner)).toBe(['a', 'b', 'c'][(nth! + 1) % 3]);
});

it('one that the others take for gone gives up what they took, and finds them', async () => {
  const store = memoryStore();
  open.push(store);
  const [a, b] = [await join(store, 'a'), await join(store, 'b')];
  const had = thing();
  expect(await a.owners.find('x', had)).toBeUndefined();
  expect((await b.owners.find('x', thing()))?.name).toBe('a');
  a.isReachable = false;
  await expect.poll(() => b.owners.find('x', thing()).catch(() => 'not yet'), { timeout: 5000 }).toBeUndefined();
  await expect.poll(() => had.givenUp, { timeout: 5000 }).toEqual(['the other nodes took this one for gone']);
  expect(a.owners.size).toBe(0);
  a.isReachable = true;
  await expect.poll(async () => (await a.owners.find('x', thing()))?.name, { timeout: 5000 }).toBe('b');
});

it('notes again what a store has lost that came back empty, and gives up what another took meanwhile', async () => {
  const store = memoryStore();
  open.push(store);
  const [a, b] = [await join(store, 'a'), await join(store, 'b')];
  const [kept, lost] = [thing(), thing()];
  await a.owners.find('x', kept);
  await a.owners.find('y', lost);
  for (const key of ['owner x', 'owner y']) await store.facts.delete(key);
  expect(await b.owners.find('y', thing())).toBeUndefined();
  a.owners.refresh();
  await expect.poll(() => lost.givenUp).toHaveLength(1);
  await expect.poll(async () => (await b.owners.find('x', thing()))?.name).toBe('a');
  expect([kept.givenUp, a.owners.size]).toEqual([[], 1]);
});

it('takes nothing any more when it hung meanwhile, and another has taken it', async () => {
  let now = Date.now();
  const store = memoryStore({ now: () => now });
  open.push(store);
  let goOn = (): void => {};
  const hung = new Promise<void>((resolve) => (goOn = resolve));
  let isHanging = (): void => {};
  const hanging = new Promise<void>((resolve) => (isHanging = resolve));
  const { facts } = store;
  const slow: SharedStore = Object.create(store, {
    facts: {
      value: {
        get: (key) => facts.get(key),
        take: (key) => facts.take(key),
        delete: (key, under) => facts.delete(key, under),
        list: (prefix, limit) => facts.list(prefix, limit),
        async put(key, value, ttlMs, under) {
          if (key.startsWith('owner ')) {
            isHanging();
            await hung;
          }
          return facts.put(key, value, ttlMs, under);
        },
      } satisfies Facts,
    },
  });
  const [a, b] = [await join(slow, 'a'), await join(store, 'b')];
  const found = a.owners.find('x', thing()).catch((error: SwitchboardError) => error.code);
  await hanging;
  await expect(b.owners.find('x', thing())).rejects.toMatchObject({ code: 'SWB_NODE_UNREACHABLE' });
  now += 60_000;
  await expect.poll(() => b.owners.find('x', thing()).catch(() => 'not yet')).toBeUndefined();
  goOn();
  expect([await found, a.owners.size, b.owners.size]).toEqual(['SWB_NODE_UNREACHABLE', 0, 1]);
});
