/** Who is calling, as servers and hooks are told: never by the client itself, and never with a secret. */
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, it } from 'vitest';

import type { SessionContext } from '../../src/protocol/session-context.ts';
import { contextOf } from '../../src/protocol/session-context.ts';
import { modern, modernHeaders, startWithKeys } from '../support/access.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer } from '../support/keys.ts';
import { WireClient, initializeParams, textOf } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const KEY = 'switchboard/context';
const telling = { default: { ...servers.scripted, context: true } };

/** What a server behind Switchboard finds in `_meta` of a request with this one. */
async function metaAt(client: WireClient, id: number, meta?: Json): Promise<Json | undefined> {
  client.send({ jsonrpc: '2.0', id, method: 'acme/echo', params: { a: 1, ...(meta && { _meta: meta }) } });
  const { result } = (await client.answer(id)) as { result: { params: Json } };
  expect(result.params).toMatchObject({ a: 1 });
  return result.params['_meta'] as Json | undefined;
}

describe('a child', () => {
  it('is told who is calling with each request, where it is configured', async () => {
    const test = await startWithKeys({ upstreams: telling, roles: { reader: {}, default: {} } });
    const client = await WireClient.open(test.ws, { headers: { ...bearer(test.ann), 'user-agent': 'agent/1' } });
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.answer(0);
    const [{ id, startedAt } = { id: '', startedAt: 0 }] = test.gateway.operations.sessions();
    const found = contextOf(await metaAt(client, 1));
    expect(found).toEqual({
      session: id,
      principal: 'ann',
      roles: expect.any(Array) as unknown,
      transport: 'websocket',
      client: { name: 'wire', version: '1' },
      address: '127.0.0.1',
      userAgent: 'agent/1',
      startedAt,
      groups: [],
      metadata: {},
    });
    test.gateway.operations.note(id, { groups: ['blue'], metadata: { team: 'x' } });
    const meta = await metaAt(client, 2, { other: 'kept' });
    expect(meta).toMatchObject({ other: 'kept', [KEY]: { groups: ['blue'], metadata: { team: 'x' } } });
    expect(JSON.stringify(meta)).not.toContain(test.ann);
  });

  it('is told nothing where it is not, also not by the client', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const client = await WireClient.session(test.ws);
    expect(await metaAt(client, 1)).toBeUndefined();
    expect(await metaAt(client, 2, { [KEY]: { principal: 'root' }, other: 1 })).toEqual({ other: 1 });
  });

  it('is not told by the client what Switchboard tells', async () => {
    const test = await startGateway({ upstreams: telling });
    const client = await WireClient.session(test.ws);
    const meta = await metaAt(client, 1, { [KEY]: { principal: 'root', session: 'forged' } });
    expect(contextOf(meta)?.principal).toBe('anonymous');
    expect(JSON.stringify(meta)).not.toContain('forged');
  });

  it('is told of modern requests, which have no session over HTTP', async () => {
    const test = await startGateway({ upstreams: telling });
    const body = modern(1, 'acme/echo', { a: 1 });
    const answer = await http(test.http, { headers: modernHeaders('acme/echo'), body });
    const { result } = JSON.parse(answer.body) as { result: { params: { _meta: Json } } };
    const context = contextOf(result.params._meta);
    expect(context).toMatchObject({ principal: 'anonymous', transport: 'http', client: { name: 'wire' } });
    expect(context).not.toHaveProperty('session');
    const client = await WireClient.open(test.ws);
    client.send(modern(2, 'acme/echo', { a: 1 }));
    const over = (await client.answer(2)) as { result: { params: { _meta: Json } } };
    const [connection] = test.gateway.operations.sessions();
    expect(contextOf(over.result.params._meta)).toMatchObject({ session: connection?.id, transport: 'websocket' });
  });
});

describe('a server in this process', () => {
  const start = (built: (SessionContext | undefined)[], options: Json = {}): ReturnType<typeof startGateway> =>
    startGateway({
      ...options,
      upstreams: {
        default: {
          server: ({ session }) => {
            built.push(session);
            const server = new McpServer({ name: 'inside', version: '1' });
            server.registerTool('whoami', {}, ({ mcpReq }) => ({
              content: [{ type: 'text', text: JSON.stringify(contextOf(mcpReq._meta) ?? null) }],
            }));
            return server;
          },
        },
      },
    });

  it('is built for a session that it knows, and each handler knows who calls', async () => {
    const built: (SessionContext | undefined)[] = [];
    const test = await start(built);
    const client = await WireClient.session(test.ws);
    const [session] = test.gateway.operations.sessions();
    expect(built[0]).toMatchObject({ session: session?.id, principal: 'anonymous', client: { name: 'wire' } });
    expect(JSON.parse(textOf(await client.call(1, 'whoami')))).toMatchObject({ session: session?.id });
  });

  it('that all share is built for nobody, and tells its callers apart', async () => {
    const built: (SessionContext | undefined)[] = [];
    const test = await start(built, { isolation: 'shared' });
    const clients = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    const found = await Promise.all(clients.map((client) => client.call(1, 'whoami')));
    const sessions = found.map((answer) => (JSON.parse(textOf(answer)) as SessionContext).session);
    expect(new Set(sessions)).toEqual(new Set(test.gateway.operations.sessions().map(({ id }) => id)));
    expect(built.every((session) => session === undefined)).toBe(true);
  });
});

it('a hook is asked with the whole context of a request', async () => {
  const test = await startGateway({ upstreams: { default: servers.scripted } });
  const asked: (SessionContext | undefined)[] = [];
  test.gateway.registerHooks({ onRequest: ({ context }) => void asked.push(context) });
  const client = await WireClient.session(test.ws);
  await client.call(1, 'echo', { text: 'x' });
  expect(asked).toMatchObject([
    { principal: 'anonymous', transport: 'websocket', client: { name: 'wire' }, roles: [] },
  ]);
});
