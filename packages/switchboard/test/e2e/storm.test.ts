import { describe, expect, it } from 'vitest';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const CLIENTS = 200;
const CALLS = 25;

/** Every client uses the ids 1 to 25 and the progress token of the same number; only the payload tells them apart. */
async function storm(client: WireClient, name: string): Promise<void> {
  const ids = Array.from({ length: CALLS }, (_, n) => n + 1);
  for (const id of ids) {
    client.send(toolCall(id, 'slow', { ms: 10, steps: 2, text: `${name} call ${id}` }, { progressToken: id }));
  }
  const answers = await Promise.all(ids.map((id) => client.answer(id)));
  expect(answers.map(textOf)).toEqual(ids.map((id) => `${name} call ${id}`));
  // Whatever else came must be the two progress notes of each call, each in its order, with its own words.
  const notes = client.received.map(({ method, params }) => ({ method, ...(params as Json) }));
  for (const id of ids) {
    const own = notes.filter((note) => (note as Json)['progressToken'] === id);
    expect(own).toEqual(
      [1, 2].map((progress) => ({
        method: 'notifications/progress',
        progressToken: id,
        progress,
        total: 2,
        message: `${name} call ${id}`,
      })),
    );
  }
  expect(notes).toHaveLength(CALLS * 2);
}

describe('200 clients with equal ids', () => {
  it.each([
    ['shared', 200],
    // A process each costs memory that a small machine has not for 200.
    ['session', 40],
  ] as const)(
    'each get their own answers and progress, isolation %s',
    async (isolation, sessions) => {
      const upstreams = { default: servers.scripted };
      // All clients call from one address, 5,000 calls at once.
      const options = { maxConnections: CLIENTS, maxRequestsInFlightPerAddress: CLIENTS * CALLS };
      const test = await startGateway({ upstreams, isolation, ...options });
      for (let done = 0; done < CLIENTS; done += sessions) {
        const clients = await Promise.all(Array.from({ length: sessions }, () => WireClient.session(test.ws)));
        await Promise.all(clients.map((client, n) => storm(client, `client ${done + n}`)));
        for (const client of clients) client.socket.close();
        await expectEmpty(test, { members: isolation === 'shared' ? 1 : 0 });
      }
    },
    120_000,
  );
});
