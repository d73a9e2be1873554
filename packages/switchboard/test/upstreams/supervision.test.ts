/** What happens to servers that fail, hang, grow old or large, or are not needed; all of them real processes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { isAlive, servers } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { startUpstream } from '../support/upstream.ts';
import type { TestUpstream } from '../support/upstream.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const SHARED = { isolation: 'shared' } as const;
const pidOf = async (client: WireClient, id: unknown): Promise<number> => Number(textOf(await client.call(id, 'pid')));
const initialize = (id: number): Json => ({ jsonrpc: '2.0', id, method: 'initialize', params: initializeParams() });

/** A server that cannot start until it is mended. */
function breakable(): { env: Record<string, string>; mend(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'broken');
  writeFileSync(file, '');
  return { env: { BROKEN_WHILE: file }, mend: () => rmSync(file) };
}

/** Opens sessions until one is refused because the server keeps failing. */
async function untilFailing(
  { ws }: TestUpstream,
  client: WireClient,
): Promise<{ code: number; message: string; data: Json }> {
  for (let id = 1; id < 20; id++) {
    client.send(initialize(id));
    const { error } = (await client.answer(id)) as { error: { code: number; message: string; data: Json } };
    if (error.code === 31030) return error;
  }
  throw new Error(`${ws} was never said to be failing`);
}

/** A server that takes its time to start, and ends when it is asked to. */
const LATE = `
const { createInterface } = require('node:readline');
const write = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  const serverInfo = { name: 'late', version: '1' };
  const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo };
  if (method === 'initialize') setTimeout(() => write({ id, result }), 500);
  else write({ id, error: { code: -32601, message: 'no such method' } });
});`;

it('a server that dies while it is replaced has failed once, and its replacement takes its place', async () => {
  const late = { command: process.execPath, args: ['-e', LATE], era: 'legacy' } as const;
  const test = await startUpstream(late, { isolation: 'shared', warm: 0, crashLimit: 2 });
  await test.pool.check();
  const [member] = await test.pool.members();
  const restarted = test.pool.restart();
  await expect.poll(() => test.eventsOf('member.started').length).toBe(2);
  process.kill(member!.pid!, 'SIGKILL');
  await restarted;
  await expect.poll(() => test.eventsOf('member.ready').length).toBe(2);
  const { pid } = test.eventsOf('member.started')[1]!;
  await expect.poll(() => test.pool.members()).toMatchObject([{ pid, state: 'ready' }]);
  expect(test.eventsOf('member.closed')).toMatchObject([{ reason: 'was ended by SIGKILL', expected: false }]);
  expect(test.pool.state).not.toBe('failing');
});

describe.each(['session', 'shared'] as const)('a server that cannot start, isolation %s', (isolation) => {
  it('is failing after some tries: calls end at once and say since when, why, and when it is tried next', async () => {
    const test = await startUpstream(breakable(), { isolation, crashLimit: 3, crashPause: '1h' });
    const client = await WireClient.open(test.ws);
    const error = await untilFailing(test, client);
    expect(error.message).toMatch(
      /default has failed since \d{4}-.*, the next try is in \d+ ms; .*cannot start: broken/,
    );
    expect(error.data).toMatchObject({ code: 'SWB_UPSTREAM_FAILING', retryAfterMs: expect.any(Number) });
    expect(test.eventsOf('member.failed')).toHaveLength(3);
    expect(test.pool.state).toBe('failing');
    const startedAt = performance.now();
    for (let id = 50; id < 60; id++) {
      client.send(initialize(id));
      expect(await client.answer(id)).toMatchObject({ error: { code: 31030 } });
    }
    expect(performance.now() - startedAt).toBeLessThan(500);
    await expect(test.pool.check()).rejects.toThrow(/keeps failing/);
    const started = test.eventsOf('member.started').length;
    client.send(initialize(60));
    await client.answer(60);
    expect(test.eventsOf('member.started')).toHaveLength(started);
  });

  it('is tried one at a time, and is well again by itself when it has been mended', async () => {
    const { env, mend } = breakable();
    const test = await startUpstream({ env }, { isolation, crashLimit: 2, crashPause: '50ms' });
    const client = await WireClient.open(test.ws);
    await untilFailing(test, client);
    await expect.poll(() => test.eventsOf('upstream.failing').length).toBeGreaterThan(2);
    const pauses = test.eventsOf('upstream.failing').map(({ nextTryAt }) => nextTryAt);
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    const readyz = async (): Promise<number> =>
      (await http(new URL('/readyz', test.http).href, { method: 'GET' })).status;
    expect(await readyz()).toBe(503);
    mend();
    await expect.poll(() => test.pool.state, { timeout: 5000 }).not.toBe('failing');
    expect(await readyz()).toBe(200);
    expect(test.eventsOf('upstream.recovered')).toHaveLength(1);
    client.send(initialize(99));
    expect(await client.answer(99)).toHaveProperty('result');
  });
});

describe('a server that did not start', () => {
  const readyOf = async ({ http: at }: TestUpstream): Promise<{ status: number; body: string }> =>
    http(new URL('/readyz', at).href, { method: 'GET' });

  it('counts as failed until a start succeeds, which is tried without anybody asking', async () => {
    const { env, mend } = breakable();
    const test = await startUpstream({ env }, { crashLimit: 1000, crashPause: '20ms' });
    const client = await WireClient.open(test.ws);
    client.send(initialize(1));
    expect(await client.answer(1)).toHaveProperty('error');
    client.socket.close();
    const tries = (): unknown[] => test.eventsOf('member.failed').filter(({ slot }) => slot === 'check');
    await expect.poll(() => tries().length).toBeGreaterThan(1);
    expect(tries()).toContainEqual(
      expect.objectContaining({ reason: expect.stringContaining('cannot start: broken') }),
    );
    const [facts] = await test.operations.upstreams();
    expect(facts).toMatchObject({ state: 'failed', reason: expect.stringContaining('cannot start: broken') });
    expect((await readyOf(test)).status).toBe(503);
    mend();
    await expect.poll(async () => (await readyOf(test)).status, { timeout: 5000 }).toBe(200);
    expect(await test.operations.upstreams()).toMatchObject([{ state: 'idle' }]);
    expect(test.eventsOf('upstream.recovered')).toHaveLength(1);
  });

  it('is known before the first client comes where it is started ahead of need', async () => {
    const test = await startUpstream(breakable(), { warm: 1, crashPause: '20ms' });
    await expect.poll(async () => (await readyOf(test)).status, { timeout: 5000 }).toBe(503);
    expect((await readyOf(test)).body).toContain('cannot start: broken');
    expect(await test.operations.upstreams()).toMatchObject([
      { reason: expect.stringContaining('cannot start: broken') },
    ]);
  });

  it('is seen by a check, and that it can be started again by the next look at its tools', async () => {
    const { env, mend } = breakable();
    const test = await startUpstream({ env }, { crashPause: '1h' });
    await expect(test.pool.check()).rejects.toThrow('cannot start: broken');
    expect((await readyOf(test)).status).toBe(503);
    mend();
    await test.pool.tools();
    expect((await readyOf(test)).status).toBe(200);
  });
});

describe('a server that a client crashes', () => {
  it('is no reason to refuse others where each has its own', async () => {
    const test = await startUpstream({}, { crashLimit: 2 });
    for (let n = 0; n < 3; n++) {
      const client = await WireClient.session(test.ws);
      await client.call(1, 'echo', { text: 'x' });
      expect(await client.call(2, 'crash')).toMatchObject({ error: { code: 31003 } });
    }
    expect(test.pool.state).not.toBe('failing');
    expect(await pidOf(await WireClient.session(test.ws), 1)).toBeGreaterThan(0);
  });

  it('is failing where all share it', async () => {
    const test = await startUpstream({}, { ...SHARED, crashLimit: 2, crashPause: '1h' });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'crash');
    await client.call(2, 'crash');
    expect(await client.call(3, 'echo')).toMatchObject({ error: { code: 31030 } });
    expect(await test.pool.members()).toMatchObject([
      { state: 'failing', restarts: 1, lastReason: expect.stringContaining('about to crash') },
    ]);
  });
});

it('a server that somebody watches is started again by itself once it can be, however often that failed before', async () => {
  const { env, mend } = breakable();
  mend();
  const test = await startUpstream({ env }, { ...SHARED, crashLimit: 2, crashPause: '50ms' });
  const client = await WireClient.session(test.ws);
  client.send({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'a:1' } });
  await client.answer(1);
  const pid = await pidOf(client, 2);
  writeFileSync(env['BROKEN_WHILE']!, '');
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => test.pool.state).toBe('failing');
  mend();
  await client.notification('notifications/resources/updated');
  expect(textOf(await client.call(3, 'subscribed'))).toBe('["a:1"]');
});

describe('a server that hangs', () => {
  const eager = { livenessInterval: '100ms', livenessTimeout: '200ms' };

  it.each([
    ['session', servers.scripted],
    ['shared', servers.scripted],
    ['shared', servers.demo],
  ] as const)(
    'is noticed without any request, and another takes its place: isolation %s',
    async (isolation, server) => {
      const test = await startUpstream(server, { isolation, ...eager });
      const client = await WireClient.session(test.ws);
      const [{ pid } = {}] = await test.pool.members();
      process.kill(pid!, 'SIGSTOP');
      await expect
        .poll(() => test.eventsOf('member.closed').map(({ reason }) => reason))
        .toEqual([expect.stringContaining('livenessTimeout')]);
      client.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
      expect(await client.answer(1)).toHaveProperty('result');
      await expect.poll(() => isAlive(pid!), { timeout: 10_000 }).toBe(false);
    },
  );

  it('ends the calls that wait for it, when it is stopped', async () => {
    const test = await startUpstream({}, { ...SHARED, ...eager });
    const client = await WireClient.session(test.ws);
    const pid = await pidOf(client, 1);
    process.kill(pid, 'SIGSTOP');
    expect(await client.call(2, 'echo')).toMatchObject({
      error: { code: 31003, message: expect.stringContaining('liveness ping') },
    });
  });

  it('is left alone while it only computes, and while it answers', async () => {
    const test = await startUpstream({}, { ...SHARED, ...eager });
    const client = await WireClient.session(test.ws);
    const pid = await pidOf(client, 1);
    expect(Number(textOf(await client.call(2, 'compute', { ms: 1000 })))).toBe(pid);
    await expect
      .poll(
        async () =>
          (JSON.parse(textOf(await client.call(3, 'seen'))) as string[]).filter((each) => each === 'ping').length,
      )
      .toBeGreaterThan(2);
    expect(await pidOf(client, 4)).toBe(pid);
  });
});

describe('a member that is worn', () => {
  it('is replaced after its requests, another is started first, and what runs on it ends well', async () => {
    const test = await startUpstream({ maxRequests: 3 }, SHARED);
    const client = await WireClient.session(test.ws);
    const first = await pidOf(client, 1);
    client.send(toolCall(2, 'slow', { ms: 1500, text: 'finished' }));
    await client.call(3, 'echo');
    let id = 10;
    await expect.poll(async () => pidOf(client, id++), { timeout: 5000 }).not.toBe(first);
    expect(isAlive(first)).toBe(true);
    expect((await test.pool.members()).map(({ state }) => state)).toContain('retiring');
    expect(textOf(await client.answer(2))).toBe('finished');
    await expect.poll(() => isAlive(first), { timeout: 10_000 }).toBe(false);
    expect(client.received.filter((message) => 'error' in message)).toEqual([]);
    expect(test.eventsOf('member.retired')[0]?.reason).toContain('maxRequests');
    expect(test.eventsOf('member.closed')[0]).toMatchObject({ expected: true });
  });

  it('is replaced at its age, and keeps what was subscribed', async () => {
    const test = await startUpstream({ maxAge: '300ms' }, SHARED);
    const client = await WireClient.session(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'a:1' } });
    await client.answer(1);
    const first = await pidOf(client, 2);
    await expect.poll(() => isAlive(first), { timeout: 10_000 }).toBe(false);
    expect(textOf(await client.call(3, 'subscribed'))).toBe('["a:1"]');
  });

  it('of one session is not replaced for its age, as it may hold what the client built up', async () => {
    const test = await startUpstream({ maxAge: '50ms', maxRequests: 1 });
    const client = await WireClient.session(test.ws);
    const first = await pidOf(client, 1);
    expect([await pidOf(client, 2), await pidOf(client, 3)]).toEqual([first, first]);
  });

  it('stays where no successor can be started', async () => {
    const { env, mend } = breakable();
    mend();
    const test = await startUpstream({ env, maxRequests: 2 }, SHARED);
    const client = await WireClient.session(test.ws);
    const first = await pidOf(client, 1);
    writeFileSync(env['BROKEN_WHILE']!, '');
    for (let id = 2; id < 6; id++) expect(await pidOf(client, id)).toBe(first);
    await expect.poll(() => test.eventsOf('member.failed').length).toBe(1);
    expect(await pidOf(client, 9)).toBe(first);
    // It serves, and everything that says how it is says so.
    expect(await test.operations.upstreams()).toMatchObject([{ state: 'ready' }]);
    expect((await http(new URL('/readyz', test.http).href, { method: 'GET' })).status).toBe(200);
  });

  it.each(['session', 'shared'] as const)(
    'is replaced when somebody asks for a restart, isolation %s',
    async (isolation) => {
      const test = await startUpstream({}, { isolation });
      const client = await WireClient.session(test.ws);
      const first = await pidOf(client, 1);
      client.send(toolCall(2, 'slow', { ms: 500 }));
      await client.call(3, 'echo');
      await test.pool.restart();
      expect(textOf(await client.answer(2))).toBe('done');
      let id = 10;
      await expect.poll(() => pidOf(client, id++)).not.toBe(first);
      await expect.poll(() => isAlive(first), { timeout: 10_000 }).toBe(false);
    },
  );
});

describe('a modern member', () => {
  it('that is replaced ends the listens on it, so that their clients listen again', async () => {
    const test = await startUpstream(servers.demo, SHARED);
    const client = await WireClient.open(test.ws);
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    client.send({
      jsonrpc: '2.0',
      id: 1,
      method: 'subscriptions/listen',
      params: { notifications: { toolsListChanged: true }, _meta },
    });
    await client.notification('notifications/subscriptions/acknowledged');
    await test.pool.restart();
    expect(await client.answer(1)).toMatchObject({ result: { resultType: 'complete' } });
  });
});

describe.runIf(process.platform === 'linux')('the memory of a server', () => {
  it('is told with that of what it started, and so is its processor time', async () => {
    const test = await startUpstream({}, SHARED);
    const client = await WireClient.session(test.ws);
    const before = Number(textOf(await client.call(1, 'cpu')));
    const alone = (await test.pool.members())[0]!;
    const after = Number(textOf(await client.call(2, 'cpu')));
    expect(alone).toMatchObject({
      slot: 'shared',
      state: 'ready',
      era: 'legacy',
      version: '2025-11-25',
      requests: 1,
      inFlight: 0,
      restarts: 0,
    });
    expect(alone.memoryBytes).toBeGreaterThan(10_000_000);
    // The kernel counts in steps of 10 ms, for user and system apart.
    expect(alone.cpuMs).toBeGreaterThanOrEqual(before - 20);
    expect(alone.cpuMs).toBeLessThanOrEqual(after + 20);
    await client.call(3, 'grandchild');
    await expect
      .poll(async () => (await test.pool.members())[0]!.memoryBytes)
      .toBeGreaterThan(alone.memoryBytes! + 10_000_000);
  });

  it.each(['session', 'shared'] as const)(
    'over its limit is a reason to replace it, isolation %s',
    async (isolation) => {
      const test = await startUpstream({ maxMemory: '200MiB' }, { isolation });
      const client = await WireClient.session(test.ws);
      const first = Number(textOf(await client.call(1, 'hold', { bytes: 200 * 1024 * 1024 })));
      await expect
        .poll(() => test.eventsOf('member.retired').map(({ reason }) => reason), { timeout: 10_000 })
        .toEqual(['it uses more than 209715200 bytes of memory (maxMemory)']);
      await expect.poll(() => isAlive(first), { timeout: 10_000 }).toBe(false);
      expect(await pidOf(client, 2)).not.toBe(first);
    },
  );
});

describe('a member that nobody uses', () => {
  it('is ended, and started when it is needed', async () => {
    const test = await startUpstream({}, { ...SHARED, memberIdleTimeout: '200ms' });
    const client = await WireClient.session(test.ws);
    const first = await pidOf(client, 1);
    await expect.poll(() => isAlive(first), { timeout: 10_000 }).toBe(false);
    expect(test.pool.state).toBe('idle');
    expect(await pidOf(client, 2)).not.toBe(first);
  });

  it('is kept while a request runs on it or somebody watches a resource', async () => {
    const test = await startUpstream({}, { ...SHARED, memberIdleTimeout: '500ms' });
    const client = await WireClient.session(test.ws);
    const first = await pidOf(client, 1);
    expect(textOf(await client.call(2, 'slow', { ms: 1200 }))).toBe('done');
    client.send({ jsonrpc: '2.0', id: 3, method: 'resources/subscribe', params: { uri: 'a:1' } });
    await client.answer(3);
    await client.call(4, 'changeLater', { ms: 1200 });
    await client.notification('notifications/tools/list_changed');
    expect(await pidOf(client, 5)).toBe(first);
  });
});

describe('a check', () => {
  it.each(['session', 'principal', 'shared', 'pool'] as const)(
    'tells what the server is and has, isolation %s',
    async (isolation) => {
      const test = await startUpstream(servers.demo, { isolation });
      expect(await test.pool.check()).toMatchObject({
        era: 'modern',
        tools: expect.any(Number),
        ms: expect.any(Number),
      });
      if (isolation === 'session') await expect.poll(() => test.pool.size.running, { timeout: 5000 }).toBe(0);
    },
  );

  it('says what is wrong', async () => {
    const test = await startUpstream({ command: 'no-such-command-here' });
    await expect(test.pool.check()).rejects.toThrow(/no-such-command-here/);
  });
});
