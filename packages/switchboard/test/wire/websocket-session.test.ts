import { describe, expect, it } from 'vitest';

import { expectEmpty, isAlive, servers, startGateway } from '../support/gateway.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };

describe.each(['session', 'shared'] as const)('a legacy session over WebSocket, isolation %s', (isolation) => {
  it('gives every kind of legal id back as it came', async () => {
    const { ws } = await startGateway({ upstreams, isolation });
    const client = await WireClient.session(ws);
    for (const id of [1, '1', 0, '', 'abc', -7, 9_007_199_254_740_991]) {
      expect(textOf(await client.call(id, 'echo', { text: `for ${typeof id} ${id}` }))).toBe(`for ${typeof id} ${id}`);
    }
    const raw = new Promise<string>((resolve) =>
      client.socket.on('message', (data: Buffer) => resolve(data.toString())),
    );
    client.send(
      '{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"tools/call","params":{"name":"echo","arguments":{"text":"big","id":5}}}',
    );
    expect(await raw).toMatch(/"id":123456789012345678901234567890\}$/);
  });

  it('runs requests of one client side by side and answers each as it is done', async () => {
    const { ws } = await startGateway({ upstreams, isolation });
    const client = await WireClient.session(ws);
    client.send(toolCall('slow', 'slow', { ms: 200, text: 'slow' }));
    expect(textOf(await client.call('fast', 'echo', { text: 'fast' }))).toBe('fast');
    expect(client.received).toEqual([]);
    expect(textOf(await client.answer('slow'))).toBe('slow');
  });

  it('gives progress to the one who asked, under its own token, when all use the same', async () => {
    const { ws } = await startGateway({ upstreams, isolation });
    const clients = await Promise.all(Array.from({ length: 5 }, () => WireClient.session(ws)));
    await Promise.all(
      clients.map(async (client, n) => {
        const answer = await client.call(
          1,
          'slow',
          { ms: 60, steps: 4, text: `client ${n}` },
          { progressToken: 'same' },
        );
        expect(textOf(answer)).toBe(`client ${n}`);
        const notes = client.received.map(({ method, params }) => ({ method, ...(params as Json) }));
        expect(notes).toEqual(
          [1, 2, 3, 4].map((progress) => ({
            method: 'notifications/progress',
            progressToken: 'same',
            progress,
            total: 4,
            message: `client ${n}`,
          })),
        );
      }),
    );
  });

  it('brings thousands of progress notes at once, in order, and takes a burst for no slow reader', async () => {
    const { ws } = await startGateway({ upstreams, isolation, maxQueueMessages: 100 });
    const client = await WireClient.session(ws);
    await client.call(1, 'burst', { notes: 5000 }, { progressToken: 't' });
    const progress = client.received.map(({ params }) => (params as Json)['progress']);
    expect(progress).toEqual(Array.from({ length: 5000 }, (_, n) => n + 1));
  });

  it('cancels the request of the client that says so, and of no other with the same id', async () => {
    const { ws } = await startGateway({ upstreams, isolation });
    const [a, b] = [await WireClient.session(ws), await WireClient.session(ws)];
    a.send(toolCall(7, 'slow', { ms: 30_000 }));
    b.send(toolCall(7, 'slow', { ms: 300, text: 'b is answered' }));
    a.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7, reason: 'enough' } });
    expect(textOf(await b.answer(7))).toBe('b is answered');
    expect(JSON.parse(textOf(await a.call(8, 'seen')))).toContain('notifications/cancelled');
    expect(a.received).toEqual([]);
  });

  it('passes unknown methods, content and _meta through unharmed', async () => {
    const { ws } = await startGateway({ upstreams, isolation });
    const client = await WireClient.session(ws);
    const params = { deep: { er: [1, null, 'ü'] }, _meta: { 'acme.example/trace': 'x', traceparent: '00-1-2-3' } };
    client.send({ jsonrpc: '2.0', id: 1, method: 'acme/echo', params });
    expect((await client.answer(1))['result']).toEqual({ params });
    expect((await client.call(2, 'strange'))['result']).toEqual({
      content: [{ type: 'hologram', shape: 'cube', _meta: { 'acme.example/x': 1 } }],
      acme: [1, { two: 2 }],
    });
    client.send({ jsonrpc: '2.0', id: 3, method: 'acme/unknown' });
    expect((await client.answer(3))['error']).toMatchObject({ code: -32601 });
  });

  it('hands a large answer on, with the id as it was', async () => {
    const { ws } = await startGateway({ upstreams, isolation });
    const client = await WireClient.session(ws);
    for (const id of ['large', 7]) {
      const text = textOf(await client.call(id, 'big', { bytes: 300_000 }));
      expect([text.length, text.replaceAll('x', '')]).toEqual([300_000, '']);
    }
  });

  it('refuses an id that is in use, and leaves the first call alone', async () => {
    const { ws } = await startGateway({ upstreams, isolation });
    const client = await WireClient.session(ws);
    client.send(toolCall(1, 'slow', { ms: 100, text: 'first' }));
    client.send(toolCall(1, 'echo', { text: 'second' }));
    expect((await client.answer(1))['error']).toMatchObject({ code: -32600, data: { code: 'SWB_DUPLICATE_ID' } });
    expect(textOf(await client.answer(1))).toBe('first');
  });

  it('tells every session of a changed list', async () => {
    const { ws } = await startGateway({ upstreams, isolation });
    const [a, b] = [await WireClient.session(ws), await WireClient.session(ws)];
    await a.call(1, 'change');
    expect(await a.notification('notifications/tools/list_changed')).toBeDefined();
    if (isolation === 'shared') await b.notification('notifications/tools/list_changed');
    else expect(b.received).toEqual([]);
  });

  it('tells of an updated resource only who watches it', async () => {
    const { ws } = await startGateway({ upstreams, isolation });
    const [a, b] = [await WireClient.session(ws), await WireClient.session(ws)];
    const change = async (client: WireClient, verb: string, id: number): Promise<void> => {
      client.send({ jsonrpc: '2.0', id, method: `resources/${verb}`, params: { uri: 'x://1' } });
      expect((await client.answer(id))['result']).toEqual({});
    };
    await change(a, 'subscribe', 1);
    await a.call(2, 'update', { uri: 'x://1' });
    expect((await a.notification('notifications/resources/updated'))['params']).toEqual({ uri: 'x://1' });
    expect(b.received).toEqual([]);
    if (isolation === 'shared') {
      await change(b, 'subscribe', 3);
      await change(a, 'unsubscribe', 4);
      await a.call(5, 'update', { uri: 'x://1' });
      await b.notification('notifications/resources/updated');
      expect(a.received).toEqual([]);
      await change(b, 'unsubscribe', 6);
    } else await change(a, 'unsubscribe', 6);
    expect(JSON.parse(textOf(await a.call(7, 'subscribed')))).toEqual([]);
  });

  it('fails what was in flight when the server dies, at once and with a code, and restarts it', async () => {
    const test = await startGateway({ upstreams, isolation });
    const client = await WireClient.session(test.ws);
    const pid = textOf(await client.call(1, 'pid'));
    client.send(toolCall(2, 'never'));
    client.send(toolCall(3, 'crash'));
    const failed = (await client.answer(2))['error'] as { code: number; message: string };
    expect(failed.code).toBe(31003);
    expect(failed.message).toContain('exited with code 7');
    expect(failed.message).toContain('about to crash');
    expect((await client.answer(3))['error']).toMatchObject({ code: 31003 });
    expect(textOf(await client.call(4, 'pid'))).not.toBe(pid);
    await client.notification('notifications/tools/list_changed');
    client.socket.close();
    await expectEmpty(test, { members: isolation === 'shared' ? 1 : 0 });
  });

  it('watches the same resources again after a restart', async () => {
    const { ws } = await startGateway({ upstreams, isolation });
    const client = await WireClient.session(ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'x://1' } });
    await client.answer(1);
    await client.call(2, 'crash');
    expect(JSON.parse(textOf(await client.call(3, 'subscribed')))).toEqual(['x://1']);
  });

  it('skips what is no message on the stdout of a server', async () => {
    const { ws, nextEvent } = await startGateway({ upstreams, isolation });
    const client = await WireClient.session(ws);
    const stray = nextEvent('upstream.stray');
    expect(textOf(await client.call(1, 'garbage'))).toBe('after garbage');
    expect((await stray).what).toContain('not valid JSON');
  });

  it('ends a server with everything it started, even one that ignores SIGTERM', async () => {
    const test = await startGateway({ upstreams, isolation });
    const client = await WireClient.session(test.ws);
    const pids = [textOf(await client.call(1, 'pid')), textOf(await client.call(2, 'grandchild'))].map(Number);
    await client.call(3, 'stubborn');
    expect(pids.map(isAlive)).toEqual([true, true]);
    await test.gateway.close();
    for (const pid of pids) await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  });
});

describe('isolation session', () => {
  it('gives each session a server of its own, told who its client is, and ends it with the session', async () => {
    const test = await startGateway({ upstreams });
    const [a, b] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    const pids = [textOf(await a.call(1, 'pid')), textOf(await b.call(1, 'pid'))].map(Number);
    expect(new Set(pids).size).toBe(2);
    a.socket.terminate();
    await expect.poll(() => isAlive(pids[0]!), { timeout: 5000 }).toBe(false);
    expect(isAlive(pids[1]!)).toBe(true);
    b.socket.close();
    await expectEmpty(test);
  });

  it('puts the questions of a server to the one client of its session, and brings the answers back', async () => {
    const { ws } = await startGateway({ upstreams });
    const capabilities = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
    const clients = await Promise.all(['a', 'b', 'c'].map(() => WireClient.session(ws, capabilities)));
    await Promise.all(
      clients.map(async (client, n) => {
        for (const [tool, method, args, result] of [
          ['ask', 'elicitation/create', { message: `who are you, ${n}?` }, { action: 'accept', content: { n } }],
          [
            'sample',
            'sampling/createMessage',
            { said: `say ${n}` },
            { role: 'assistant', model: 'm', content: { type: 'text', text: `${n}` } },
          ],
          ['roots', 'roots/list', {}, { roots: [{ uri: `file:///${n}` }] }],
        ] as const) {
          client.send(toolCall(1, tool, args));
          const question = await client.request(method);
          if (tool === 'ask') expect(question['params']).toMatchObject({ message: `who are you, ${n}?` });
          client.send({ jsonrpc: '2.0', id: question['id'], result });
          expect(JSON.parse(textOf(await client.answer(1)))).toEqual(result);
        }
        expect(client.received).toEqual([]);
      }),
    );
  });

  it('brings an error of the client to the server, and a withdrawn question to the client', async () => {
    const { ws } = await startGateway({ upstreams });
    const client = await WireClient.session(ws, { elicitation: {} });
    client.send(toolCall(1, 'ask', { message: '?' }));
    const question = await client.request('elicitation/create');
    client.send({ jsonrpc: '2.0', id: question['id'], error: { code: -1, message: 'no' } });
    expect(JSON.parse(textOf(await client.answer(1)))).toEqual({ code: -1, message: 'no' });
    client.send(toolCall(2, 'ask', { message: '?' }));
    const second = await client.request('elicitation/create');
    await client.call(3, 'crash');
    const withdrawn = await client.notification('notifications/cancelled');
    expect(withdrawn['params']).toMatchObject({ requestId: second['id'] });
  });

  it('hands on log messages, custom notifications, and the capabilities of the client', async () => {
    const { ws } = await startGateway({ upstreams });
    const client = await WireClient.open(ws);
    client.send({ jsonrpc: '2.0', id: 'i', method: 'initialize', params: initializeParams({ sampling: {} }) });
    const { result } = (await client.answer('i')) as { result: Json };
    expect(result['instructions']).toBe('hello wire {"sampling":{}}');
    expect(result['capabilities']).toHaveProperty('logging');
    client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    await client.call(1, 'log', { text: 'hi' });
    expect((await client.notification('notifications/message'))['params']).toEqual({ level: 'info', data: 'hi' });
    await client.call(2, 'custom', { x: 1 });
    expect((await client.notification('notifications/acme/custom'))['params']).toEqual({ x: 1 });
    client.send({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' });
    const seen = JSON.parse(textOf(await client.call(3, 'seen'))) as string[];
    expect(seen).toContain('notifications/roots/list_changed');
    expect(seen.filter((method) => method === 'notifications/initialized')).toHaveLength(1);
  });

  it('cancels upstream what a client that vanishes had in flight', async () => {
    const test = await startGateway({ upstreams, isolation: 'shared' });
    const [a, b] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    const started = test.nextEvent('request.started');
    a.send(toolCall(1, 'slow', { ms: 30_000 }));
    await started;
    a.socket.terminate();
    await expect
      .poll(async () => JSON.parse(textOf(await b.call(1, 'seen'))) as string[])
      .toContain('notifications/cancelled');
    expect(test.gateway.stats.exchanges).toBe(0);
  });
});

describe('isolation shared', () => {
  it('serves all from one server, which is told no capabilities and gives nobody what it cannot attribute', async () => {
    const test = await startGateway({ upstreams, isolation: 'shared' });
    const [a, b] = [await WireClient.session(test.ws, { elicitation: {} }), await WireClient.open(test.ws)];
    b.send({
      jsonrpc: '2.0',
      id: 'i',
      method: 'initialize',
      params: { ...initializeParams({ sampling: {} }), protocolVersion: '2025-03-26' },
    });
    const { result } = (await b.answer('i')) as { result: Json };
    expect(result).toMatchObject({ protocolVersion: '2025-03-26', instructions: 'hello mcp-switchboard {}' });
    expect(result['capabilities']).not.toHaveProperty('logging');
    expect(textOf(await a.call(1, 'pid'))).toBe(textOf(await b.call(1, 'pid')));
    expect(JSON.parse(textOf(await a.call(2, 'ask', { message: 'private' })))).toMatchObject({ code: -32601 });
    await a.call(3, 'log', { text: 'whose?' });
    await a.call(4, 'custom', {});
    a.send({ jsonrpc: '2.0', id: 5, method: 'logging/setLevel', params: { level: 'debug' } });
    expect((await a.answer(5))['result']).toEqual({});
    a.send({ jsonrpc: '2.0', id: 6, method: 'tasks/list' });
    expect((await a.answer(6))['error']).toMatchObject({ code: -32601 });
    await a.call(7, 'log', { text: 'whose?' });
    expect(JSON.parse(textOf(await a.call(8, 'seen')))).not.toContain('logging/setLevel');
    await b.call(2, 'echo', { text: '' });
    expect([...a.received, ...b.received]).toEqual([]);
  });

  it('gives up the subscriptions of a client that leaves', async () => {
    const test = await startGateway({ upstreams, isolation: 'shared' });
    const [a, b] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    a.send({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'x://1' } });
    await a.answer(1);
    a.socket.close();
    await expect.poll(async () => textOf(await b.call(1, 'subscribed'))).toBe('[]');
  });
});
