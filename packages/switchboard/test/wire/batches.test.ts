/** Batches: MCP 2025-03-26 says that they must be taken, and every other version has none. */
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';

import { start } from '../support/command.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { http, openSession, stream } from '../support/http.ts';
import { SseWire } from '../support/sse.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const OLD = '2025-03-26';
const params = (version: string): Json => ({ ...initializeParams(), protocolVersion: version });
const upstreams = { default: servers.scripted };
const echo = (id: unknown, text: string): Json => toolCall(id, 'echo', { text });
const note: Json = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };

const MIXED: readonly unknown[] = [
  echo(1, 'one'),
  note,
  { jsonrpc: '2.0', id: 2, method: 'ping' },
  { jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 5 } },
  { jsonrpc: '2.0', id: 4, method: 'initialize', params: params(OLD) },
  { id: 5, method: 'ping' },
  echo('six', 'six'),
];

function expectAnswers(answers: readonly Json[]): void {
  const byId = new Map(answers.map((answer) => [answer['id'], answer]));
  expect(new Set(byId.keys())).toEqual(new Set([1, 2, 3, 4, 5, 'six']));
  expect(textOf(byId.get(1)!)).toBe('one');
  expect(textOf(byId.get('six')!)).toBe('six');
  expect(byId.get(2)).toMatchObject({ result: {} });
  expect(byId.get(3)).toMatchObject({ error: { code: -32602 } });
  expect(byId.get(4)).toMatchObject({ error: { code: -32600, message: expect.stringContaining('within a batch') } });
  expect(byId.get(5)).toMatchObject({ error: { code: -32600 } });
}

const sessionOf = async (url: string, version: string): Promise<WireClient> => {
  const client = await WireClient.open(url);
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: params(version) });
  await client.answer(0);
  return client;
};

describe('a batch of a client that negotiated 2025-03-26', () => {
  it.each([['mcp'], ['mcp.r1']])('is answered message by message over WebSocket, subprotocol %s', async (protocol) => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.open(test.ws, {}, [protocol]);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: params(OLD) });
    await client.answer(0);
    client.send(MIXED);
    expectAnswers(await Promise.all([1, 2, 3, 4, 5, 'six'].map((id) => client.answer(id))));
    await client.call(7, 'echo', { text: 'x' });
    const seen = JSON.parse(textOf(await client.call(8, 'seen'))) as string[];
    expect(seen).toContain('notifications/roots/list_changed');
  });

  it('is answered on one event stream over HTTP, which ends with the last answer', async () => {
    const test = await startGateway({ upstreams });
    const { 'mcp-session-id': session = '' } = await openSession(test.http, params(OLD));
    const headers = { 'mcp-session-id': session };
    const answered = await stream(test.http, { method: 'POST', headers, body: JSON.stringify(MIXED) });
    const answers: Json[] = [];
    for (let n = 0; n < 6; n++) answers.push(await answered.next());
    await answered.closed;
    expectAnswers(answers);
    const notes = await http(test.http, { headers, body: JSON.stringify([note, note]) });
    expect(notes.status).toBe(202);
    const single = await http(test.http, { headers, body: JSON.stringify([echo(9, 'nine')]) });
    expect(textOf(JSON.parse(single.body) as Json)).toBe('nine');
  });

  it('may have the same id twice: one of the two is refused, and both are answered', async () => {
    const test = await startGateway({ upstreams });
    const { 'mcp-session-id': session = '' } = await openSession(test.http, params(OLD));
    const headers = { 'mcp-session-id': session };
    const body = JSON.stringify([echo(1, 'first'), echo(1, 'second')]);
    const answered = await stream(test.http, { method: 'POST', headers, body });
    const answers = [await answered.next(), await answered.next()];
    await answered.closed;
    expect(answers.filter((answer) => 'result' in answer).map(textOf)).toEqual(['first']);
    expect(answers.find((answer) => 'error' in answer)).toMatchObject({
      error: { data: { code: 'SWB_DUPLICATE_ID' } },
    });
  });

  it('is answered over stdio', async () => {
    const { command, args } = servers.scripted;
    const child = start(['serve', '--transport', 'stdio', '--', command, ...args]);
    const answers: Json[] = [];
    createInterface({ input: child.stdout! }).on('line', (line) => answers.push(JSON.parse(line) as Json));
    const write = (message: unknown): void => void child.stdin!.write(`${JSON.stringify(message)}\n`);
    write({ jsonrpc: '2.0', id: 0, method: 'initialize', params: params(OLD) });
    await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(1);
    write(MIXED);
    await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(7);
    expectAnswers(answers.slice(1));
  });

  it('is answered over SSE', async () => {
    const test = await startGateway({ upstreams, sse: true });
    const client = await SseWire.open(`http://127.0.0.1:${test.port}/sse`);
    await client.post({ jsonrpc: '2.0', id: 0, method: 'initialize', params: params(OLD) });
    await client.answer(0);
    await client.post(MIXED as unknown as Json);
    expectAnswers(await Promise.all([1, 2, 3, 4, 5, 'six'].map((id) => client.answer(id))));
  });

  it.each([
    ['none', [] as unknown[]],
    ['101', Array.from({ length: 101 }, (_, id) => echo(id + 1, 'x'))],
  ])('is refused with %s messages', async (_count, batch) => {
    const test = await startGateway({ upstreams });
    const client = await sessionOf(test.ws, OLD);
    client.send(batch);
    expect(await client.next((message) => 'error' in message)).toMatchObject({
      error: { code: -32600, message: expect.stringContaining('expected 1 to 100') },
    });
    const { 'mcp-session-id': session = '' } = await openSession(test.http, params(OLD));
    const answer = await http(test.http, { headers: { 'mcp-session-id': session }, body: JSON.stringify(batch) });
    expect(answer.status).toBe(400);
  });
});

describe('a batch of any other client', () => {
  it.each(['2025-06-18', '2025-11-25'])('is refused, and says why, in version %s', async (version) => {
    const test = await startGateway({ upstreams });
    const why = `batches are part of MCP 2025-03-26 alone, and this session speaks "${version}"`;
    const client = await sessionOf(test.ws, version);
    client.send([echo(1, 'x')]);
    expect(await client.next((message) => 'error' in message)).toMatchObject({
      error: { code: -32600, message: expect.stringContaining(why) },
    });
    const headers = await openSession(test.http, params(version));
    const answer = await http(test.http, {
      headers: { ...headers, 'mcp-protocol-version': version },
      body: JSON.stringify([echo(1, 'x')]),
    });
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(why.replaceAll('"', '\\"'));
  });

  it('is refused before initialize, and where nothing was negotiated', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.open(test.ws);
    client.send([{ jsonrpc: '2.0', id: 1, method: 'initialize', params: params(OLD) }]);
    expect(await client.next(() => true)).toMatchObject({
      error: { code: -32600, message: expect.stringContaining('no session is open here') },
    });
    const answer = await http(test.http, { body: JSON.stringify([echo(1, 'x')]) });
    expect(answer.status).toBe(400);
  });
});

it('a batch of a server is taken message by message', async () => {
  const test = await startGateway({ upstreams });
  const client = await WireClient.session(test.ws);
  const batch = [
    { jsonrpc: '2.0', method: 'notifications/tools/list_changed' },
    5,
    { jsonrpc: '2.0', id: 'ID', result: { content: [{ type: 'text', text: 'in a batch' }] } },
  ];
  client.send(toolCall(1, 'write', { text: JSON.stringify(batch) }));
  await client.notification('notifications/tools/list_changed');
  expect(textOf(await client.answer(1))).toBe('in a batch');
});
