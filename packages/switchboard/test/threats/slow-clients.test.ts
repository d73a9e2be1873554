/** Clients that take their time: what does not arrive is not waited for. Real time limits, so this takes half a minute. */
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, it } from 'vitest';

import { TestAuthority } from '../support/certificates.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { ACCEPT } from '../support/http.ts';

const upstreams = { default: servers.scripted };
const UPGRADE = 'Upgrade: websocket\r\nConnection: Upgrade\r\n';
const POST = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: ${ACCEPT}\r\n`;

it(
  'a connection that says nothing, or a little at a time, is cut: before its handshake, its request, in the head, in the body',
  { timeout: 60_000 },
  async () => {
    const authority = await TestAuthority.create();
    const [{ port }, secure] = [
      await startGateway({ upstreams }),
      await startGateway({ upstreams, ...authority.tls() }),
    ];
    /** @returns after how many seconds the server ends the connection. */
    const dribble = (to: number, first: string, drip: string, tls?: string): Promise<number> =>
      new Promise((resolve) => {
        const startedAt = performance.now();
        const options = { host: '127.0.0.1', port: to };
        const socket =
          tls === undefined ? connect(options) : connectTls({ ...options, ca: authority.ca, ALPNProtocols: [tls] });
        socket.write(first);
        const timer = setInterval(() => drip !== '' && socket.write(drip), 1000);
        socket.on('data', () => {}).on('error', () => {});
        socket.once('close', () => {
          clearInterval(timer);
          resolve((performance.now() - startedAt) / 1000);
        });
      });
    const [silent, head, upgrade, body, handshake, http2] = await Promise.all([
      dribble(port, '', ''),
      dribble(port, 'GET /mcp HTTP/1.1\r\nHost: localhost\r\n', 'X-A: b\r\n'),
      dribble(port, `GET /mcp HTTP/1.1\r\nHost: localhost\r\n${UPGRADE}`, 'X-A: b\r\n'),
      dribble(port, `${POST}Content-Length: 1000\r\n\r\n`, 'x'),
      dribble(secure.port, '', ''),
      // The preface and a PING a second, and never a request.
      dribble(
        secure.port,
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
        '\0\0\x08\x06\0\0\0\0\0pingpong',
        'h2',
      ),
    ]);
    // The time limit, and how often overdue requests are looked for.
    for (const seconds of [silent, head, upgrade]) expect(seconds).toBeLessThan(15 + 5 + 3);
    expect(body).toBeLessThan(30 + 5 + 3);
    expect(handshake).toBeLessThan(10 + 3);
    expect(http2).toBeLessThan(15 + 3);
    // An honest client that is slow has its time.
    expect(Math.min(silent, head, upgrade, body, http2)).toBeGreaterThan(10);
  },
);
