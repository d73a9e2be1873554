/** Values of other types in every field of every message, of clients and servers, of both eras: nothing ends, hangs, grows or fails. */
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { createDice } from '../../../../scripts/fuzz/dice.mjs';
import { ENVELOPE, createOdd } from '../../../../scripts/fuzz/odd.mjs';
import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { root, startGateway } from '../support/gateway.ts';
import { WireClient, initializeParams, textOf } from '../support/wire.ts';

const SEED = 20_261_129;
const MUTATIONS = 100_000;
const AT_A_TIME = 200;
const MAX_GROWTH_BYTES = 150 * 1024 * 1024;

const hostile = (era: string, seed: number, more: Partial<UpstreamOptions> = {}): UpstreamOptions => ({
  command: process.execPath,
  args: [`${root}scripts/fuzz/hostile.mjs`],
  env: { ERA: era, SEED: String(seed) },
  ...more,
});
const rules = {
  tools: { deny: ['x'] },
  resources: { deny: ['secret:*'] },
  describe: { echo: 'says' },
  timeouts: { echo: '2s' as const },
};

/** A client of which most messages are odd, and each so many honest ones are answered. */
class OddClient {
  sent = 0;
  readonly #url: string;
  readonly #odd: ReturnType<typeof createOdd>;
  readonly #modern: boolean;
  #socket: WebSocket | undefined;
  #id = 0;
  #waiting: { id: number; resolve: () => void } | undefined;

  constructor(url: string, seed: number, modern: boolean) {
    this.#url = url;
    this.#odd = createOdd(createDice(seed));
    this.#modern = modern;
  }

  /** @returns whether an honest request at the end was answered, however. */
  async round(): Promise<boolean> {
    if (this.#socket?.readyState !== WebSocket.OPEN) await this.#open();
    const socket = this.#socket!;
    for (let n = 0; n < AT_A_TIME; n++) {
      socket.send(this.#odd.fromClient(++this.#id));
      this.sent++;
    }
    const id = ++this.#id;
    const answered = new Promise<void>((resolve) => (this.#waiting = { id, resolve }));
    const params = { name: 'echo', arguments: {}, ...(this.#modern && { _meta: ENVELOPE }) };
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), 30_000)));
    const done = await Promise.race([answered.then(() => true), late]);
    clearTimeout(timer);
    return done;
  }

  async #open(): Promise<void> {
    const socket = new WebSocket(this.#url, ['mcp']);
    this.#socket = socket;
    onTestFinished(() => socket.terminate());
    socket.on('error', () => {});
    // Ten unreadable messages in a row close it, which is an answer too.
    socket.on('close', () => this.#waiting?.resolve());
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      if (text.includes(`"id":${this.#waiting?.id}`)) this.#waiting?.resolve();
    });
    await new Promise((resolve) => socket.once('open', resolve));
    if (!this.#modern)
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() }));
  }
}

it('100,000 odd messages of clients and servers, seed 20261129', { timeout: 240_000 }, async () => {
  const failed: unknown[] = [];
  const test = await startGateway({
    isolation: 'shared',
    requestTimeout: '2s',
    answerTimeout: '1s',
    livenessInterval: 'never',
    maxRequestsInFlightPerAddress: 100_000,
    maxQueuedRequests: 100_000,
    upstreams: {
      legacy: hostile('legacy', SEED, rules),
      modern: hostile('modern', SEED + 1, rules),
      own: hostile('legacy', SEED + 2, { isolation: 'session' }),
      plain: hostile('modern', SEED + 3),
    },
  });
  const base = test.ws.replace(/\/mcp.*/, '/mcp');
  const paths = ['/legacy', '/modern', '/own', '/plain', ''];
  const clients = paths.flatMap((path, at) =>
    [false, true].map((modern) => new OddClient(base + path, SEED + at * 2 + Number(modern), modern)),
  );
  const honest = await Promise.all(['legacy', 'modern', 'plain'].map((name) => WireClient.session(`${base}/${name}`)));
  const heapBefore = process.memoryUsage().heapUsed;
  let servers = 0;
  const sent = (): number => clients.reduce((sum, client) => sum + client.sent, 0);
  for (let round = 1; sent() + servers < MUTATIONS; round++) {
    const answered = await Promise.all(clients.map((client) => client.round()));
    expect(answered, `round ${round}`).not.toContain(false);
    failed.push(...test.events.filter(({ type }) => type === 'failed'));
    // What is told of a flood is not the gateway's to keep.
    test.events.length = 0;
    const counts = honest.map(async (client) => Number(textOf(await client.call(round, 'count'))));
    servers = (await Promise.all(counts)).reduce((sum, each) => sum + each, 0);
  }
  expect(failed).toEqual([]);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  await expect.poll(() => test.gateway.stats.exchanges, { timeout: 10_000 }).toBeLessThan(300);
  expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(MAX_GROWTH_BYTES);
});
