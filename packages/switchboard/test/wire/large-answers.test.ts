/** One answer that is larger than all that may wait for a slow reader (maxQueueSize): it is no slow reader. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';

import { cli, expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { SseWire } from '../support/sse.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const BYTES = 20 * 1024 * 1024;
const big = (id: number, meta?: Json): Json => toolCall(id, 'big', { bytes: BYTES, note: meta !== undefined }, meta);

/** The answer in a body of either form. */
const answerIn = (body: string): Json =>
  JSON.parse(body.startsWith('{') ? body : [...body.matchAll(/^data: (.+)$/gm)].at(-1)![1]!) as Json;

describe('an answer of 20 MiB', () => {
  it('is delivered over HTTP in either era, as JSON and as an event, and over SSE', async () => {
    const test = await startGateway({ upstreams, sse: true });
    const session = await openSession(test.http, initializeParams());
    const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'big' };
    for (const [headers, meta] of [
      [session, undefined],
      [session, { progressToken: 1 }],
      [modern, envelope()],
      [modern, { progressToken: 1, ...envelope() }],
    ] as const) {
      const { body } = await http(test.http, { headers, body: big(1, meta) });
      expect(textOf(answerIn(body))).toHaveLength(BYTES);
    }
    const sse = await SseWire.session(new URL('/sse', test.http).href);
    expect(textOf(await sse.call(1, 'big', { bytes: BYTES }))).toHaveLength(BYTES);
  });

  it.each(['mcp', 'mcp.r1'])('is delivered over a WebSocket with %s, with what follows it', async (protocol) => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.open(test.ws, { maxPayload: 2 * BYTES }, [protocol]);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.answer(0);
    client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    client.send(big(1));
    client.send(toolCall(2, 'echo', { text: 'after' }));
    expect(textOf(await client.answer(1))).toHaveLength(BYTES);
    // What can be resumed is confirmed, and waits for that beyond half of what may be kept.
    if (protocol === 'mcp.r1') client.send({ jsonrpc: '2.0', method: 'switchboard/ws/ack', params: { h: 2 } });
    expect(textOf(await client.answer(2))).toBe('after');
  });

  it.each(['ws', 'http'] as const)('is delivered by connect, over %s', async (way) => {
    const test = await startGateway({ upstreams });
    const child = spawn(process.execPath, [cli, 'connect', test[way]], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const lines: string[] = [];
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop()!;
      lines.push(...parts);
    });
    const say = (message: Json): void => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    say({ id: 0, method: 'initialize', params: initializeParams() });
    await expect.poll(() => lines.length, { timeout: 10_000 }).toBe(1);
    say({ method: 'notifications/initialized' });
    say(big(1));
    await expect.poll(() => lines.length, { timeout: 20_000 }).toBe(2);
    expect(textOf(JSON.parse(lines[1]!) as Json)).toHaveLength(BYTES);
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('ends connect with 1 and a word on stderr, when more such answers come and nobody reads them', async () => {
    const test = await startGateway({ upstreams });
    const child = spawn(process.execPath, [cli, 'connect', test.http], { stdio: 'pipe' });
    onTestFinished(() => void child.kill('SIGKILL'));
    let told = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
    const say = (message: Json): void => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    say({ id: 0, method: 'initialize', params: initializeParams() });
    const [answer] = (await once(child.stdout, 'data')) as [Buffer];
    expect(answer.toString()).toContain('"id":0');
    child.stdout.pause();
    say({ method: 'notifications/initialized' });
    for (let id = 1; id <= 4; id++) say(big(id));
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(told).toMatch(/^switchboard: .*reads too slowly.*\(SWB_OVERLOADED\)$/m);
    expect(told).not.toContain('    at ');
    await expectEmpty(test);
  });
});

describe('an answer as large as a server may send', () => {
  it('is delivered once over a WebSocket and over HTTP, and is kept by nobody', async () => {
    const test = await startGateway({ upstreams, isolation: 'shared' });
    const bytes = test.gateway.settings.maxUpstreamMessageSize - 1024;
    const whole = (id: number): Json => toolCall(id, 'big', { bytes });
    const client = await WireClient.session(test.ws);
    client.send(whole(1));
    client.send(toolCall(2, 'echo', { text: 'after' }));
    expect(textOf(await client.answer(1))).toHaveLength(bytes);
    expect(textOf(await client.answer(2))).toBe('after');
    expect(client.received).toEqual([]);
    client.socket.close();
    const session = await openSession(test.http, initializeParams());
    const { body } = await http(test.http, { headers: session, body: whole(3) });
    const answer = answerIn(body);
    expect([answer['id'], textOf(answer).length]).toEqual([3, bytes]);
    expect(test.gateway.stats).toMatchObject({ exchanges: 0, replayBytes: 0 });
    await http(test.http, { method: 'DELETE', headers: session });
    await expectEmpty(test, { members: 1 });
  });
});
