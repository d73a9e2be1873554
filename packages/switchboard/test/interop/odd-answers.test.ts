/** Servers that answer a little wrong, as real ones do: their calls end at once, accepted where the official SDKs accept them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { root, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { WireClient, envelope, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const verbatim = { command: process.execPath, args: [`${root}packages/switchboard/test/fixtures/verbatim-server.mjs`] };
const RESULT = '{"content":[{"type":"text","text":"fine"}]}';
const large = 'y'.repeat(40_000);

/** What each answers to a request, `$ID` being its id as JSON. */
const ACCEPTED: readonly (readonly [string, string])[] = [
  ['a server that keeps ids as text', `{"jsonrpc":"2.0","id":"$ID","result":${RESULT}}`],
  ['a library of JSON-RPC 1.0, with an error of null', `{"jsonrpc":"2.0","id":$ID,"error":null,"result":${RESULT}}`],
  [
    'a server that keeps ids as text, and answers much',
    `{"jsonrpc":"2.0","id":"$ID","result":{"content":[{"type":"text","text":"fine"}],"x":"${large}"}}`,
  ],
];

const REFUSED: readonly (readonly [string, string, string])[] = [
  ['a Go server whose handler returns nil', '{"jsonrpc":"2.0","id":$ID,"result":null}', 'result is null'],
  ['a script that answers with text', '{"jsonrpc":"2.0","id":$ID,"result":"fine"}', 'result is "fine"'],
  ['a script that answers with a list', '{"jsonrpc":"2.0","id":$ID,"result":[1]}', 'result is [1]'],
  ['a script that answers with neither', '{"jsonrpc":"2.0","id":$ID}', 'result is missing'],
  ['a script that does not know JSON-RPC', `{"id":$ID,"result":${RESULT}}`, 'without "jsonrpc": "2.0"'],
  ['Python’s json.dumps of NaN', '{"jsonrpc":"2.0","id":$ID,"result":{"x":NaN}}', 'not valid JSON'],
  ['Python’s json.dumps of NaN, and ids as text', '{"jsonrpc":"2.0","result":{"x":NaN},"id":"$ID"}', 'not valid JSON'],
  [
    'Python’s json.dumps of much and Infinity',
    `{"jsonrpc":"2.0","id":$ID,"result":{"y":"${large}","x":-Infinity}}`,
    'not valid JSON',
  ],
];

const FAILED: readonly (readonly [string, string, Json])[] = [
  ['a script whose error is text', '{"jsonrpc":"2.0","id":$ID,"error":"boom"}', { code: -32603, message: 'boom' }],
  [
    'a web framework whose error has a name for a code',
    '{"jsonrpc":"2.0","id":$ID,"error":{"code":"E_BOOM","message":"boom"}}',
    { code: -32603, message: 'boom' },
  ],
  [
    'a library that has lost the id',
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"boom"}}',
    { code: -32000, message: 'boom' },
  ],
  [
    'a library that leaves the id out',
    '{"jsonrpc":"2.0","error":{"code":-32000,"message":"boom"}}',
    { code: -32000, message: 'boom' },
  ],
];

/** A long time limit: what is not settled by the answer would fail the test. */
const start = (upstream: Json, isolation: 'session' | 'shared'): Promise<TestGateway> =>
  startGateway({ upstreams: { default: upstream as never }, isolation, requestTimeout: '5m' });

const stdioOf = (line: string): Json => toolCall(2, 'only', { lines: [line] });

/** A remote server of Streamable HTTP that answers each call with this text, as one JSON body or as an event. */
async function remote(line: string, type: 'application/json' | 'text/event-stream'): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { id, method } = (body === '' ? {} : JSON.parse(body)) as { id?: number; method?: string };
      if (id === undefined) response.writeHead(request.method === 'POST' ? 202 : 405).end();
      else if (method === 'initialize') {
        const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'r', version: '1' } };
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
      } else {
        const text =
          method === 'tools/call' ? line.replaceAll('$ID', String(id)) : '{"jsonrpc":"2.0","id":0,"error":{}}';
        response.writeHead(200, { 'content-type': type });
        response.end(type === 'application/json' ? text : `event: message\ndata: ${text}\n\n`);
      }
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

describe.each(['session', 'shared'] as const)('behind a child process, isolation %s', (isolation) => {
  it.each(ACCEPTED)('%s is understood', async (_who, line) => {
    const client = await WireClient.session((await start(verbatim, isolation)).ws);
    client.send(stdioOf(line));
    expect(textOf(await client.answer(2))).toBe('fine');
  });

  it.each(REFUSED)('%s fails its call at once, and is told why', async (_who, line, why) => {
    const client = await WireClient.session((await start(verbatim, isolation)).ws);
    client.send(stdioOf(line));
    expect(await client.answer(2)).toMatchObject({
      error: { code: 31033, message: expect.stringContaining(why), data: { code: 'SWB_UPSTREAM_INVALID' } },
    });
    expect(textOf(await client.call(3, 'say'))).toBe('done');
  });

  it.each(FAILED)('%s fails its call at once with that error', async (_who, line, error) => {
    const client = await WireClient.session((await start(verbatim, isolation)).ws);
    client.send(stdioOf(line));
    expect(await client.answer(2)).toMatchObject({ error });
    expect(textOf(await client.call(3, 'say'))).toBe('done');
  });

  it('an error without an id fails nothing where two calls are under way', async () => {
    const test = await start(verbatim, isolation);
    const client = await WireClient.session(test.ws);
    client.send(toolCall(2, 'only'));
    client.send(toolCall(3, 'only', { lines: [FAILED[2]![1]] }));
    expect(textOf(await client.call(4, 'say'))).toBe('done');
    expect(client.received.filter(({ id }) => id === 2 || id === 3)).toEqual([]);
  });
});

describe.each(['application/json', 'text/event-stream'] as const)('behind a remote server, answering as %s', (type) => {
  it.each([ACCEPTED[0]!, ACCEPTED[1]!])('%s is understood', async (_who, line) => {
    const client = await WireClient.session((await start({ url: await remote(line, type) }, 'shared')).ws);
    expect(textOf(await client.call(2, 'x'))).toBe('fine');
  });

  it.each(REFUSED)('%s fails its call at once', async (_who, line) => {
    const client = await WireClient.session((await start({ url: await remote(line, type) }, 'shared')).ws);
    expect(await client.call(2, 'x')).toMatchObject({
      error: { message: expect.stringMatching(/invalid answer|200/) },
    });
  });
});

describe('a request of a server', () => {
  it('with params of null, as .NET writes them, is answered', async () => {
    const client = await WireClient.session((await start(verbatim, 'session')).ws, { roots: {} });
    client.send(toolCall(2, 'say', { lines: ['{"jsonrpc":"2.0","id":"q1","method":"roots/list","params":null}'] }));
    expect(await client.request('roots/list')).not.toHaveProperty('params');
    expect(textOf(await client.answer(2))).toBe('done');
  });

  it('that a client answers with a result of null fails at once, instead of never', async () => {
    const client = await WireClient.session((await start(servers.scripted, 'session')).ws, {
      elicitation: {},
    });
    client.send(toolCall(2, 'ask', { message: 'which?' }));
    const { id } = await client.request('elicitation/create');
    client.send({ jsonrpc: '2.0', id, result: null });
    expect(JSON.stringify(await client.answer(2))).toContain('result is null');
  });

  it('that a client answers with its id as text is answered', async () => {
    const client = await WireClient.session((await start(servers.scripted, 'session')).ws, {
      elicitation: {},
    });
    client.send(toolCall(2, 'ask', { message: 'which?' }));
    const { id } = await client.request('elicitation/create');
    client.send({ jsonrpc: '2.0', id: String(id), result: { action: 'accept', content: { said: 'this' } } });
    expect(textOf(await client.answer(2))).toContain('this');
  });
});

describe('a server that logs on stdout, as with pino,', () => {
  const line = (n: number): string => JSON.stringify({ level: 30, time: n, id: n, msg: 'started', error: undefined });

  it('is not ended by 5,000 lines in a row, and none of them answers a call', async () => {
    const test = await start(verbatim, 'shared');
    const client = await WireClient.session(test.ws);
    const other = await WireClient.session(test.ws);
    other.send(toolCall(9, 'only'));
    const lines = Array.from({ length: 5000 }, (_, n) => line(n));
    expect(textOf(await client.call(2, 'say', { lines }))).toBe('done');
    expect(textOf(await client.call(3, 'say', { lines: [] }))).toBe('done');
    expect(other.received.filter(({ id }) => id === 9)).toEqual([]);
    expect(test.events.filter(({ type }) => type === 'member.closed')).toEqual([]);
  });
});

it('a modern client gets the same of a legacy server', async () => {
  const test = await start(verbatim, 'shared');
  const client = await WireClient.open(test.ws);
  client.send(toolCall(2, 'only', { lines: [REFUSED[0]![1]] }, envelope()));
  expect(await client.answer(2)).toMatchObject({ error: { code: 31033 } });
  client.send(toolCall(3, 'only', { lines: [ACCEPTED[0]![1]] }, envelope()));
  expect(textOf(await client.answer(3))).toBe('fine');
});
