/** Requests of several clients for one server that reads slowly. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

import { startUpstream } from '../support/upstream.ts';
import type { TestUpstream } from '../support/upstream.ts';
import type { RpcRequest } from '../../src/protocol/jsonrpc.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const MIB = 1024 * 1024;
const sessions = (test: TestUpstream, count: number): Promise<WireClient[]> =>
  Promise.all(Array.from({ length: count }, () => WireClient.session(test.ws)));
const large = (id: number, bytes: number): unknown => toolCall(id, 'echo', { text: 'x'.repeat(bytes) });

describe('a healthy server that several share', () => {
  it('is not ended by large requests that come together: each is served', async () => {
    const test = await startUpstream({}, { isolation: 'shared' });
    const clients = await sessions(test, 6);
    const pid = textOf(await clients[0]!.call(0, 'pid'));
    for (const [n, client] of clients.entries()) client.send(large(n + 1, 3.5 * MIB));
    const answers = await Promise.all(clients.map((client, n) => client.answer(n + 1)));
    for (const answer of answers) {
      // Those that found no room are told so, and are nobody else's loss.
      if ('error' in answer) expect(answer).toMatchObject({ error: { code: 31004 } });
      else expect(textOf(answer)).toHaveLength(3.5 * MIB);
    }
    expect(answers.filter((answer) => 'result' in answer).length).toBeGreaterThan(3);
    expect(textOf(await clients[0]!.call(99, 'pid'))).toBe(pid);
  });

  it('serves one who sends little before the rest of one who sends much, and refuses only the latter', async () => {
    const test = await startUpstream({}, { isolation: 'shared', maxQueueSize: '2MiB', livenessInterval: 'never' });
    const [greedy, modest] = await sessions(test, 2);
    await greedy!.call(1, 'nap', { ms: 1500 });
    for (let id = 2; id < 14; id++) greedy!.send(large(id, 500_000));
    // It has taken what there is room for, and the newest are refused.
    expect(await greedy!.answer(13)).toMatchObject({ error: { code: 31004 } });
    const order: string[] = [];
    const small = modest!.call(1, 'echo', { text: 'small' }).then((answer) => {
      order.push('modest');
      return answer;
    });
    const served = Array.from({ length: 11 }, (_, n) =>
      greedy!.answer(n + 2).then((answer) => {
        if ('result' in answer) order.push('greedy');
        return 'result' in answer;
      }),
    );
    expect(textOf(await small)).toBe('small');
    const results = await Promise.all(served);
    expect(results.filter(Boolean).length).toBeGreaterThan(3);
    expect(order.indexOf('modest')).toBeLessThan(order.length - 1);
  });

  it('over a WebSocket keeps its connection: what has no room is refused, and the rest is served when it reads', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => server.close());
    let connections = 0;
    let peer: WebSocket | undefined;
    server.on('connection', (socket) => {
      connections++;
      peer = socket;
      onTestFinished(() => socket.terminate());
      socket.on('message', (data: Buffer) => {
        const { id, method, params } = JSON.parse(data.toString()) as RpcRequest;
        if (id === undefined) return;
        const said = (params?.['arguments'] as Json | undefined)?.['text'];
        const served = { content: [{ type: 'text', text: String(String(said).length) }] };
        const handshakeResult = {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'x', version: '1' },
        };
        socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: method === 'initialize' ? handshakeResult : served }));
      });
    });
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = { isolation: 'shared', maxQueueSize: '2MiB', livenessInterval: 'never' };
    const test = await startUpstream({ url, era: 'legacy' }, options);
    const [greedy, modest] = await sessions(test, 2);
    await greedy!.call(1, 'echo', { text: '' });
    peer!.pause();
    const ids = Array.from({ length: 40 }, (_, n) => n + 2);
    for (const id of ids) greedy!.send(large(id, 500_000));
    expect(await greedy!.answer(ids.at(-1)!)).toMatchObject({ error: { code: 31004 } });
    const small = modest!.call(1, 'echo', { text: 'small' });
    // The gateway has it, as it reads in order.
    modest!.send({ jsonrpc: '2.0', id: 'after', method: 'ping' });
    await modest!.answer('after');
    peer!.resume();
    expect(textOf(await small)).toBe('5');
    const answers = await Promise.all(ids.slice(0, -1).map((id) => greedy!.answer(id)));
    const served = answers.filter((answer) => 'result' in answer);
    expect(served.length).toBeGreaterThan(3);
    expect(served.map(textOf)).toEqual(served.map(() => '500000'));
    expect(connections).toBe(1);
  });

  it('never hears of a request that was cancelled while it waited', async () => {
    const test = await startUpstream({}, { isolation: 'shared', livenessInterval: 'never' });
    const [client] = await sessions(test, 1);
    await client!.call(1, 'nap', { ms: 1000 });
    for (let id = 2; id < 6; id++) client!.send(large(id, MIB));
    client!.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } });
    for (let id = 2; id < 5; id++) expect(textOf(await client!.answer(id))).toHaveLength(MIB);
    const seen = JSON.parse(textOf(await client!.call(9, 'seen'))) as string[];
    expect(seen).not.toContain('notifications/cancelled');
    expect(seen.filter((method) => method === 'tools/call')).toHaveLength(5);
  });
});
