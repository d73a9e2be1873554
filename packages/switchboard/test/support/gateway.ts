/** A gateway for one test, on a free port, ended with the test; and what it must look like when nobody is left. */
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';

import { createGateway } from '../../src/gateway/gateway.ts';
import type { Gateway, GatewayOptions } from '../../src/gateway/gateway.ts';
import type { GatewayEvent } from '../../src/observe/events.ts';

export const root: string = fileURLToPath(new URL('../../../../', import.meta.url));
export const cli: string = `${root}packages/switchboard/dist/cli/main.js`;

const published = (name: string): string => `${root}node_modules/@modelcontextprotocol/server-${name}/dist/index.js`;

/** Real servers, as commands. */
export const servers = {
  /** Published, legacy (SDK v1). */
  everything: { command: process.execPath, args: [published('everything'), 'stdio'] },
  filesystem: { command: process.execPath, args: [published('filesystem'), `${root}docs`] },
  memory: { command: process.execPath, args: [published('memory')] },
  /** Ours, on SDK v2: both eras. */
  demo: { command: process.execPath, args: [`${root}servers/demo/dist/main.js`] },
  /** Hand-written and legacy, see the file: does exactly what a test tells it to. */
  scripted: {
    command: process.execPath,
    args: [fileURLToPath(new URL('../fixtures/scripted-server.mjs', import.meta.url))],
  },
} as const;

export interface TestGateway {
  gateway: Gateway;
  port: number;
  ws: string;
  http: string;
  /** Where all upstreams are one. */
  all: { ws: string; http: string };
  events: GatewayEvent[];
  /** Waits for the next event of a type, from now on. */
  nextEvent<T extends GatewayEvent['type']>(type: T): Promise<Extract<GatewayEvent, { type: T }>>;
}

export async function startGateway(options: GatewayOptions): Promise<TestGateway> {
  const events: GatewayEvent[] = [];
  const waiting = new Set<{ type: string; resolve: (event: GatewayEvent) => void }>();
  const gateway = createGateway({
    port: 0,
    rateLimit: 'unlimited',
    // Spares come and go by themselves; most tests count processes.
    warm: 0,
    connectRateLimit: 'unlimited',
    environment: process.env,
    ...options,
    onEvent: (event) => {
      events.push(event);
      for (const each of waiting) {
        if (each.type !== event.type) continue;
        waiting.delete(each);
        each.resolve(event);
      }
    },
  });
  onTestFinished(() => gateway.close());
  const addresses = await gateway.listen();
  const [first] = addresses;
  const last = addresses.at(-1);
  const http = first?.http ?? '';
  return {
    gateway,
    events,
    http,
    ws: first?.websocket ?? '',
    all: { ws: last?.websocket ?? '', http: last?.http ?? '' },
    port: Number(new URL(http || (first?.websocket ?? 'http://x:0')).port),
    nextEvent: (type) => new Promise((resolve) => waiting.add({ type, resolve: resolve as never })),
  };
}

/**
 * Nothing may be left of clients that are gone: no connection, no exchange, and no member but a shared one.
 *
 * @param options.withinMs how long the servers may take to end. @default 10_000
 */
export async function expectEmpty(
  { gateway }: TestGateway,
  { members = 0, withinMs = 10_000 }: { members?: number; withinMs?: number } = {},
): Promise<void> {
  await expect.poll(() => gateway.stats.connections, { timeout: 10_000 }).toBe(0);
  await expect.poll(() => gateway.stats.exchanges, { timeout: 10_000 }).toBe(0);
  const running = (): number => Object.values(gateway.stats.upstreams).reduce((sum, each) => sum + each.running, 0);
  try {
    await expect.poll(running, { timeout: withinMs }).toBe(members);
  } catch (cause) {
    const left = { stats: gateway.stats.upstreams, upstreams: await gateway.operations.upstreams() };
    throw new Error(`servers are left: ${JSON.stringify(left)}`, { cause });
  }
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
