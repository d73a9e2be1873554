/** Servers and load balancers that close connections which nobody has used for a while. */
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { startGateway } from '../support/gateway.ts';
import { plain, remote } from '../support/remote.ts';
import type { RemoteServer } from '../support/remote.ts';
import { WireClient } from '../support/wire.ts';

/** The connections that a server has had. */
function connectionsOf({ server }: RemoteServer): Socket[] {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => void sockets.push(socket));
  return sockets;
}

describe('a connection that the server closes when it is idle', () => {
  it('fails none of 200 calls, made just when it is about to close', { timeout: 60_000 }, async () => {
    const idleMs = 20;
    const timers = new Map<Socket, NodeJS.Timeout>();
    const server = await remote(
      (visit) => {
        const { socket } = visit.request;
        clearTimeout(timers.get(socket));
        visit.response.once('finish', () =>
          timers.set(
            socket,
            setTimeout(() => socket.end(), idleMs),
          ),
        );
        // Nothing is announced.
        visit.response.setHeader('connection', 'keep-alive');
        plain(visit);
      },
      { options: { keepAliveTimeout: 0 } },
    );
    const sockets = connectionsOf(server);
    const { ws } = await startGateway({ upstreams: { default: { url: server.url, era: 'legacy' } } });
    const client = await WireClient.session(ws);
    // The first close teaches how long the server waits.
    await expect.poll(() => sockets.every((socket) => socket.destroyed)).toBe(true);
    const failed: unknown[] = [];
    for (let id = 1; id <= 200; id++) {
      const answer = await client.call(id, 'echo');
      if ('error' in answer) failed.push(answer['error']);
      await pause(idleMs - 5 + (id % 10));
    }
    expect(failed).toEqual([]);
    expect(server.of('tools/call')).toHaveLength(200);
  });

  it('is used again while it is fresh, and not at the end of the time that the server announced', async () => {
    const server = await remote(plain, { options: { keepAliveTimeout: 1900 } });
    const sockets = connectionsOf(server);
    const { ws } = await startGateway({ upstreams: { default: { url: server.url, era: 'legacy' } } });
    const client = await WireClient.session(ws);
    await client.call(1, 'echo');
    const used = sockets.length;
    for (const id of [2, 3, 4]) await client.call(id, 'echo');
    // `timeout=1` leaves no time that is safe.
    expect(sockets.length).toBe(used + 3);
  });

  it('is used for call after call where the server keeps it', async () => {
    const server = await remote(plain, { options: { keepAliveTimeout: 60_000 } });
    const sockets = connectionsOf(server);
    const { ws } = await startGateway({ upstreams: { default: { url: server.url, era: 'legacy' } } });
    const client = await WireClient.session(ws);
    await client.call(0, 'echo');
    const used = sockets.length;
    for (let id = 1; id <= 20; id++) await client.call(id, 'echo');
    expect(sockets.length).toBe(used);
  });

  it('while a call is under way fails the call, and does not repeat it', async () => {
    const server = await remote((visit) => {
      if (visit.message.method === 'tools/call') visit.response.destroy();
      else plain(visit);
    });
    const { ws } = await startGateway({ upstreams: { default: { url: server.url, era: 'legacy' } } });
    const client = await WireClient.session(ws);
    expect((await client.call(1, 'echo'))['error']).toMatchObject({ data: { code: 'SWB_UPSTREAM_UNAVAILABLE' } });
    expect(server.of('tools/call')).toHaveLength(1);
  });
});
