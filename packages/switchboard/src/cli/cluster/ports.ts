/** Ports of this machine. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { SwitchboardError } from '../../protocol/errors.ts';

const LOOK_MS = 50;

/** Ports that nobody listens on, each another one. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  try {
    await Promise.all(servers.map((server) => once(server, 'listening')));
    return servers.map((server) => (server.address() as AddressInfo).port);
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** @throws {SwitchboardError} `SWB_PORT_IN_USE` */
export async function mustBeFree(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const detail = `127.0.0.1:${port} (${cause.message}); choose another with --port`;
      reject(new SwitchboardError('SWB_PORT_IN_USE', { detail, cause }));
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });
}

/** Resolves when an address answers with success. @throws {SwitchboardError} `SWB_CONNECT_FAILED` when it does not in time */
export async function whenAnswered(url: string, patienceMs: number): Promise<void> {
  const until = performance.now() + patienceMs;
  let why = '';
  while (performance.now() < until) {
    try {
      const { ok, status, body } = await fetch(url);
      await body?.cancel();
      if (ok) return;
      why = `HTTP status ${status}`;
    } catch (error) {
      why = (error as Error).message;
    }
    await pause(LOOK_MS);
  }
  throw new SwitchboardError('SWB_CONNECT_FAILED', { detail: `${url} does not answer: ${why}` });
}
