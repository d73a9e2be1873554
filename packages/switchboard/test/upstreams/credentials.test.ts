/** Values that each caller brings for its server: who shares with whom, what is refused, and that nothing shows them. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { readConfig } from '../../src/cli/config.ts';
import { startUpstream } from '../support/upstream.ts';
import type { TestUpstream } from '../support/upstream.ts';
import { http, openSession } from '../support/http.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const NEEDS = { env: { KEY: '${caller.header:X-Tallyfy-Key}', PLAIN: 'for all' } };
const SHARED = { isolation: 'shared' };
const SECRET = 'sk-0123456789abcdef';
const OTHER = 'sk-fedcba9876543210';

/** A legacy session that sends a key with its upgrade. */
async function sessionWith({ ws }: TestUpstream, key: string): Promise<WireClient> {
  const client = await WireClient.open(ws, { headers: { 'x-tallyfy-key': key } });
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await client.answer(0);
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return client;
}

const keyOf = async (client: WireClient, id: number): Promise<string> =>
  textOf(await client.call(id, 'environment', { name: 'KEY' }));

describe('a server that needs a value of each caller', () => {
  it('is started with it, and shared by those who bring the same', async () => {
    const test = await startUpstream(NEEDS, SHARED);
    const [a, b, c] = [
      await sessionWith(test, SECRET),
      await sessionWith(test, SECRET),
      await sessionWith(test, OTHER),
    ];
    expect([await keyOf(a, 1), await keyOf(b, 1), await keyOf(c, 1)]).toEqual([SECRET, SECRET, OTHER]);
    expect(textOf(await a.call(2, 'environment', { name: 'PLAIN' }))).toBe('for all');
    const [first, second, third] = await Promise.all([a, b, c].map(async (each) => textOf(await each.call(3, 'pid'))));
    expect(first).toBe(second);
    expect(third).not.toBe(first);
  });

  it('refuses a caller without it, names the header to send, and starts nothing', async () => {
    const test = await startUpstream(NEEDS, SHARED);
    const client = await WireClient.open(test.ws);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    expect(await client.answer(0)).toMatchObject({
      error: {
        code: 31031,
        message: expect.stringContaining('send the header X-Tallyfy-Key'),
        data: { code: 'SWB_CREDENTIAL_MISSING', headers: ['X-Tallyfy-Key'] },
      },
    });
    await expect(test.pool.check()).rejects.toThrow(/X-Tallyfy-Key/);
    expect(test.eventsOf('member.started')).toEqual([]);
  });

  it('takes it from each modern HTTP request by itself', async () => {
    const test = await startUpstream(NEEDS, SHARED);
    const ask = async (key: string | undefined): Promise<Json> => {
      const params = { name: 'environment', arguments: { name: 'KEY' }, _meta: envelope() };
      const { body } = await http(test.http, {
        headers: {
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': 'tools/call',
          'mcp-name': 'environment',
          ...(key !== undefined && { 'x-tallyfy-key': key }),
        },
        body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
      });
      return JSON.parse(body) as Json;
    };
    expect(textOf(await ask(SECRET))).toBe(SECRET);
    expect(textOf(await ask(OTHER))).toBe(OTHER);
    expect(await ask(undefined)).toMatchObject({ error: { code: 31031 } });
  });

  it('keeps to that of initialize in a legacy HTTP session, and refuses another', async () => {
    const test = await startUpstream(NEEDS, SHARED);
    const { headers } = await http(test.http, {
      headers: { 'x-tallyfy-key': SECRET },
      body: { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() },
    });
    const session = { 'mcp-session-id': String(headers['mcp-session-id']), 'mcp-protocol-version': '2025-11-25' };
    const ask = (more: Record<string, string>): ReturnType<typeof http> =>
      http(test.http, { headers: { ...session, ...more }, body: toolCall(1, 'environment', { name: 'KEY' }) });
    expect((await ask({ 'x-tallyfy-key': SECRET })).body).toContain(SECRET);
    expect((await ask({})).body).toContain(SECRET);
    const refused = await ask({ 'x-tallyfy-key': OTHER });
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.body)).toMatchObject({
      error: { code: 31032, data: { code: 'SWB_CREDENTIAL_CHANGED' } },
    });
    expect(refused.body).not.toMatch(/sk-/);
    await expect(openSession(test.http, initializeParams())).rejects.toThrow(/400/);
  });

  it('takes it by a request of a client that cannot set headers, until it is in use', async () => {
    const test = await startUpstream(NEEDS, SHARED);
    const client = await WireClient.open(test.ws);
    const bring = (id: number, values: unknown): Promise<Json> => {
      client.send({ jsonrpc: '2.0', id, method: 'switchboard/credentials', params: { values } });
      return client.answer(id);
    };
    expect(await bring(1, { 'X-Other': 'x' })).toMatchObject({ error: { code: -32602 } });
    expect(await bring(2, { 'X-Tallyfy-Key': 'two\nlines' })).toMatchObject({ error: { code: -32602 } });
    expect(await bring(3, { 'X-Tallyfy-Key': OTHER })).toMatchObject({ result: {} });
    expect(await bring(4, { 'X-Tallyfy-Key': SECRET })).toMatchObject({ result: {} });
    client.send({ jsonrpc: '2.0', id: 5, method: 'initialize', params: initializeParams() });
    await client.answer(5);
    expect(await keyOf(client, 6)).toBe(SECRET);
    expect(await bring(7, { 'X-Tallyfy-Key': SECRET })).toMatchObject({ result: {} });
    expect(await bring(8, { 'X-Tallyfy-Key': OTHER })).toMatchObject({ error: { code: 31032 } });
  });

  it('shows it in no event, no error and no table, also when the server says it', async () => {
    const test = await startUpstream(NEEDS, { ...SHARED, crashLimit: 3 });
    const client = await sessionWith(test, SECRET);
    const words = `key ${SECRET}, ${encodeURIComponent(SECRET)}, ${Buffer.from(SECRET).toString('base64')}`;
    await client.call(1, 'mutter', { text: words });
    await expect.poll(() => test.eventsOf('upstream.stderr')).toMatchObject([{ line: 'key ***, ***, ***' }]);
    const { error } = await client.call(2, 'crash');
    expect(error).toMatchObject({ message: expect.stringContaining('key ***') });
    await client.call(3, 'echo');
    // A server may put it into the name of a tool.
    const named = client.call(4, `get-${SECRET}`);
    const slow = client.call(5, 'slow', { ms: 50 });
    await Promise.all([named, slow]);
    expect(test.eventsOf('request.ended').map(({ target }) => target)).toContain('get-***');
    expect(JSON.stringify([test.events, await test.pool.members()])).not.toMatch(/sk-|c2st/);
  });

  it('that fails with the value of one goes on for the others', async () => {
    // Exits at once when the file that the value names is there: this one is.
    const test = await startUpstream(
      { env: { BROKEN_WHILE: '${caller.header:X-Tallyfy-Key}' } },
      { ...SHARED, crashLimit: 1, crashPause: '1h' },
    );
    const bad = await sessionWith(test, process.execPath);
    bad.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    expect(await bad.answer(1)).toMatchObject({ error: { code: 31030 } });
    expect(JSON.stringify(test.events)).not.toContain(process.execPath);
    expect(textOf(await (await sessionWith(test, '/nowhere/at-all')).call(1, 'echo', { text: 'fine' }))).toBe('fine');
    expect(test.pool.state).toBe('ready');
    expect((await http(new URL('/readyz', test.http).href, { method: 'GET' })).status).toBe(200);
  });

  it('may be a remote one, which gets it in a header', async () => {
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers['x-key'], request.headers['x-tallyfy-key']);
      response.writeHead(500).end();
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
    const test = await startUpstream({ url, headers: { 'x-key': 'Key ${caller.header:X-Tallyfy-Key}' } }, SHARED);
    await sessionWith(test, SECRET);
    expect(seen.slice(0, 2)).toEqual([`Key ${SECRET}`, undefined]);
  });
});

describe('a place for a value of the caller', () => {
  const read = (upstream: Json): string => {
    try {
      return JSON.stringify(readConfig(JSON.stringify({ upstreams: { mine: upstream } }), 'a.json', {}, {}).upstreams);
    } catch (error) {
      return (error as Error).message;
    }
  };

  it('is left alone in the env and the headers of a configuration file', () => {
    const env = { KEY: '${caller.header:X-Key}', WHO: '${caller.claim:sub}' };
    expect(read({ command: 'x', env })).toContain('${caller.header:X-Key}');
    expect(read({ url: 'http://x/', headers: env })).toContain('${caller.claim:sub}');
  });

  it.each([
    [{ command: 'x', args: ['${caller.header:X-Key}'] }, 'may stand in env and headers only'],
    [{ url: 'http://x/${caller.header:X-Key}' }, 'may stand in env and headers only'],
    [{ command: 'x', env: { '${caller.header:X-Key}': 'A' } }, 'can stand in a value, not in a name'],
    [{ url: 'http://x/', headers: { 'X-${caller.claim:sub}': 'A' } }, 'can stand in a value, not in a name'],
    [{ command: 'x', env: { A: '${caller.cookie:x}' } }, 'is not known; use ${caller.header:X-Name}'],
    [{ command: 'x', env: { A: '${caller.header:Authorization}' } }, 'is for Switchboard itself'],
  ])('is refused elsewhere, or when it is none: %j', (upstream, message) => {
    expect(read(upstream)).toContain(message);
  });
});
