/** Tickets, with a store that others write to. */
import { expect, it } from 'vitest';

import { NOBODY } from '../../src/auth/identity.ts';
import { Tickets } from '../../src/auth/tickets.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import type { Fact, StoreNotice } from '../../src/stores/store.ts';

const ann = { ...NOBODY, principal: 'ann', expiresAt: 4_000_000_000_000, grant: 'key 1' };

it.each<[string, Fact]>([
  ['text that is no JSON', { identity: '{', origin: '' }],
  ['no identity', { identity: null, origin: '' }],
  ['an identity without roles', { identity: { principal: 'ann' }, origin: '' }],
  ['nothing', {}],
])('a ticket of which the store has %s is none, and is told of', async (_, fact) => {
  const notices: StoreNotice[] = [];
  const { facts } = memoryStore();
  const tickets = new Tickets(facts, (notice) => notices.push(notice));
  const good = await tickets.issue(ann, undefined);
  expect([await tickets.take(good, undefined), await tickets.take(good, undefined)]).toEqual([ann, undefined]);
  const ticket = await tickets.issue(ann, undefined);
  const [[key] = ['']] = await facts.list('ticket ', 10);
  await facts.put(key, fact, 1000);
  expect(await tickets.take(ticket, undefined)).toBeUndefined();
  expect(notices).toMatchObject([{ type: 'garbage', key }]);
});
