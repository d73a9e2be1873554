/** What a request leaves behind dies young: nothing of it is kept until the next full collection (docs/decisions/0008). */
import { Agent, request } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';

import { servers } from '../support/gateway.ts';
import { ACCEPT, openSession } from '../support/http.ts';
import { ask, startMeasured } from '../support/measured.ts';
import type { Held } from '../support/measured.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const CLIENTS = 10;
const CALLS = 1500;
/** A call leaves 10 to 20 KB of garbage. With a `Map` in each session 600 bytes and more of it were moved. */
const MAX_OLD_BYTES_A_CALL = 300;

type Call = (id: number) => Promise<string>;
async function overWebSocket({ websocket }: { websocket: string }): Promise<Call> {
  const client = await WireClient.session(websocket);
  return async (id) => textOf(await client.call(id, 'echo', { text: `call ${id}` }));
}

async function overHttp({ http }: { http: string }): Promise<Call> {
  const session = await openSession(http, initializeParams());
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const headers = { ...session, 'content-type': 'application/json', accept: ACCEPT };
  return (id) =>
    new Promise((resolve, reject) => {
      const sent = request(http, { method: 'POST', headers, agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        // The agent has its socket back a tick later.
        response.on('end', () => process.nextTick(() => resolve(textOf(JSON.parse(text) as Json))));
      });
      sent.on('error', reject).end(JSON.stringify(toolCall(id, 'echo', { text: `call ${id}` })));
    });
}

it.each([
  ['WebSocket', overWebSocket],
  ['HTTP', overHttp],
])('of calls over %s nothing grows old, also after everything was collected', { timeout: 60_000 }, async (_, open) => {
  const options = { upstreams: { default: servers.scripted }, isolation: 'shared', rateLimit: 'unlimited' };
  const measured = await startMeasured(options, ['--trace-gc-nvp']);
  let trace = '';
  measured.gateway.stdout!.on('data', (chunk: Buffer) => (trace += chunk.toString()));
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => open(measured)));
  let next = 1;
  const round = async (calls: number): Promise<void> => {
    const first = next;
    next += calls;
    await Promise.all(
      clients.map(async (call) => {
        for (let id = first; id < first + calls; id++) expect(await call(id)).toBe(`call ${id}`);
      }),
    );
  };
  await round(CALLS / 3);
  // All that is in use is old now, tables among it.
  await ask(measured.gateway, 'held');
  trace = '';
  await round(CALLS);
  // V8 tells of each scavenge how many bytes it moved to the old generation.
  const scavenges = [...trace.matchAll(/ gc=s .* promoted=(\d+) /g)].map(([, promoted]) => Number(promoted));
  expect(scavenges.length).toBeGreaterThan(5);
  expect(scavenges.reduce((sum, each) => sum + each, 0) / (CALLS * CLIENTS)).toBeLessThan(MAX_OLD_BYTES_A_CALL);
});

it(
  'of a request that was refused for its method of 2 MiB only the beginning of that is kept',
  { timeout: 60_000 },
  async () => {
    const measured = await startMeasured({ upstreams: { default: servers.scripted } });
    const before = await ask<Held>(measured.gateway, 'held');
    const refused = 20;
    const bytes = 2 * 1024 * 1024;
    for (let id = 1; id <= refused; id++) {
      const response = await fetch(measured.http, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: ACCEPT },
        body: JSON.stringify({ jsonrpc: '2.0', id, method: 'm'.repeat(bytes) }),
      });
      expect(response.status).toBe(400);
      await response.text();
    }
    const after = await ask<Held>(measured.gateway, 'held');
    expect(after.bytes - before.bytes).toBeLessThan((refused * bytes) / 4);
  },
);
