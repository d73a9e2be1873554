/** Isolation pool: several members of one server for everybody, each a real process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { servers, startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { startUpstream } from '../support/upstream.ts';
import type { TestUpstream } from '../support/upstream.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const POOL = { isolation: 'pool' };
const elicits = envelope({ elicitation: { form: {} } });

const modern = (id: number, method: string, params: Json): Json => ({
  jsonrpc: '2.0',
  id,
  method,
  params: { ...params, _meta: elicits },
});

/** A server that can no longer be started once it is broken. */
function breakable(): { env: Record<string, string>; breakIt(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'broken');
  return { env: { BROKEN_WHILE: file }, breakIt: () => writeFileSync(file, '') };
}

/** Keeps both members busy for a moment, so that both are there. */
async function startBoth(client: WireClient): Promise<string[]> {
  client.send(toolCall('a', 'compute', { ms: 300 }, elicits));
  client.send(toolCall('b', 'compute', { ms: 300 }, elicits));
  return Promise.all(['a', 'b'].map(async (id) => textOf(await client.answer(id))));
}

const pidsOf = async ({ pool }: TestUpstream): Promise<(number | undefined)[]> =>
  (await pool.members()).map(({ pid }) => pid);

describe('a pool', () => {
  it('starts with one member, and starts the next when that is busy, up to its number', async () => {
    const test = await startUpstream({ members: 3 }, POOL);
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo');
    await client.call(2, 'echo');
    expect(test.pool.size.members).toBe(1);
    for (let id = 10; id < 16; id++) client.send(toolCall(id, 'compute', { ms: 200 }));
    const pids = await Promise.all([10, 11, 12, 13, 14, 15].map(async (id) => textOf(await client.answer(id))));
    expect(new Set(pids).size).toBe(3);
    expect(test.pool.size.members).toBe(3);
    // Each had its share.
    for (const pid of new Set(pids)) expect(pids.filter((each) => each === pid)).toHaveLength(2);
  });

  it('counts its members against maxMembers', async () => {
    const test = await startUpstream({ members: 5 }, { ...POOL, maxMembers: 2 });
    const client = await WireClient.session(test.ws);
    for (let id = 1; id < 6; id++) client.send(toolCall(id, 'compute', { ms: 100 }));
    const pids = await Promise.all([1, 2, 3, 4, 5].map(async (id) => textOf(await client.answer(id))));
    expect(new Set(pids).size).toBe(2);
  });

  it('tells its legacy members that nobody can be asked', async () => {
    const test = await startUpstream({}, POOL);
    const client = await WireClient.open(test.ws);
    client.send({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: initializeParams({ elicitation: {}, sampling: {} }),
    });
    expect(await client.answer(0)).toMatchObject({ result: { instructions: 'hello mcp-switchboard {}' } });
  });

  it('serves subscriptions on one member, tells each change once, and takes them up on another when it dies', async () => {
    const test = await startUpstream({}, POOL);
    const client = await WireClient.session(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'a:1' } });
    await client.answer(1);
    await startBoth(client);
    const subscribed = async (id: number): Promise<string[]> => {
      client.send(toolCall(`x${id}`, 'slow', { ms: 200 }));
      client.send(toolCall(id, 'subscribed'));
      client.send(toolCall(id + 1, 'subscribed'));
      const answers = await Promise.all([client.answer(id), client.answer(id + 1), client.answer(`x${id}`)]);
      return answers.slice(0, 2).map(textOf);
    };
    expect((await subscribed(10)).toSorted()).toContain('[]');
    client.send(toolCall(20, 'update', { uri: 'a:1' }));
    client.send(toolCall(21, 'update', { uri: 'a:1' }));
    await Promise.all([client.answer(20), client.answer(21)]);
    await client.notification('notifications/resources/updated');
    expect(client.received.filter(({ method }) => method === 'notifications/resources/updated')).toEqual([]);
    const [first] = await pidsOf(test);
    process.kill(first!, 'SIGKILL');
    // Who watches is told that something may have changed.
    await client.notification('notifications/resources/updated');
    await expect.poll(async () => (await pidsOf(test))[0]).not.toBe(first);
    expect(await subscribed(30)).toContain('["a:1"]');
  });

  it('gives a state back to the member that gave it out, and a task to the one that began it', async () => {
    const test = await startUpstream({ env: { MODERN: 'yes' } }, POOL);
    const client = await WireClient.open(test.ws);
    const pids = await startBoth(client);
    expect(new Set(pids).size).toBe(2);
    const states: string[] = [];
    const tasks: string[] = [];
    for (let id = 1; id < 5; id++) {
      // One that is at work leaves the other for the next.
      const busy = id % 2 === 0 ? `busy ${id}` : undefined;
      if (busy !== undefined) client.send(toolCall(busy, 'slow', { ms: 300 }, elicits));
      client.send(modern(id, 'tools/call', { name: 'askModern', arguments: {} }));
      const asked = (await client.answer(id)) as { result: { requestState: string } };
      states.push(asked.result.requestState);
      client.send(modern(id + 10, 'tools/call', { name: 'begin', arguments: {} }));
      tasks.push(((await client.answer(id + 10)) as { result: { taskId: string } }).result.taskId);
      if (busy !== undefined) await client.answer(busy);
    }
    expect(new Set(states).size).toBe(2);
    expect(new Set(tasks).size).toBe(2);
    for (const [at, requestState] of states.entries()) {
      const inputResponses = { a: { action: 'decline' } };
      client.send(modern(100 + at, 'tools/call', { name: 'askModern', arguments: {}, inputResponses, requestState }));
      expect(textOf(await client.answer(100 + at))).toBe('known');
    }
    for (const [at, taskId] of tasks.entries()) {
      client.send(modern(200 + at, 'tasks/get', { taskId }));
      const status = taskId.replace(/^.*task-/, 'working in ');
      expect(await client.answer(200 + at)).toMatchObject({ result: { taskId, status } });
    }
  });

  it.each(['pid', 'one__pid'])(
    'serves a call over HTTP where there is a member, and starts no other to know its headers: %s',
    async (name) => {
      const upstreams = { one: servers.scripted, two: servers.scripted };
      const test = await startGateway({ upstreams, isolation: 'pool' });
      const started = (): number => test.events.filter(({ type }) => type === 'member.started').length;
      const membersOf = async (): Promise<(number | undefined)[]> =>
        (await test.gateway.operations.upstreams())[0]!.members.map(({ pid }) => pid);
      await startBoth(await WireClient.open(test.ws));
      const [first, second] = await membersOf();
      process.kill(first!, 'SIGKILL');
      await expect.poll(membersOf).toEqual([second]);
      const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name };
      const body = modern(1, 'tools/call', { name, arguments: {} });
      const answer = await http(name === 'pid' ? test.http : test.all.http, { headers, body });
      expect(textOf(JSON.parse(answer.body) as Json)).toBe(String(second));
      expect(started()).toBe(2);
    },
  );

  it('goes on when one of its members dies in the middle of a call, which alone fails', async () => {
    const test = await startUpstream({}, POOL);
    const client = await WireClient.session(test.ws);
    const [first, second] = await startBoth(client);
    expect(first).not.toBe(second);
    client.send(toolCall(1, 'slow', { ms: 400 }));
    client.send(toolCall(2, 'slow', { ms: 400 }));
    await expect.poll(async () => (await test.pool.members()).map(({ inFlight }) => inFlight)).toEqual([1, 1]);
    process.kill(Number(first), 'SIGKILL');
    const answers = await Promise.all([client.answer(1), client.answer(2)]);
    expect(answers.filter((answer) => 'error' in answer)).toHaveLength(1);
    expect(textOf(await client.call(3, 'echo', { text: 'on' }))).toBe('on');
  });

  it('is replaced as a whole by a restart, without a request that fails', async () => {
    const test = await startUpstream({}, POOL);
    const client = await WireClient.session(test.ws);
    const before = await startBoth(client);
    client.send(toolCall(1, 'slow', { ms: 300 }));
    await test.pool.restart();
    for (let id = 2; id < 8; id++) expect(await client.call(id, 'echo')).toHaveProperty('result');
    expect(await client.answer(1)).toHaveProperty('result');
    const after = await startBoth(client);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
  });

  it('is served by the members that live while no other can be started', async () => {
    const { env, breakIt } = breakable();
    const test = await startUpstream({ env }, { ...POOL, crashLimit: 1, crashPause: '1h' });
    const client = await WireClient.session(test.ws);
    const [, second] = await startBoth(client);
    breakIt();
    process.kill(Number(second), 'SIGKILL');
    await expect.poll(() => test.pool.failing).toBeDefined();
    for (let id = 1; id < 5; id++) client.send(toolCall(id, 'slow', { ms: 50 }));
    for (let id = 1; id < 5; id++) expect(await client.answer(id)).toHaveProperty('result');
    expect(test.pool.state).toBe('ready');
  });
});
