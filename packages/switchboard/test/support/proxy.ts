/** A proxy that opens tunnels as Squid does: everything it is asked for leads to this machine. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface TestProxy {
  url: string;
  /** What it was asked to connect to. */
  targets: string[];
  /** The values of `Proxy-Authorization`. */
  authorizations: (string | undefined)[];
  /** How many tunnels are open. */
  open(): number;
}

/** @param status of every answer. @default it opens the tunnel */
export async function startProxy(status = 200): Promise<TestProxy> {
  const targets: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(400).end()).listen(0, '127.0.0.1');
  server.on('connect', ({ url = '', headers }, client: Socket) => {
    targets.push(url);
    authorizations.push(headers['proxy-authorization']);
    sockets.add(client.once('close', () => sockets.delete(client)));
    client.on('error', () => {});
    if (status !== 200) {
      client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const far = connect(Number(url.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.pipe(client).pipe(far);
    });
    far.on('error', () => client.destroy()).once('close', () => client.destroy());
    client.once('close', () => far.destroy());
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, targets, authorizations, open: () => sockets.size };
}
