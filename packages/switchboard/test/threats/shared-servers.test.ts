/** What one principal can take from another on a server that both share. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { modern, open, startWithKeys } from '../support/access.ts';
import { servers } from '../support/gateway.ts';
import { bearer } from '../support/keys.ts';
import { WireClient, envelope, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';
const logging = (id: number, name: string, args: Json): Json =>
  toolCall(id, name, args, { ...envelope(), [LOG_LEVEL]: 'debug' });
const isLog = ({ method }: Json): boolean => method === 'notifications/message';

describe('a task on a shared server', () => {
  it.each(['shared', 'pool'] as const)('does not exist for another principal, with isolation %s', async (isolation) => {
    const upstream: UpstreamOptions = { ...servers.scripted, env: { MODERN: 'yes' }, isolation };
    const test = await startWithKeys({ upstreams: { default: upstream } });
    const connect = (token: string): Promise<WireClient> => WireClient.open(test.ws, { headers: bearer(token) });
    const [ann, ben, legacy] = [await connect(test.ann), await connect(test.ben), await open(test, test.ben)];
    ann.send(modern(1, 'tools/call', { name: 'begin', arguments: {} }));
    const { taskId } = (await ann.answer(1))['result'] as { taskId: string };
    const ask = async (client: WireClient, id: number, method: string, asked: unknown): Promise<Json> => {
      client.send(modern(id, method, { taskId: asked }));
      return client.answer(id);
    };
    const foreign = await ask(ben, 1, 'tasks/get', taskId);
    const unknown = await ask(ben, 2, 'tasks/get', 'task-0');
    expect(foreign['error']).toMatchObject({ code: -32602, data: { code: 'SWB_UNKNOWN_NAME' } });
    expect(JSON.stringify(foreign['error']).replace(taskId, 'task-0')).toBe(JSON.stringify(unknown['error']));
    for (const [n, method] of ['tasks/cancel', 'tasks/update', 'tasks/result', 'tasks/list'].entries()) {
      expect(await ask(ben, 10 + n, method, taskId), method).toHaveProperty('error');
    }
    expect(await ask(ben, 20, 'tasks/get', [taskId])).toHaveProperty('error');
    legacy.send({ jsonrpc: '2.0', id: 1, method: 'tasks/get', params: { taskId } });
    expect(await legacy.answer(1)).toHaveProperty('error');
    // Its owner finds it from another connection as well.
    expect((await ask(await connect(test.ann), 1, 'tasks/get', taskId))['result']).toMatchObject({ taskId });
  });
});

describe('a log line of a shared server', () => {
  const upstreams = { default: { ...servers.scripted, env: { MODERN: 'yes' }, isolation: 'shared' as const } };

  it('is not told to the only one who asked for logs, as it may be about another', async () => {
    const test = await startWithKeys({ upstreams });
    const [ann, ben] = [
      await WireClient.open(test.ws, { headers: bearer(test.ann) }),
      await WireClient.open(test.ws, { headers: bearer(test.ben) }),
    ];
    ben.send(logging(1, 'slow', { ms: 400 }));
    ann.send(modern(1, 'tools/call', { name: 'log', arguments: { text: 'about ann' } }));
    await ann.answer(1);
    await ben.answer(1);
    expect([...ben.received, ...ann.received].filter(isLog)).toEqual([]);
  });

  it('is told where its request is certain: on a server of one client alone, and on the answer of a request over HTTP', async () => {
    const alone = await startWithKeys({ upstreams });
    const client = await WireClient.open(alone.ws, { headers: bearer(alone.ann) });
    client.send(logging(1, 'log', { text: 'mine' }));
    await client.answer(1);
    expect(client.received.filter(isLog)).toMatchObject([{ params: { data: 'mine' } }]);

    const remote = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { id, method, params } = JSON.parse(body || '{}') as Json & { params?: Json };
        const event = (message: Json): string => `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;
        const discovered = { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: { tools: {} } };
        if (method !== 'tools/call') {
          const result = method === 'server/discover' ? discovered : { resultType: 'complete', tools: [] };
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
          return;
        }
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(event({ method: 'notifications/message', params: { level: 'info', data: params?.['name'] } }));
        const answer = event({ id, result: { resultType: 'complete', content: [{ type: 'text', text: 'done' }] } });
        setTimeout(() => response.end(answer), 100);
      });
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void remote.close());
    await new Promise((resolve) => remote.once('listening', resolve));
    const url = `http://127.0.0.1:${(remote.address() as AddressInfo).port}/mcp`;
    const test = await startWithKeys({ upstreams: { default: { url, isolation: 'shared' } } });
    const clients = [test.ann, test.ben, test.ann].map((token) => WireClient.open(test.ws, { headers: bearer(token) }));
    const [ann, ben, silent] = (await Promise.all(clients)) as [WireClient, WireClient, WireClient];
    ann.send(logging(1, 'of-ann', {}));
    ben.send(logging(1, 'of-ben', {}));
    silent.send(modern(1, 'tools/call', { name: 'of-nobody', arguments: {} }));
    await Promise.all([ann, ben, silent].map((each) => each.answer(1)));
    const heard = [ann, ben, silent].map(({ received }) =>
      received.filter(isLog).map(({ params }) => (params as Json)['data']),
    );
    expect(heard).toEqual([['of-ann'], ['of-ben'], []]);
  });
});

describe('a log line of a server in this process', () => {
  it('is told to the request that it belongs to, where several clients share the server, and to nobody after the answer', async () => {
    const release: (() => void)[] = [];
    const late: Promise<void>[] = [];
    const factory = (): McpServer => {
      const server = new McpServer({ name: 'inside', version: '1' }, { capabilities: { logging: {} } });
      server.registerTool('work', { inputSchema: z.object({ who: z.string() }) }, async ({ who }, { mcpReq }) => {
        // All of them are under way before the first line.
        await new Promise<void>((resolve) => {
          release.push(resolve);
          if (release.length === 3) for (const each of release) each();
        });
        await mcpReq.log('info', `about ${who}`);
        late.push(new Promise((resolve) => setImmediate(() => resolve(mcpReq.log('info', `afterwards, ${who}`)))));
        return { content: [{ type: 'text', text: 'done' }] };
      });
      return server;
    };
    const test = await startWithKeys({ upstreams: { default: { server: factory, isolation: 'shared' } } });
    const clients = [test.ann, test.ben, test.ann].map((token) => WireClient.open(test.ws, { headers: bearer(token) }));
    const [ann, ben, silent] = (await Promise.all(clients)) as [WireClient, WireClient, WireClient];
    ann.send(logging(1, 'work', { who: 'ann' }));
    ben.send(logging(1, 'work', { who: 'ben' }));
    silent.send(modern(1, 'tools/call', { name: 'work', arguments: { who: 'nobody' } }));
    await Promise.all([ann, ben, silent].map((each) => each.answer(1)));
    await Promise.all(late);
    for (const each of [ann, ben, silent]) {
      each.send(modern(2, 'tools/list'));
      await each.answer(2);
    }
    const heard = [ann, ben, silent].map(({ received }) =>
      received.filter(isLog).map(({ params }) => (params as Json)['data']),
    );
    expect(heard).toEqual([['about ann'], ['about ben'], []]);
  });
});

describe('a server that never answers about one resource', () => {
  it.each(['legacy', 'modern'])('keeps nobody waiting who watches another, spoken to in the %s era', async (era) => {
    const env = { HANGING: 'x://hangs', ...(era === 'modern' && { MODERN: 'yes' }) };
    const test = await startWithKeys({ upstreams: { default: { ...servers.scripted, env, isolation: 'shared' } } });
    const [ann, ben] = [await open(test, test.ann), await open(test, test.ben)];
    ann.send({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'x://hangs' } });
    ben.send({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'x://1' } });
    expect(await ben.answer(1)).toHaveProperty('result');
    ben.send({ jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: 'x://2' } });
    expect(await ben.answer(2)).toHaveProperty('result');
    for (const uri of ['x://1', 'x://2']) {
      await ann.call(uri, 'update', { uri });
      expect((await ben.notification('notifications/resources/updated'))['params']).toMatchObject({ uri });
    }
    // Not even after a crash, when what was watched is taken up again.
    ann.send(toolCall('crash', 'crash'));
    await ann.answer('crash');
    expect(textOf(await ben.call('again', 'echo', { text: 'again' }))).toBe('again');
    await ben.notification('notifications/resources/updated');
    ben.received.length = 0;
    ben.send({ jsonrpc: '2.0', id: 3, method: 'resources/unsubscribe', params: { uri: 'x://1' } });
    expect(await ben.answer(3)).toHaveProperty('result');
    await ann.call(3, 'update', { uri: 'x://1' });
    expect(textOf(await ben.call(4, 'echo', { text: 'quiet' }))).toBe('quiet');
    expect(ben.received.filter(({ method }) => method === 'notifications/resources/updated')).toEqual([]);
  });
});
