/** The line of statistics, and what clients and operators are told of a rate: over every transport. */
import { describe, expect, it, onTestFinished } from 'vitest';

import { createGateway } from '../../src/gateway/gateway.ts';
import type { SettingsInput } from '../../src/gateway/settings.ts';
import type { GatewayEvent } from '../../src/observe/events.ts';
import { modern } from '../support/access.ts';
import { serve } from '../support/command.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { WireClient, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const ASK = { 'switchboard/allowance': true };
const allowanceIn = (answer: Json): unknown =>
  (answer['result'] as { _meta?: Json } | undefined)?._meta?.['switchboard/allowance'];
type Line = Extract<GatewayEvent, { type: 'statistics' }>;

/** The sum of the lines until one fits. */
async function linesUntil(test: TestGateway, fits: (lines: Line[]) => boolean): Promise<Line[]> {
  const lines = (): Line[] => test.events.filter((event) => event.type === 'statistics');
  await expect.poll(() => fits(lines()), { timeout: 10_000 }).toBe(true);
  return lines();
}
const sum = (lines: Line[], of: (line: Line) => number): number => lines.reduce((total, line) => total + of(line), 0);

describe('statistics', () => {
  it('tell clients, requests, errors, bytes, what waits, who is near a limit, and the busiest tool', async () => {
    const test = await startGateway({ upstreams, statsInterval: '50ms', rateLimit: 10, maxConcurrent: 1 });
    const client = await WireClient.session(test.ws);
    for (let id = 1; id <= 4; id++) await client.call(id, 'echo', { text: 'x'.repeat(1000) });
    await client.call(5, 'bigFailure', { bytes: 10 });
    for (let id = 6; id <= 9; id++) client.send(toolCall(id, 'never'));
    client.send(toolCall(10, 'echo'));
    await client.answer(10);
    const lines = await linesUntil(test, (all) => sum(all, ({ refused }) => refused) > 0);
    expect(sum(lines, ({ requests }) => requests)).toBe(5);
    expect(sum(lines, ({ errors }) => errors)).toBe(1);
    expect(sum(lines, ({ refused }) => refused)).toBe(1);
    expect(sum(lines, ({ bytesIn }) => bytesIn)).toBeGreaterThan(4000);
    expect(sum(lines, ({ bytesOut }) => bytesOut)).toBeGreaterThan(4000);
    const echoes = lines.flatMap(({ busiest }) => (busiest?.tool === 'echo' ? [busiest] : []));
    expect(echoes[0]).toMatchObject({ upstream: 'default' });
    const [session] = test.gateway.operations.sessions();
    const after = (await linesUntil(test, (all) => (all.at(-1)?.queued ?? 0) > 0)).at(-1)!;
    expect(after).toMatchObject({
      clients: 1,
      sessions: 1,
      queued: 3,
      parked: 0,
      nearLimit: 1,
      nearest: [session?.id],
    });
  });

  it('are one line of the log at info', async () => {
    const { log, ws } = await serve(['--stats-interval', '100ms', '--', servers.demo.command, ...servers.demo.args]);
    await WireClient.session(ws);
    const told = (): Json | undefined => log.find(({ msg, sessions }) => msg === 'statistics' && sessions === 1);
    await expect.poll(told, { timeout: 10_000 }).toMatchObject({ level: 30, clients: 1, queued: 0 });
  });

  it.each<[string, SettingsInput]>([
    ['they are switched off', { statsInterval: 'never' }],
    ['one client on stdio is all there is', { statsInterval: '20ms', transport: 'stdio' }],
  ])('are not told where %s', async (_, options) => {
    const quiet = await startGateway({ upstreams, ...options });
    const other = await startGateway({ upstreams, statsInterval: '20ms' });
    await linesUntil(other, (lines) => lines.length > 5);
    expect(quiet.events.filter(({ type }) => type === 'statistics')).toEqual([]);
  });
});

describe('the allowance', () => {
  it('stands in the result of a request that asks for it, over WebSocket in both eras', async () => {
    const test = await startGateway({ upstreams, rateLimit: 10 });
    const client = await WireClient.session(test.ws);
    expect(allowanceIn(await client.call(1, 'echo', { text: 'x' }))).toBeUndefined();
    expect(allowanceIn(await client.call(2, 'echo', { text: 'x' }, ASK))).toEqual({
      limit: 10,
      remaining: 7,
      resetMs: expect.any(Number),
    });
    const call = modern(3, 'tools/call', { name: 'echo', arguments: { text: 'x' } }) as { params: { _meta: Json } };
    Object.assign(call.params._meta, ASK);
    client.send(call);
    expect(allowanceIn(await client.answer(3))).toMatchObject({ limit: 10, remaining: 6 });
    const large = await client.call(4, 'big', { bytes: 100_000 }, ASK);
    expect(allowanceIn(large)).toMatchObject({ remaining: 5 });
    expect(JSON.stringify(large).length).toBeGreaterThan(100_000);
  });

  it('stands in every result where the operator wants it, also on a channel of this process', async () => {
    const events: GatewayEvent[] = [];
    const gateway = createGateway({
      upstreams,
      rateLimit: 10,
      tellAllowance: true,
      transport: 'stdio',
      onEvent: (event) => events.push(event),
    });
    onTestFinished(() => gateway.close());
    const transport = gateway.clientTransport();
    const answers: Json[] = [];
    transport.onmessage = (message: unknown) => void answers.push(message as Json);
    await transport.start();
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
    await transport.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    await expect.poll(() => answers.length).toBe(1);
    await transport.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    await expect.poll(() => answers.length).toBe(2);
    expect(allowanceIn(answers[1]!)).toMatchObject({ limit: 10, remaining: 8 });
  });

  it('is not there where there is no limit', async () => {
    const test = await startGateway({ upstreams, tellAllowance: true });
    const client = await WireClient.session(test.ws);
    const answer = await client.call(1, 'echo', { text: 'x' }, ASK);
    expect([answer['error'], allowanceIn(answer)]).toEqual([undefined, undefined]);
  });

  it('stands in a refusal, with how long to wait', async () => {
    const test = await startGateway({ upstreams, rateLimit: 2 });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'x' });
    const { error } = (await client.call(2, 'echo', { text: 'x' })) as { error: { data: Json } };
    expect(error.data).toMatchObject({ limit: 2, remaining: 0 });
    expect(error.data['retryAfterMs']).toBeLessThanOrEqual(30_000);
  });

  it('is shown to operators for each session', async () => {
    const test = await startGateway({ upstreams, rateLimit: 10 });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'x' });
    const [session] = test.gateway.operations.sessions();
    expect(session).toMatchObject({ allowance: { limit: 10, remaining: 8 } });
  });
});
