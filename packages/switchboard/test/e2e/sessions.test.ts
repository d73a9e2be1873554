/** Several clients at once: each has what is its own, is known for what it is, and leaves nothing but its own undone. */
import { describe, expect, it } from 'vitest';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { openSession } from '../support/http.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';

const CLIENTS = 10;
const upstreams = { default: servers.scripted };
const named = (name: string): { 'user-agent': string } => ({ 'user-agent': `agent of ${name}` });

async function openNamed(test: TestGateway, name: string): Promise<WireClient> {
  const client = await WireClient.open(test.ws, { headers: named(name) });
  client.send({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { ...initializeParams(), clientInfo: { name, version: '7' } },
  });
  await client.answer(0);
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return client;
}

const names = Array.from({ length: CLIENTS }, (_, n) => `client ${n}`);

describe.each(['session', 'shared'] as const)('ten clients at once, isolation %s', (isolation) => {
  it('each reach a server of their own, or all the same, and each get their own answers', async () => {
    const test = await startGateway({ upstreams, isolation });
    const clients = await Promise.all(names.map((name) => openNamed(test, name)));
    const pids = await Promise.all(clients.map(async (client) => textOf(await client.call(1, 'pid'))));
    expect(new Set(pids).size).toBe(isolation === 'session' ? CLIENTS : 1);
    const answers = await Promise.all(
      clients.map((client, n) => client.call(2, 'slow', { ms: 100 - n * 10, text: `only for ${names[n]}` })),
    );
    expect(answers.map(textOf)).toEqual(names.map((name) => `only for ${name}`));
    expect(clients.flatMap(({ received }) => received)).toEqual([]);
  });

  it('are known by name, program, address and time, and their requests by who sent them', async () => {
    const startedAt = Date.now();
    const test = await startGateway({ upstreams, isolation });
    const clients = await Promise.all(names.map((name) => openNamed(test, name)));
    for (const [n, client] of clients.entries()) for (let id = 1; id <= n; id++) client.send(toolCall(id, 'never'));
    await expect.poll(() => test.gateway.stats.exchanges).toBe((CLIENTS * (CLIENTS - 1)) / 2);

    const sessions = test.gateway.operations.sessions();
    expect(new Set(sessions.map(({ id }) => id)).size).toBe(CLIENTS);
    const requests = test.gateway.operations.requests();
    expect(new Set(requests.map(({ id }) => id)).size).toBe(requests.length);
    for (const [n, name] of names.entries()) {
      const known = sessions.find(({ client }) => client?.name === name);
      expect(known).toMatchObject({
        state: 'ready',
        client: { name, version: '7' },
        userAgent: `agent of ${name}`,
        address: '127.0.0.1',
        transport: 'websocket',
        era: 'legacy',
        inFlight: n,
      });
      expect(known!.startedAt).toBeGreaterThanOrEqual(startedAt);
      expect(requests.filter(({ session }) => session === known!.id)).toHaveLength(n);
    }
  });

  it('leave without disturbing each other: what ran for one who is gone is cancelled, the rest goes on', async () => {
    const test = await startGateway({ upstreams, isolation });
    const clients = await Promise.all(names.map((name) => openNamed(test, name)));
    for (const client of clients) client.send(toolCall(1, 'slow', { ms: 1500, text: 'stayed' }));
    await expect.poll(() => test.gateway.operations.requests().length).toBe(CLIENTS);
    const [gone, stayed] = [clients.slice(0, CLIENTS / 2), clients.slice(CLIENTS / 2)];
    for (const { socket } of gone) socket.terminate();
    await expect.poll(() => test.gateway.operations.requests().length).toBe(stayed.length);
    const ended = test.events.filter((event) => event.type === 'request.ended');
    expect(ended.map(({ outcome }) => outcome)).toEqual(gone.map(() => 'cancelled'));
    const answers = await Promise.all(stayed.map((client) => client.answer(1)));
    expect(answers.map(textOf)).toEqual(stayed.map(() => 'stayed'));
    const seen = JSON.parse(textOf(await stayed[0]!.call(2, 'seen'))) as string[];
    const cancelled = seen.filter((method) => method === 'notifications/cancelled');
    expect(cancelled).toHaveLength(isolation === 'shared' ? gone.length : 0);
    for (const { socket } of stayed) socket.terminate();
    await expectEmpty(test, { members: isolation === 'shared' ? 1 : 0 });
  });
});

it('a session over HTTP is known for what it is too, but not by the secret that its client shows', async () => {
  const test = await startGateway({ upstreams });
  const session = await openSession(test.http, initializeParams());
  expect(test.gateway.operations.sessions()).toMatchObject([
    { state: 'ready', client: { name: 'wire', version: '1' }, address: '127.0.0.1', transport: 'http', era: 'legacy' },
  ]);
  expect(JSON.stringify(test.gateway.operations.sessions())).not.toContain(session['mcp-session-id']);
});
