/** Which process is to serve a connection, seen before anything is taken from it. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { FirstRequests } from '../../src/transports/http/first-request.ts';

interface Arrival {
  client: Socket;
  server: Socket;
  session: Promise<string | undefined>;
  first: FirstRequests;
}

async function arrive(): Promise<Arrival> {
  const first = new FirstRequests();
  const listener = createServer({ allowHalfOpen: true });
  onTestFinished(() => void listener.close());
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const client = connect({ port: (listener.address() as { port: number }).port, host: '127.0.0.1' });
  client.on('error', () => {});
  const [server] = await accepted;
  onTestFinished(() => void [client, server].map((socket) => socket.destroy()));
  return { client, server, first, session: new Promise((resolve) => first.await(server, resolve)) };
}

const HEAD = 'POST /mcp HTTP/1.1\r\nHost: a\r\nMcp-Session-Id: abc.def \r\nContent-Length: 2\r\n\r\n';

describe('the first request of a connection', () => {
  it('names a session, and is all still to be read', async () => {
    const { client, server, session } = await arrive();
    client.end(`${HEAD}{}`);
    expect(await session).toBe('abc.def');
    expect(['timeout', 'readable', 'error'].map((name) => server.listenerCount(name))).toEqual([0, 0, 0]);
    const chunks: Buffer[] = [];
    for await (const chunk of server as AsyncIterable<Buffer>) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(`${HEAD}{}`);
  });

  it.each([
    ['has none', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['breaks off before it', 'POST /mcp HTTP/1.1\r\nHost: a\r\nMcp-Session-'],
    ['has it in its body', 'POST /mcp HTTP/1.1\r\nHost: a\r\n\r\n\r\nmcp-session-id: abc\r\n'],
    ['is no HTTP', '\x16\x03\x01\x02\x00'],
  ])('names no session where it %s', async (_, bytes) => {
    const { client, session } = await arrive();
    client.write(bytes);
    expect(await session).toBeUndefined();
  });

  it('names none where the client ends without one', async () => {
    const { client, session } = await arrive();
    client.end();
    expect(await session).toBeUndefined();
  });

  it('is not waited for when the server closes', async () => {
    const { client, first } = await arrive();
    const cut = once(client, 'close');
    first.close();
    await cut;
    expect(client.destroyed).toBe(true);
  });
});
