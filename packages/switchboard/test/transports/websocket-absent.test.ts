/** Messages for clients that are not connected, held for who comes back as the same principal with the same name. */
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';

import { memoryStore } from '../../src/stores/memory.ts';
import { WebSocketServerTransport } from '../../src/websocket.ts';
import type { WebSocketServerOptions } from '../../src/websocket.ts';
import { startCutter } from '../support/cutter.ts';
import { dial, receive } from '../support/websocket-library.ts';
import { WireClient } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

interface Held {
  server: WebSocketServerTransport;
  url: string;
  /** Connects as a principal, with the name of a client; plain `mcp`, so that nothing is resumed. */
  connect(principal: string, name?: string): Promise<WireClient>;
  /** Closes a client, and waits until the server knows. */
  leave(client: WireClient, how?: 'close' | 'terminate'): Promise<void>;
}

async function held(options: WebSocketServerOptions = {}): Promise<Held> {
  const server = new WebSocketServerTransport({
    port: 0,
    hold: 'principal',
    authenticate: (_request, { bearer }) => (bearer === undefined ? undefined : { principal: bearer }),
    ...options,
  });
  onTestFinished(() => server.close());
  const url = await server.listen();
  return {
    server,
    url,
    connect: (principal, name = 'phone') =>
      WireClient.open(url, { headers: { authorization: `Bearer ${principal}`, 'user-agent': name } }),
    async leave(client, how = 'close') {
      const left = once(server, 'disconnect');
      client.socket[how]();
      await left;
    },
  };
}

const all = async (client: WireClient, count: number): Promise<Json[]> => {
  const messages: Json[] = [];
  while (messages.length < count) messages.push(await client.next(() => true));
  return messages;
};

describe('messages for a client that has left', () => {
  it.each(['close', 'terminate'] as const)(
    'arrive in order when it comes back, before what is sent then (%s)',
    async (how) => {
      const { server, connect, leave } = await held();
      const first = await connect('ann');
      const { id } = [...server.clients.values()][0]!;
      await leave(first, how);
      expect(server.broadcast({ n: 1 })).toBe(1);
      expect(server.broadcastNotification({ n: 2 })).toBe(1);
      expect(server.send(id, { n: 3 })).toBe(true);
      server.once('connect', (client) => client.send({ type: 'welcome' }));
      const back = await connect('ann');
      server.broadcast({ n: 4 });
      expect(await all(back, 5)).toEqual([
        { type: 'welcome' },
        { n: 1 },
        { type: 'notification', n: 2 },
        { n: 3 },
        { n: 4 },
      ]);
      await leave(back);
      const again = await connect('ann');
      server.broadcast({ n: 5 });
      expect(await all(again, 1)).toEqual([{ n: 5 }]);
    },
  );

  it.each(['comes back in time', 'comes back too late'])(
    'are held as well for one that can resume, is cut off, and %s',
    async (when) => {
      const inTime = when === 'comes back in time';
      const { server, url } = await held({ resumeWindowMs: inTime ? 60_000 : 50 });
      const cutter = await startCutter(Number(new URL(url).port), () => Infinity);
      const options = { token: 'ann', headers: { 'user-agent': 'phone' } };
      const there = await dial(`ws://127.0.0.1:${cutter.port}/mcp`, options);
      await server.waitForClients(1);
      const [client] = server.clients.values();
      // It can resume from its first message on.
      server.broadcast({ n: 0 });
      await receive(there);
      cutter.bytes = () => 1;
      cutter.cutAll();
      await expect.poll(() => client!.isAway).toBe(true);
      expect(server.broadcast({ n: 1 })).toBe(1);
      if (!inTime) await expect.poll(() => server.clients.size).toBe(0);
      expect(server.broadcast({ n: 2 })).toBe(1);
      cutter.bytes = () => Infinity;
      const back = inTime ? there : await dial(url, options);
      expect([await receive(back), await receive(back)]).toEqual([{ n: 1 }, { n: 2 }]);
      await expect.poll(() => client!.isAway).toBe(!inTime);
      server.broadcast({ n: 3 });
      expect(await receive(back)).toEqual({ n: 3 });
    },
  );

  it('are for nobody else: not for another principal, not under another name, not for who never left', async () => {
    const { server, connect, leave } = await held();
    const [annsPhone, annsDesk] = [await connect('ann', 'phone'), await connect('ann', 'desk')];
    await leave(annsPhone);
    expect(server.broadcast({ n: 1 }, ({ name }) => name === 'phone')).toBe(1);
    const others = [await connect('ben', 'phone'), await connect('ann', 'tablet'), annsDesk];
    server.broadcast({ n: 2 });
    for (const client of others) expect(await all(client, 1)).toEqual([{ n: 2 }]);
    expect(await all(await connect('ann', 'phone'), 2)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('are not held while another connection of the same name is there', async () => {
    const { server, connect, leave } = await held();
    const [one, other] = [await connect('ann'), await connect('ann')];
    await leave(one);
    expect(server.broadcast({ n: 1 })).toBe(1);
    expect(await all(other, 1)).toEqual([{ n: 1 }]);
  });

  it('are dropped from the oldest beyond the limit, and their number comes first', async () => {
    const { server, connect, leave } = await held({ maxQueueMessages: 2 });
    await leave(await connect('ann'));
    for (let n = 1; n <= 5; n++) server.broadcast({ n });
    expect(await all(await connect('ann'), 3)).toEqual([{ type: 'dropped', count: 3 }, { n: 4 }, { n: 5 }]);
  });

  it.each([
    ['clients', { maxAbsentClients: 1 }],
    ['bytes', { maxHeldBytes: 200 }],
  ])('are forgotten beyond the limit of %s, for who is away for longest', async (_, limit) => {
    const { server, connect, leave } = await held(limit);
    await leave(await connect('ann'));
    await leave(await connect('ben'));
    server.broadcast({ n: 1, pad: 'x'.repeat(60) });
    const [ann, ben] = [await connect('ann'), await connect('ben')];
    server.broadcast({ n: 2 });
    expect(await all(ann, 1)).toEqual([{ n: 2 }]);
    expect(await all(ben, 2)).toMatchObject([{ n: 1 }, { n: 2 }]);
  });

  it('are forgotten after the time, and nothing of them is left in the store', async () => {
    const store = memoryStore();
    const logs: string[] = [];
    const server = await held({
      holdForMs: 30,
      store: { ...store, log: (name) => (logs.push(name), store.log(name)) },
    });
    await server.leave(await server.connect('ann'));
    server.server.broadcast({ n: 1 });
    expect(logs).toHaveLength(1);
    expect(store.log(logs[0]!).size).toBe(1);
    await expect.poll(() => store.log(logs[0]!).size).toBe(0);
    expect(server.server.broadcast({ n: 2 })).toBe(0);
    await store.close();
  });

  it('are never messages of MCP, which belong to a session that has ended', async () => {
    const { server, connect, leave } = await held();
    await leave(await connect('ann'));
    expect(server.broadcastNotification('notifications/tools/list_changed')).toBe(0);
    server.broadcast({ n: 1 });
    expect(await all(await connect('ann'), 1)).toEqual([{ n: 1 }]);
  });

  it('are not held for the anonymous, and holding needs to know who is who', async () => {
    const { server, connect, leave } = await held({ authenticate: () => ({ principal: 'anonymous' }) });
    await leave(await connect('whoever'));
    expect(server.broadcast({ n: 1 })).toBe(0);
    expect(() => new WebSocketServerTransport({ hold: 'principal' })).toThrow(
      expect.objectContaining({ code: 'SWB_CONFIG_INVALID' }),
    );
  });

  it('go by the name that authenticate gives, where it gives one', async () => {
    const { server, connect, leave } = await held({
      authenticate: (_, { bearer }) => ({ principal: bearer!, name: 'one for all' }),
    });
    await leave(await connect('ann', 'phone'));
    server.broadcast({ n: 1 });
    expect(await all(await connect('ann', 'desk'), 1)).toEqual([{ n: 1 }]);
  });
});
