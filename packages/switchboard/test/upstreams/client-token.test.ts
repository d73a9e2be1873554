/** A remote server that wants a token, and the authorization server that gives it out; both real HTTP servers. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';

import { createGateway } from '../../src/gateway/gateway.ts';
import { startUpstream } from '../support/upstream.ts';
import type { TestUpstream } from '../support/upstream.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const SECRET = 's3cret & more';

async function listen(serve: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<string> {
  const server = createServer((request, response) => void serve(request, response)).listen(0, '127.0.0.1');
  onTestFinished(() => (server.close(), server.closeAllConnections()));
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Authority {
  url: string;
  /** What it was asked with. */
  asked: { authorization: string | undefined; body: Json }[];
  /** The tokens that are good. */
  good: Set<string>;
  answer(status: number, body: Json | string): void;
}

async function authority({ expiresIn = 3600 } = {}): Promise<Authority> {
  const asked: Authority['asked'] = [];
  const good = new Set<string>();
  let fixed: { status: number; body: Json | string } | undefined;
  const url = await listen(async (request, response) => {
    const body = Object.fromEntries(new URLSearchParams(await text(request)));
    asked.push({ authorization: request.headers.authorization, body });
    const token = `token-${asked.length}-${'t'.repeat(20)}`;
    if (fixed === undefined) good.add(token);
    const said = fixed ?? { status: 200, body: { access_token: token, token_type: 'Bearer', expires_in: expiresIn } };
    response.writeHead(said.status, { 'content-type': 'application/json' });
    response.end(typeof said.body === 'string' ? said.body : JSON.stringify(said.body));
  });
  return { url: `${url}/token`, asked, good, answer: (status, body) => (fixed = { status, body }) };
}

/** A legacy server that lets in who shows a good token, and tells with which. */
async function guarded(good: ReadonlySet<string>): Promise<{ url: string; refused: () => number }> {
  let refused = 0;
  const url = await listen(async (request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (!good.has(token)) {
      refused++;
      response.writeHead(401).end();
      return;
    }
    const { id, method } = JSON.parse((await text(request)) || '{}') as Json;
    if (id === undefined) {
      response.writeHead(request.method === 'POST' ? 202 : 405).end();
      return;
    }
    const results: Record<string, Json> = {
      initialize: {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'g', version: '1' },
      },
      'tools/call': { content: [{ type: 'text', text: token }] },
    };
    const result = results[String(method)];
    const answer = result === undefined ? { error: { code: -32601, message: 'unknown' } } : { result };
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
  });
  return { url: `${url}/mcp`, refused: () => refused };
}

const start = ({ url }: { url: string }, { url: tokenUrl }: Authority): Promise<TestUpstream> =>
  startUpstream(
    { url, oauth: { tokenUrl, clientId: 'the:client', clientSecret: SECRET, scope: 'a b', audience: 'them' } },
    { isolation: 'shared' },
  );

describe('a remote server that wants a token', () => {
  it('is shown one that was asked for once, with the credentials of the client, however many wait for it', async () => {
    const giver = await authority();
    const test = await start(await guarded(giver.good), giver);
    const clients = await Promise.all([1, 2, 3].map(() => WireClient.session(test.ws)));
    for (const client of clients) for (let id = 1; id < 5; id++) client.send(toolCall(id, 'x'));
    for (const client of clients) {
      for (let id = 1; id < 5; id++) expect(textOf(await client.answer(id))).toMatch(/^token-1-/);
    }
    const basic = Buffer.from('the%3Aclient:s3cret+%26+more').toString('base64');
    expect(giver.asked).toEqual([
      {
        authorization: `Basic ${basic}`,
        body: { grant_type: 'client_credentials', scope: 'a b', audience: 'them' },
      },
    ]);
  });

  it('is shown a new one before the old one ends', async () => {
    const giver = await authority({ expiresIn: 1 });
    const server = await guarded(giver.good);
    const test = await start(server, giver);
    const client = await WireClient.session(test.ws);
    const first = textOf(await client.call(1, 'x'));
    let id = 2;
    await expect.poll(async () => textOf(await client.call(id++, 'x')), { timeout: 5000 }).not.toBe(first);
    expect(server.refused()).toBe(0);
  });

  it('that no longer takes its token is shown another, once', async () => {
    const giver = await authority();
    const server = await guarded(giver.good);
    const test = await start(server, giver);
    const client = await WireClient.session(test.ws);
    await client.call(1, 'x');
    giver.good.clear();
    expect(textOf(await client.call(2, 'x'))).toMatch(/^token-2-/);
    expect(server.refused()).toBe(1);
    giver.answer(200, { access_token: 'bad', token_type: 'bearer' });
    giver.good.clear();
    expect(await client.call(3, 'x')).toMatchObject({ error: { code: 31001 } });
    expect(server.refused()).toBe(3);
  });

  it.each([
    [401, { error: 'invalid_client', error_description: `wrong: ${SECRET}` }, 'it answered with 401 (invalid_client)'],
    [500, `<html>${SECRET}</html>`, 'it answered with 500'],
    [200, { token_type: 'Bearer' }, 'has no access_token'],
    [200, { access_token: 'tkn-1', token_type: 'mac' }, 'is no bearer token'],
    [200, 'x'.repeat(100_000), 'longer than 65536 bytes'],
  ])('and gets none says why, and shows no secret: %s %j', async (status, body, why) => {
    const giver = await authority();
    giver.answer(status, body);
    const server = await guarded(giver.good);
    const test = await start(server, giver);
    const client = await WireClient.open(test.ws);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    const answer = await client.answer(0);
    expect(answer).toMatchObject({ error: { code: 31001, message: expect.stringContaining(why) } });
    expect(JSON.stringify([answer, test.events])).not.toMatch(/s3cret|tkn-1|Basic/);
    expect(giver.asked).toHaveLength(1);
    expect(server.refused()).toBe(0);
  });
});

describe('the option oauth', () => {
  const oauth = { tokenUrl: 'https://auth.example.com/token', clientId: 'a', clientSecret: 'b' };
  it.each([
    [{ url: 'wss://x/', oauth }, 'for Streamable HTTP only'],
    [{ url: 'https://x/', oauth, headers: { authorization: 'x' } }, 'give one of the two'],
    [{ url: 'https://x/', oauth: { ...oauth, tokenUrl: 'http://auth.example.com/' } }, 'expected https'],
    [{ url: 'https://x/', oauth: { tokenUrl: 'https://a/' } }, 'clientSecret'],
  ])('is refused where it makes no sense: %j', (upstream, message) => {
    expect(() => createGateway({ upstreams: { mine: upstream as never } })).toThrow(message);
  });
});
