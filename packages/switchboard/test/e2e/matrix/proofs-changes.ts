/** What servers tell of their own accord: changes of resources and of lists; and what clients do. */
import { expect } from 'vitest';

import type { Proofs } from './cell.ts';
import { roundTrip } from './cell.ts';
import { PATIENCE_MS } from './inbox.ts';
import type { Note, Peer } from './peer.ts';

const CLOCK = 'matrix://clock';
const EAGER = 'matrix://eager';
const PLAIN = 'matrix://plain';
const KINDS = ['tools', 'prompts', 'resources'];

const updated =
  (uri: string) =>
  ({ method, params }: Note): boolean =>
    method === 'notifications/resources/updated' && params?.['uri'] === uri;
const changed =
  (kind: string) =>
  ({ method }: Note): boolean =>
    method === `notifications/${kind}/list_changed`;

async function names({ request }: Peer): Promise<unknown[][]> {
  const lists = await Promise.all(
    KINDS.map(async (kind) => (await request(`${kind}/list`))[kind] as { name: string }[]),
  );
  return lists.map((list) => list.map(({ name }) => name));
}

/** Another change has been heard, and with it what was said while its call was open. */
async function changeHeard(peer: Peer): Promise<void> {
  const stop = await peer.watch(PLAIN);
  await peer.call('touch', { uri: PLAIN });
  await peer.inbox.next(updated(PLAIN), 'a change');
  await stop();
}

export const changes: Proofs = {
  'resource-updated': {
    async holds({ peer }) {
      const stop = await peer.watch(CLOCK);
      for (let n = 1; n <= 3; n++) await peer.inbox.next(updated(CLOCK), `change ${n}`);
      await stop();
      // What is said while a call is open may come with its answer, and overtake by it what is on its way in the stream of the session.
      const heardOfTouch = async (): Promise<number> => {
        peer.inbox.take();
        await peer.call('touch', { uri: CLOCK });
        await changeHeard(peer);
        return peer.inbox.take(updated(CLOCK)).length;
      };
      await expect.poll(heardOfTouch, { timeout: PATIENCE_MS, interval: 0 }).toBe(0);
    },
  },
  'updated-by-call': {
    async holds({ peer }) {
      const stop = await peer.watch(PLAIN);
      await peer.call('touch', { uri: EAGER });
      await peer.call('touch', { uri: PLAIN });
      await peer.inbox.next(updated(PLAIN), 'the change');
      expect(peer.inbox.take(updated(EAGER))).toEqual([]);
      await stop();
    },
  },
  'updated-unasked': {
    async holds({ peer }) {
      const stop = await peer.watch();
      await peer.call('shout', { uri: PLAIN });
      await roundTrip(peer);
      expect(peer.inbox.take(updated(PLAIN))).toEqual([]);
      await stop();
    },
    async fails({ peer }) {
      await peer.call('shout', { uri: PLAIN });
      await peer.inbox.next(updated(PLAIN), 'what the server said');
    },
  },
  'updated-at-once': {
    async holds({ peer }) {
      const stop = await peer.watch(EAGER);
      await peer.inbox.next(updated(EAGER), 'the change that followed at once');
      await stop();
    },
  },
  'list-changed': {
    async holds({ peer }) {
      const stop = await peer.watch();
      for (const on of [true, false]) {
        peer.inbox.take();
        await peer.call('extend', { on });
        for (const kind of KINDS) await peer.inbox.next(changed(kind), `the change of ${kind}`);
        for (const list of await names(peer)) expect(list.includes('extra')).toBe(on);
      }
      await stop();
    },
  },
  'roots-changed': {
    async holds({ peer, stderr }) {
      await peer.sendRootsChanged();
      await stderr.next((line) => line === 'roots changed', 'the server to be told');
    },
    async fails({ peer, stderr }) {
      // An SDK may refuse to send what its era does not have.
      await Promise.allSettled([peer.sendRootsChanged()]);
      await roundTrip(peer);
      expect(stderr.take((line) => line === 'roots changed')).toEqual([]);
    },
  },
};
