/** Clients notice a server that is gone, without being told anything. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';

import { CLIENT_DEFAULTS, connectWebSocket } from '../../src/transports/websocket/client.ts';
import { TRANSPORT_DEFAULTS } from '../../src/transports/websocket/client-transport.ts';

it('a client that is told nothing pings so often that three intervals are no more than 30 s', () => {
  for (const { pingIntervalMs } of [CLIENT_DEFAULTS, TRANSPORT_DEFAULTS]) {
    expect(pingIntervalMs * 3).toBeLessThanOrEqual(30_000);
  }
});

it('a server that answers no ping is left', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false, handleProtocols: () => 'mcp' });
  onTestFinished(() => server.close());
  await once(server, 'listening');
  let pings = 0;
  server.on('connection', (socket) => socket.on('ping', () => pings++));
  const { port } = server.address() as AddressInfo;
  const url = new URL(`ws://127.0.0.1:${port}/mcp`);
  const channel = await connectWebSocket(url, { ...CLIENT_DEFAULTS, pingIntervalMs: 20 });
  const closed = new Promise((resolve) =>
    channel.start({ onMessage: () => {}, onBadMessage: () => {}, onClose: resolve }),
  );
  expect(await closed).toBe('the socket closed (1006)');
  expect(pings).toBeGreaterThan(0);
  await expect.poll(() => server.clients.size).toBe(0);
});
