/** Messages that are no JSON-RPC: handlers beside `receive()`, the order and the correlation of answers, and bare JSON without MCP. */
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { WebSocketClientTransport as BrowserTransport } from '../../src/client-browser.ts';
import { WebSocketClientTransport } from '../../src/client.ts';
import { dial, listen } from '../support/websocket-library.ts';
import { WireClient } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const gate = (): { open: () => void; opened: Promise<void> } => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
};

describe('a handler and receive() together', () => {
  it('on the client: the handler sees every message, and receive() gives those that it did not answer', async () => {
    const { url } = await listen({
      onForeign: ({ type }, client) => {
        client.send({ type: 'notification', event: 'started' });
        client.send({ type: 'question' });
        return type === 'request' ? { type: 'response', sum: 6 } : undefined;
      },
    });
    const seen: unknown[] = [];
    const transport = await dial(url, {
      onForeign: async (message) => {
        seen.push(message['type']);
        return message['type'] === 'question' ? { type: 'reply' } : undefined;
      },
    });
    await transport.send({ type: 'request', action: 'process_data', data: [1, 2, 3] });
    const received = transport.receive();
    expect((await received.next()).value).toEqual({ type: 'notification', event: 'started' });
    expect((await received.next()).value).toEqual({ type: 'response', sum: 6 });
    expect(seen.slice(0, 3)).toEqual(['notification', 'question', 'response']);
  });

  it('on the server: what the handler leaves is received with who sent it', async () => {
    const { server, url } = await listen({ onForeign: ({ type }) => (type === 'ask' ? { type: 'told' } : undefined) });
    const client = await WireClient.open(url);
    client.send({ type: 'left' });
    client.send({ type: 'ask' });
    client.send({ type: 'left too' });
    expect(await client.next(() => true)).toEqual({ type: 'told' });
    const received = server.receive();
    for (const type of ['left', 'left too']) {
      const { value } = await received.next();
      expect(value).toMatchObject({ message: { type }, client: { principal: 'anonymous' } });
    }
  });

  it.each([
    ['messages', { maxQueueMessages: 2 }],
    ['bytes', { maxQueueBytes: 40 }],
  ])('drops the oldest beyond the limit of %s, and says so only to who receives', async (_, limits) => {
    const { server, url } = await listen({
      ...limits,
      onForeign: ({ n }) => (n === 'end' ? { done: true } : undefined),
    });
    const errors: unknown[] = [];
    server.on('error', (error) => errors.push(error));
    const client = await WireClient.open(url);
    const sendFour = async (): Promise<void> => {
      for (const n of [1, 2, 3, 4, 'end']) client.send({ n, pad: '' });
      await client.next(({ done }) => done === true);
    };
    await sendFour();
    expect(errors).toEqual([]);
    const received = server.receive();
    expect((await received.next()).value).toMatchObject({ message: { n: 3 } });
    expect((await received.next()).value).toMatchObject({ message: { n: 4 } });
    await sendFour();
    expect(errors).toEqual([
      expect.objectContaining({ code: 'SWB_OVERLOADED' }),
      expect.objectContaining({ code: 'SWB_OVERLOADED' }),
    ]);
  });
});

describe('answers of asynchronous handlers', () => {
  it('come in the order of their messages, though a later one is ready first', async () => {
    const slow = gate();
    const ready: unknown[] = [];
    const { url } = await listen({
      onForeign: async ({ n }) => {
        if (n === 1) await slow.opened;
        ready.push(n);
        if (n === 3) slow.open();
        return { n };
      },
    });
    const client = await WireClient.open(url);
    for (const n of [1, 2, 3]) client.send({ n });
    const answers = [await client.next(() => true), await client.next(() => true), await client.next(() => true)];
    expect(answers).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(ready).toEqual([2, 3, 1]);
  });

  it('overtake each other where ordered is off, on either side', async () => {
    const slow = gate();
    const onForeign = async ({ n }: Json): Promise<Json> => {
      if (n === 1) await slow.opened;
      return { answer: n };
    };
    const { server, url } = await listen({ ordered: false, onForeign });
    const client = await WireClient.open(url);
    client.send({ n: 1 });
    client.send({ n: 2 });
    expect(await client.next(() => true)).toEqual({ answer: 2 });
    slow.open();
    expect(await client.next(() => true)).toEqual({ answer: 1 });
    await server.close();

    const waits = gate();
    const other = await listen();
    await dial(other.url, {
      ordered: false,
      onForeign: async ({ n }) => {
        if (n === 1) await waits.opened;
        return { answer: n };
      },
    });
    await other.server.waitForClients(1);
    other.server.broadcast({ n: 1 });
    other.server.broadcast({ n: 2 });
    const received = other.server.receive();
    expect((await received.next()).value).toMatchObject({ message: { answer: 2 } });
    waits.open();
    expect((await received.next()).value).toMatchObject({ message: { answer: 1 } });
  });

  it('are held up by a handler that never ends only for its own client, which is told when too many wait', async () => {
    const { url } = await listen({
      maxQueueMessages: 3,
      onForeign: ({ type }) => (type === 'hang' ? new Promise(() => {}) : { type: 'ok' }),
    });
    const [stuck, other] = [await WireClient.open(url), await WireClient.open(url)];
    for (let n = 0; n < 4; n++) stuck.send({ type: 'hang', id: n });
    expect(await stuck.next(() => true)).toEqual({
      type: 'error',
      error: expect.stringContaining('3 messages wait for the handler'),
      code: 'SWB_OVERLOADED',
      id: 3,
    });
    other.send({ type: 'hi' });
    expect(await other.next(() => true)).toEqual({ type: 'ok' });
  });

  it('carry the id of the message, unless they have one of their own; so do errors', async () => {
    const { url } = await listen({
      onForeign: ({ type }) => {
        if (type === 'boom') throw new Error('inside');
        return type === 'own' ? { id: 'mine' } : { type: 'ok' };
      },
    });
    const client = await WireClient.open(url);
    const ask = (message: Json): Promise<Json> => (client.send(message), client.next(() => true));
    expect(await ask({ type: 'a', id: 'x-1' })).toEqual({ type: 'ok', id: 'x-1' });
    expect(await ask({ type: 'a', id: 7 })).toEqual({ type: 'ok', id: 7 });
    expect(await ask({ type: 'a' })).toEqual({ type: 'ok' });
    expect(await ask({ type: 'a', id: { no: 'id' } })).toEqual({ type: 'ok' });
    expect(await ask({ type: 'own', id: 1 })).toEqual({ id: 'mine' });
    expect(await ask({ type: 'boom', id: 2 })).toMatchObject({ type: 'error', error: 'Internal error', id: 2 });
  });

  it.each([['a text'], [42], [['a', 'list']], [{ jsonrpc: '1.0' }]])(
    'must be objects: %j is a failure of the handler',
    async (answer) => {
      const { server, url } = await listen({ onForeign: () => answer });
      const failed = once(server, 'error');
      const client = await WireClient.open(url);
      client.send({ type: 'x' });
      expect(await client.next(() => true)).toMatchObject({ type: 'error', reference: expect.any(String) });
      expect((await failed)[0]).toMatchObject({ code: 'SWB_INVALID_MESSAGE' });
    },
  );

  it('are none where it returns null, as where it returns nothing', async () => {
    const { server, url } = await listen({ onForeign: () => null });
    const client = await WireClient.open(url);
    client.send({ type: 'x' });
    expect((await server.receive().next()).value).toMatchObject({ message: { type: 'x' } });
    expect(client.received).toEqual([]);
  });

  it('fail on the client as an error of its transport, and what is no object is not sent', async () => {
    const { server, url } = await listen();
    const transport = await dial(url, { onForeign: () => 'a text' });
    const failed = new Promise((resolve) => (transport.onerror = resolve));
    await server.waitForClients(1);
    server.broadcast({ type: 'x' });
    expect(await failed).toMatchObject({ code: 'SWB_INVALID_MESSAGE' });
    await expect(transport.send('a text')).rejects.toMatchObject({ code: 'SWB_INVALID_MESSAGE' });
    await expect(transport.send(null)).rejects.toMatchObject({ code: 'SWB_INVALID_MESSAGE' });
    const [client] = server.clients.values();
    expect(() => client!.send(null as never)).toThrow(expect.objectContaining({ code: 'SWB_INVALID_MESSAGE' }));
  });
});

describe('bare JSON without MCP', () => {
  it('is spoken with a program and a page that know no subprotocol, at the root', async () => {
    const { server, url } = await listen({
      plain: true,
      path: '/',
      allowedOrigins: ['https://page.example'],
      onForeign: (message) => ({ type: 'echo', original: message }),
    });
    for (const origin of [undefined, 'https://page.example']) {
      const client = await WireClient.open(url, origin === undefined ? {} : { origin }, []);
      client.send({ type: 'list_tools' });
      expect(await client.next(() => true)).toEqual({ type: 'echo', original: { type: 'list_tools' } });
    }
    expect([...server.clients.values()].map(({ protocol }) => protocol)).toEqual(['', '']);
    await expect(WireClient.open(url, { origin: 'https://evil.example' }, [])).rejects.toThrow('403');
  });

  it('selects no subprotocol and gives JSON-RPC to the handler as any other object', async () => {
    const { url } = await listen({ plain: true, onForeign: ({ method }) => ({ jsonrpc: 'whatever', method }) });
    const client = await WireClient.open(url, {}, []);
    client.send({ jsonrpc: '2.0', id: 1, method: 'ping' });
    expect(await client.next(() => true)).toEqual({ jsonrpc: 'whatever', method: 'ping', id: 1 });
    const offering = new WebSocket(url, ['mcp.r1', 'mcp']);
    const [error] = (await once(offering, 'error')) as [Error];
    expect(error.message).toContain('no subprotocol');
  });

  it('answers what is no object with an error object, and closes after ten in a row', async () => {
    const { url } = await listen({ plain: true });
    const client = await WireClient.open(url, {}, []);
    for (const text of ['{', '[]', '1', 'null', '"x"', 'hello']) {
      client.send(text);
      expect(await client.next(() => true)).toEqual({
        type: 'error',
        error: `Send one JSON object in each message, got ${JSON.stringify(text)}`,
        code: 'SWB_INVALID_MESSAGE',
      });
    }
    client.send({ type: 'fine' });
    for (let n = 0; n < 10; n++) client.send('no');
    expect(await client.closed).toMatchObject({ code: 1002 });
  });
});

describe('a server that knows no subprotocol', () => {
  it('is spoken to in both directions, and nothing of ours is sent to it', async () => {
    const raw = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => false });
    onTestFinished(() => raw.close());
    await once(raw, 'listening');
    const heard: Json[] = [];
    raw.on('connection', (socket) =>
      socket.on('message', (data: Buffer) => {
        const message = JSON.parse(data.toString()) as Json;
        heard.push(message);
        socket.send(JSON.stringify({ type: 'seen', n: message['n'] }));
      }),
    );
    const url = `ws://127.0.0.1:${(raw.address() as { port: number }).port}`;
    const transport = await dial(url);
    expect((await transport.states.next()).value).toEqual({ state: 'connecting' });
    expect((await transport.states.next()).value).toEqual({ state: 'open', resumed: false, subprotocol: '' });
    const received = transport.receive();
    // More than one acknowledgement's worth.
    for (let n = 0; n < 40; n++) {
      await transport.send({ n });
      expect((await received.next()).value).toEqual({ type: 'seen', n });
    }
    expect(heard).toEqual(Array.from({ length: 40 }, (_, n) => ({ n })));
    await transport.close();
    const refusing = new WebSocketClientTransport(url, { subprotocol: 'required' });
    await expect(refusing.start()).rejects.toMatchObject({
      code: 'SWB_CONNECT_FAILED',
      message: expect.stringContaining('no subprotocol'),
    });
    for (const socket of raw.clients) socket.terminate();
  });
});

describe('a server that knows no subprotocol, and a web page', () => {
  // What a browser has, Node has from 22 on.
  globalThis.WebSocket ??= WebSocket as never;

  const bare = async (): Promise<string> => {
    const raw = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => false });
    onTestFinished(() => {
      for (const socket of raw.clients) socket.terminate();
      raw.close();
    });
    raw.on('connection', (socket) => socket.on('message', () => socket.send('{"type":"seen"}')));
    await once(raw, 'listening');
    return `ws://127.0.0.1:${(raw.address() as { port: number }).port}`;
  };

  it('are connected at the second attempt, which offers none', async () => {
    const transport = new BrowserTransport(await bare());
    onTestFinished(() => transport.close());
    await transport.start();
    await transport.send({ type: 'hello' });
    expect((await transport.receive().next()).value).toEqual({ type: 'seen' });
  });

  it.each([{ subprotocol: 'required' as const }, { token: 't' }])('are not with %j', async (options) => {
    const transport = new BrowserTransport(await bare(), options);
    await expect(transport.start()).rejects.toMatchObject({ code: 'SWB_CONNECT_FAILED' });
  });
});

describe('a server that selects whatever is offered first', () => {
  it('is not taken for one that can resume, and gets nothing of ours', async () => {
    const raw = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => {
      for (const socket of raw.clients) socket.terminate();
      raw.close();
    });
    await once(raw, 'listening');
    const heard: string[] = [];
    raw.on('connection', (socket) =>
      socket.on('message', (data: Buffer) => {
        heard.push(data.toString());
        socket.send('{"type":"seen"}');
      }),
    );
    const transport = await dial(`ws://127.0.0.1:${(raw.address() as { port: number }).port}`);
    await transport.send({ type: 'hello' });
    expect((await transport.receive().next()).value).toEqual({ type: 'seen' });
    expect(heard).toEqual(['{"type":"hello"}']);
  });
});

describe('a message that is too big for the client', () => {
  it.each(['mcp', 'mcp.r1'])(
    'is an error, and the transport closes with "too big", where %s was selected',
    async (name) => {
      const { server, url } = await listen(name === 'mcp' ? { subprotocols: ['mcp'] } : {});
      const transport = await dial(url, { maxMessageBytes: 1000 });
      const states: unknown[] = [];
      const errors: unknown[] = [];
      transport.onerror = (error) => errors.push(error);
      await server.waitForClients(1);
      server.broadcast({ type: 'big', data: 'x'.repeat(2000) });
      for await (const state of transport.states) states.push(state);
      expect(errors).toEqual([
        expect.objectContaining({
          code: 'SWB_MESSAGE_TOO_LARGE',
          message: expect.stringContaining('too big: a message is over the limit of 1000 bytes'),
        }),
      ]);
      expect(states).toEqual([
        { state: 'connecting' },
        { state: 'open', resumed: false, subprotocol: name },
        { state: 'closed', reason: expect.stringContaining('too big'), code: 1009 },
      ]);
      await expect.poll(() => server.clients.size).toBe(0);
    },
  );
});

describe('a message that is too big for the server', () => {
  it('is an error of the client that sent it as well', async () => {
    const { url } = await listen({ maxMessageBytes: 1000 });
    const transport = await dial(url);
    const failed = new Promise((resolve) => (transport.onerror = resolve));
    await transport.send({ type: 'big', data: 'x'.repeat(2000) });
    expect(await failed).toMatchObject({ code: 'SWB_MESSAGE_TOO_LARGE', message: expect.stringContaining('1009') });
    expect(transport.state).toBe('closed');
  });
});
