/** Members that several nodes have together: one process for all of them, which the others reach at the node that has it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { McpServer } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { ClusterKey } from '../../src/peers/cluster-key.ts';
import { MEMBERS_PATH, SENDER_HEADER } from '../../src/peers/member-channel.ts';
import { recordedNodes } from '../../src/peers/nodes.ts';
import { PeerLink } from '../../src/peers/peer-link.ts';
import type { PeerAnswer } from '../../src/peers/peer-link.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { CLUSTER_KEY, sees, spawnNode, startCluster, startNode } from '../support/cluster.ts';
import type { TestNode } from '../support/cluster.ts';
import { expectEmpty, isAlive, servers } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { RedisServer } from '../support/redis.ts';
import { WireClient, envelope, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

const { scripted } = servers;
const modern = { ...scripted, env: { MODERN: 'yes' } };

const sessionsAt = (nodes: readonly TestNode[]): Promise<WireClient[]> =>
  Promise.all(nodes.map((node) => WireClient.session(node.ws)));
const pidAt = async (client: WireClient, id = 'pid'): Promise<number> => Number(textOf(await client.call(id, 'pid')));
const codeOf = (answer: Json): unknown =>
  ((answer['error'] as Json | undefined)?.['data'] as Json | undefined)?.['code'];
const runningAt = (nodes: readonly TestNode[]): number[] =>
  nodes.map(({ gateway }) => Object.values(gateway.stats.upstreams).reduce((sum, { running }) => sum + running, 0));

/** Nothing is left of the nodes, wherever the members were. */
async function end(nodes: readonly TestNode[]): Promise<void> {
  await Promise.all(nodes.map(({ gateway }) => gateway.close()));
  await Promise.all(nodes.map((node) => expectEmpty(node)));
}

describe('isolation shared', () => {
  it('is one process for all nodes: each client gets its own answers, progress and notifications, and cancels its own call', async () => {
    const nodes = await startCluster(redis);
    const clients = await sessionsAt(nodes);
    const pids = await Promise.all(clients.map((client) => pidAt(client)));
    expect(new Set(pids).size).toBe(1);
    expect(runningAt(nodes).filter((running) => running > 0)).toEqual([1]);

    // The same ids and tokens at all nodes, at the same time; some answers are large, and so are some arguments.
    const ids = Array.from({ length: 12 }, (_, n) => n);
    await Promise.all(
      clients.map(async (client, nth) => {
        const answers = ids.map(async (id) => {
          const said = `${nth} ${id} ${'x'.repeat(id % 4 === 0 ? 5000 : 0)}`;
          const args = { ms: 5 * (12 - id), steps: 1, text: said };
          expect(textOf(await client.call(id, 'slow', args, { progressToken: id }))).toBe(said);
        });
        await Promise.all(answers);
        const notes = client.received.filter(({ method }) => method === 'notifications/progress');
        const told = notes.map(({ params }) => (params as Json)['message'] as string).toSorted();
        expect([told.length, told.every((text) => text.startsWith(`${nth} `))]).toEqual([ids.length, true]);
        expect(client.received.filter(({ id }) => id !== undefined)).toEqual([]);
      }),
    );

    const [a, b, c] = clients;
    for (const client of [a!, b!]) {
      client.send({ jsonrpc: '2.0', id: 's', method: 'resources/subscribe', params: { uri: 'test://one' } });
      expect(await client.answer('s')).toMatchObject({ result: {} });
    }
    await c!.call(20, 'update', { uri: 'test://one' });
    for (const client of [a!, b!]) await client.notification('notifications/resources/updated');
    await c!.call(21, 'change');
    for (const client of clients) await client.notification('notifications/tools/list_changed');
    expect(c!.received.filter(({ method }) => method === 'notifications/resources/updated')).toEqual([]);

    b!.send(toolCall(22, 'slow', { ms: 60_000 }));
    await expect.poll(async () => (await nodes[1]!.admin('GET /requests')).json).toHaveLength(1);
    b!.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 22 } });
    await expect
      .poll(async () => JSON.parse(textOf(await a!.call(23, 'seen'))) as string[])
      .toContain('notifications/cancelled');

    // Operators see one process, and where it is.
    const upstreams = (await nodes[1]!.admin('GET /upstreams')).json as {
      members: { pid?: number; node?: string }[];
    }[];
    const members = upstreams.flatMap((each) => each.members);
    const owner = ['a', 'b', 'c'][runningAt(nodes).indexOf(1)];
    expect(members.flatMap(({ pid }) => pid ?? [])).toEqual([pids[0]]);
    expect(members.flatMap(({ node }) => node ?? [])).toEqual([owner, owner]);
    await end(nodes);
    expect(isAlive(pids[0]!)).toBe(false);
  });

  it('goes on for the clients of all nodes when its server crashes, or is replaced: what they watch they hear of again', async () => {
    const nodes = await startCluster(redis, ['a', 'b']);
    const [a, b] = await sessionsAt(nodes);
    const first = await pidAt(a!);
    b!.send({ jsonrpc: '2.0', id: 's', method: 'resources/subscribe', params: { uri: 'test://one' } });
    await b!.answer('s');
    const lost = b!.call(1, 'never');
    await expect.poll(async () => (await nodes[1]!.admin('GET /requests')).json).toHaveLength(1);
    a!.send(toolCall(1, 'crash'));
    expect([codeOf(await lost), codeOf(await a!.answer(1))]).toEqual(['SWB_UPSTREAM_EXITED', 'SWB_UPSTREAM_EXITED']);
    // It is told of what it may have missed.
    await b!.notification('notifications/resources/updated');
    const second = await pidAt(b!);
    expect(second).not.toBe(first);
    await a!.call(2, 'update', { uri: 'test://one' });
    await b!.notification('notifications/resources/updated');

    const slow = b!.call(3, 'slow', { ms: 300, text: 'finished' });
    await expect.poll(async () => (await nodes[1]!.admin('GET /requests')).json).toHaveLength(1);
    expect((await nodes[1]!.admin('POST /upstreams/default/restart', {})).status).toBe(200);
    expect(textOf(await slow)).toBe('finished');
    const third = await pidAt(b!);
    expect([third === second, await pidAt(a!)]).toEqual([false, third]);
    await a!.call(4, 'update', { uri: 'test://one' });
    await b!.notification('notifications/resources/updated');
    await end(nodes);
    expect([first, second, third].map(isAlive)).toEqual([false, false, false]);
  });

  it('a modern server is shared in the same way, by clients of both eras', async () => {
    const nodes = await startCluster(redis, ['a', 'b'], { upstreams: { default: modern } });
    const [a, b] = await sessionsAt(nodes);
    expect(await pidAt(b!)).toBe(await pidAt(a!));
    b!.send({ jsonrpc: '2.0', id: 's', method: 'resources/subscribe', params: { uri: 'test://one' } });
    expect(await b!.answer('s')).toMatchObject({ result: {} });
    const listening = await WireClient.open(nodes[1]!.ws);
    await listening.listen({ resourceSubscriptions: ['test://two'] });
    await a!.call(1, 'update', { uri: 'test://one' });
    await a!.call(2, 'update', { uri: 'test://two' });
    expect((await b!.notification('notifications/resources/updated'))['params']).toMatchObject({ uri: 'test://one' });
    const heard = await listening.notification('notifications/resources/updated');
    expect(heard['params']).toMatchObject({
      uri: 'test://two',
      _meta: { 'io.modelcontextprotocol/subscriptionId': 'l' },
    });
    // A task is known wherever it is asked after, and to nobody else.
    const [one, other] = await Promise.all(nodes.map((node) => WireClient.open(node.ws)));
    const begun = await one!.call(1, 'begin', {}, envelope());
    const { taskId } = begun['result'] as { taskId: string };
    other!.send({ jsonrpc: '2.0', id: 2, method: 'tasks/get', params: { taskId, _meta: envelope() } });
    expect(codeOf(await other!.answer(2))).not.toBe('SWB_UNKNOWN_NAME');
    await end(nodes);
  });

  it('that cannot start again tells why at every node; and one whose configuration changes finishes what other nodes have begun', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'switchboard-members-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const broken = join(folder, 'broken');
    const upstreams = { default: { ...scripted, env: { BROKEN_WHILE: broken }, context: true } };
    const nodes = await startCluster(redis, ['a', 'b'], { upstreams });
    const a = await WireClient.session(nodes[0]!.ws);
    const first = await pidAt(a);
    const b = await WireClient.session(nodes[1]!.ws);
    expect(await pidAt(b)).toBe(first);
    // The server is told who is calling by the node that knows it.
    const _meta = { 'switchboard/context': { principal: 'forged' } };
    b.send({ jsonrpc: '2.0', id: 'c', method: 'acme/echo', params: { _meta } });
    const echoed = await b.answer('c');
    expect(echoed).toMatchObject({ result: {} });
    const told = (echoed['result'] as { params: { _meta: Json } }).params._meta['switchboard/context'];
    expect(told).toMatchObject({ principal: 'anonymous', transport: 'websocket', client: { name: 'wire' } });

    writeFileSync(broken, '');
    await b.call(1, 'crash');
    for (const client of [b, a]) {
      const { error } = await client.call(2, 'pid');
      expect((error as Json)['message']).toContain('cannot start: broken');
    }
    rmSync(broken);
    const second = await pidAt(b);
    expect([second === first, await pidAt(a)]).toEqual([false, second]);

    const slow = b.call(3, 'slow', { ms: 500, text: 'finished' });
    await expect.poll(async () => (await nodes[1]!.admin('GET /requests')).json).toHaveLength(1);
    nodes[0]!.gateway.reload({ upstreams: { default: { ...scripted, env: { OTHER: 'yes' } } } });
    expect(textOf(await slow)).toBe('finished');
    const third = await pidAt(b);
    const [other] = await sessionsAt([nodes[0]!]);
    expect(new Set([second, third, await pidAt(other!)]).size).toBe(3);
    await end(nodes);
  });

  it('with placement each is one process at each node', async () => {
    const nodes = await startCluster(redis, ['a', 'b'], { upstreams: { default: { ...scripted, placement: 'each' } } });
    const clients = await sessionsAt(nodes);
    const pids = await Promise.all(clients.map((client) => pidAt(client)));
    expect([new Set(pids).size, runningAt(nodes)]).toEqual([2, [1, 1]]);
    await end(nodes);
  });

  it('keeps to the concurrency limit for all nodes together', async () => {
    const nodes = await startCluster(redis, ['a', 'b'], { upstreams: { default: { ...scripted, maxConcurrent: 1 } } });
    const [a, b] = await sessionsAt(nodes);
    await pidAt(a!);
    const first = a!.call(1, 'slow', { ms: 400, text: 'first' });
    await expect.poll(async () => (await nodes[0]!.admin('GET /requests')).json).toHaveLength(1);
    const order: string[] = [];
    const second = b!.call(1, 'echo', { text: 'second' });
    void first.then(() => order.push('first'));
    void second.then(() => order.push('second'));
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    await end(nodes);
  });
});

describe('a member that is lent', () => {
  it('and is replaced loses no call of another node that waits for its turn', async () => {
    const nodes = await startCluster(redis, ['a', 'b'], { upstreams: { default: { ...scripted, maxConcurrent: 1 } } });
    const [a, other] = await sessionsAt([nodes[0]!, nodes[0]!]);
    const first = await pidAt(a!);
    const b = await WireClient.session(nodes[1]!.ws);
    expect(await pidAt(b)).toBe(first);
    const waiting = (): number => nodes[0]!.gateway.operations.load().queued;
    const running = a!.call(1, 'slow', { ms: 700 });
    await expect.poll(async () => (await nodes[0]!.admin('GET /requests')).json).toHaveLength(1);
    // Its turn comes first, at the new one, and it is long enough for the old one to end.
    const next = other!.call(1, 'slow', { ms: 1500 });
    await expect.poll(waiting).toBe(1);
    const last = b.call(1, 'pid');
    await expect.poll(waiting).toBe(2);
    expect((await nodes[1]!.admin('POST /upstreams/default/restart', {})).status).toBe(200);
    expect([await running, await next]).toMatchObject([{ result: {} }, { result: {} }]);
    const answer = await last;
    expect(answer).toMatchObject({ result: {} });
    expect(Number(textOf(answer))).not.toBe(first);
    await end(nodes);
  });

  it('is not kept from one node by how much another has open there', async () => {
    const upstreams = { default: { ...scripted, maxConcurrent: 1000 } };
    const nodes = await startCluster(redis, ['a', 'b', 'c'], { upstreams, maxConnections: 1, maxConcurrent: 1 });
    const [a, b, c] = await sessionsAt(nodes);
    const first = await pidAt(a!);
    expect(await pidAt(b!)).toBe(first);
    const ids = Array.from({ length: 100 }, (_, id) => id);
    const all = ids.map((id) => b!.call(id, 'never'));
    expect(codeOf(await Promise.any(all))).toBe('SWB_OVERLOADED');
    expect(await pidAt(c!)).toBe(first);
    await end(nodes);
  });

  it('is given back by a node that is gone without a word: what that has open is closed, and what it asked is taken back', async () => {
    const prefix = `gone${process.pid}`;
    const store = `${redis.url}/?prefix=${prefix}`;
    const node = await startNode(store, 'a', { upstreams: { default: modern } });
    const a = await WireClient.session(node.ws);
    await pidAt(a);
    const shared = await openStore(store);
    onTestFinished(() => shared.close());
    const [owner] = await recordedNodes(shared);
    const name = /owner (\S+)/.exec(await redis.ask('KEYS', `${prefix}*owner *`))?.[1];
    const link = new PeerLink({ key: new ClusterKey(CLUSTER_KEY), self: () => 'x', maxRequests: 8 });
    onTestFinished(() => link.close());
    const post = (path: string, body: unknown, sender?: Json): Promise<PeerAnswer> => {
      const of = Buffer.from(JSON.stringify(sender ?? {})).toString('base64url');
      const headers = { 'content-type': 'application/json', ...(sender !== undefined && { [SENDER_HEADER]: of }) };
      return link.send(owner!, { method: 'POST', path, headers, body: JSON.stringify(body) });
    };
    const lent = await post(MEMBERS_PATH, { name, node: 'x' });
    const said = new Promise<Buffer>((resolve) => lent.body.once('data', resolve));
    const { session } = JSON.parse((await said).toString()) as { session: string };
    const path = `${MEMBERS_PATH}/${session}`;
    const sender = { principal: 'anonymous', affinity: 'somebody' };
    const asked = post(path, toolCall(1, 'never', {}, envelope()), sender).then(({ body }) => endOf(body), String);
    const params = { notifications: { toolsListChanged: true }, _meta: envelope() };
    const listens = await post(path, { jsonrpc: '2.0', id: 2, method: 'subscriptions/listen', params });
    const listened = endOf(listens.body);
    listens.body.resume();
    await expect.poll(() => link.size).toBe(3);
    lent.body.destroy();
    await Promise.all([asked, listened]);
    expect(link.size).toBe(0);
    await end([node]);
  });
});

it('isolation principal is one process for each caller, and pool several for all, whichever node they come to', async () => {
  const keys = testKeys();
  const [ann, ben] = [keys.add('ann'), keys.add('ben')];
  const upstreams = {
    own: { ...scripted, isolation: 'principal', env: { WHO: '${caller.header:X-Who}' } },
    pool: { ...scripted, isolation: 'pool', members: 2 },
  } as const;
  const nodes = await startCluster(redis, ['a', 'b'], { upstreams, keysFile: keys.path });
  const ask = async (node: TestNode, upstream: string, key: string, id: number, tool: string, args: Json = {}) => {
    const headers = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': tool,
      'x-who': key,
    };
    const body = toolCall(id, tool, args, envelope());
    const answer = await http(node.http.replace(/\w+$/, upstream), { headers: { ...headers, ...bearer(key) }, body });
    return textOf(JSON.parse(answer.body) as Json);
  };
  const both = (upstream: string, key: string, tool: string, args?: Json): Promise<string[]> =>
    Promise.all(nodes.map((node) => ask(node, upstream, key, 1, tool, args)));
  const [ofAnn, ofBen] = [await both('own', ann, 'pid'), await both('own', ben, 'pid')];
  expect([new Set(ofAnn).size, new Set(ofBen).size, ofAnn[0] === ofBen[0]]).toEqual([1, 1, false]);
  expect(await both('own', ann, 'environment', { name: 'WHO' })).toEqual([ann, ann]);
  const busy = nodes.flatMap((node) => [1, 2, 3].map((id) => ask(node, 'pool', ann, id, 'slow', { ms: 300 })));
  await Promise.all(busy);
  const pids = new Set<string>();
  for (let n = 0; n < 6; n++) for (const pid of await both('pool', ben, 'pid')) pids.add(pid);
  expect(pids.size).toBeLessThanOrEqual(2);
  expect(runningAt(nodes).reduce((sum, count) => sum + count, 0)).toBe(4);
  await end(nodes);
  expect([...pids, ...ofAnn, ...ofBen].map((pid) => isAlive(Number(pid)))).not.toContain(true);
});

it('a server in the process of each node is shared where its code is the same, and no node gets that of another', async () => {
  const saying = (text: string): McpServer => {
    const server = new McpServer({ name: text, version: '1' });
    server.registerTool('say', {}, () => ({ content: [{ type: 'text', text }] }));
    return server;
  };
  const store = `${redis.url}/?prefix=in-process`;
  const one = (): McpServer => saying('one');
  const nodes = await Promise.all([
    startNode(store, 'a', { upstreams: { default: { server: one } } }),
    startNode(store, 'b', { upstreams: { default: { server: one } } }),
    startNode(store, 'c', { upstreams: { default: { server: () => saying('other') } } }),
  ]);
  await Promise.all(nodes.map((node) => sees(node, ['a', 'b', 'c'])));
  const said = async (node: TestNode): Promise<string> =>
    textOf(await (await WireClient.session(node.ws)).call(1, 'say'));
  expect(await Promise.all(nodes.map(said))).toEqual(['one', 'one', 'other']);
  expect(runningAt(nodes).reduce((sum, count) => sum + count, 0)).toBe(2);
  const { nodes: seen } = (await nodes[0].admin('GET /status')).json as {
    nodes: { name: string; sameUpstreams: boolean }[];
  };
  expect(Object.fromEntries(seen.map(({ name, sameUpstreams }) => [name, sameUpstreams]))).toEqual({
    a: true,
    b: true,
    c: false,
  });
  await end(nodes);
});

it('a task of a pool is asked after and cancelled at any node, whichever member began it, and by nobody else', async () => {
  const keys = testKeys();
  const [ann, ben] = [keys.add('ann'), keys.add('ben')];
  const upstreams = { default: { ...modern, isolation: 'pool', members: 2 } } as const;
  const nodes = await startCluster(redis, ['a', 'b', 'c'], { upstreams, keysFile: keys.path });
  const [a, b, c] = nodes as [TestNode, TestNode, TestNode];
  const ask = async (node: TestNode, key: string, method: string, name: string, params: Json): Promise<Json> => {
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, 'mcp-name': name, ...bearer(key) };
    const body = { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: envelope() } };
    return JSON.parse((await http(node.http, { headers, body })).body) as Json;
  };
  const call = (node: TestNode, name: string, args: Json = {}): Promise<Json> =>
    ask(node, ann, 'tools/call', name, { name, arguments: args });
  const about = (node: TestNode, method: string, taskId: string, key = ann): Promise<Json> =>
    ask(node, key, method, taskId, { taskId });
  const tasks = new Map<string, string>();
  for (let n = 0; tasks.size < 2 && n < 30; n++) {
    // While one member is busy the other one begins a task.
    for (const begun of await Promise.all([1, 2, 3, 4].map(() => call(n % 2 === 0 ? a : b, 'begin')))) {
      const { taskId } = begun['result'] as { taskId: string };
      tasks.set(taskId.replace(/^.*task-/, ''), taskId);
    }
  }
  expect(tasks.size).toBe(2);
  for (const [pid, taskId] of tasks) {
    for (const node of nodes) {
      expect((await about(node, 'tasks/get', taskId))['result']).toMatchObject({ taskId, status: `working in ${pid}` });
      expect(codeOf(await about(node, 'tasks/get', taskId, ben))).toBe('SWB_UNKNOWN_NAME');
      expect(codeOf(await about(node, 'tasks/cancel', taskId, ben))).toBe('SWB_UNKNOWN_NAME');
    }
    expect(await about(c, 'tasks/cancel', taskId)).toHaveProperty('result');
    expect(await about(b, 'tasks/get', taskId)).toHaveProperty('error');
  }
  await end(nodes);
});

describe('when the node that has a member', () => {
  it('drains, the others go on without a failed call', async () => {
    const nodes = await startCluster(redis);
    const a = await WireClient.session(nodes[0]!.ws);
    const first = await pidAt(a);
    const [b, c] = await sessionsAt(nodes.slice(1));
    expect([await pidAt(b!), await pidAt(c!)]).toEqual([first, first]);
    c!.send({ jsonrpc: '2.0', id: 's', method: 'resources/subscribe', params: { uri: 'test://one' } });
    await c!.answer('s');
    const long = b!.call('long', 'slow', { ms: 500, text: 'begun before' });
    const over = new AbortController();
    const calling = [b!, c!].map(async (client) => {
      const failed: Json[] = [];
      for (let id = 1; !over.signal.aborted; id++) {
        const answer = await client.call(id, 'echo', { text: `${id}` });
        if (!('result' in answer) || textOf(answer) !== `${id}`) failed.push(answer);
      }
      return failed;
    });
    await expect.poll(async () => (await nodes[1]!.admin('GET /requests')).json).not.toHaveLength(0);
    await nodes[0]!.gateway.drain();
    expect(textOf(await long)).toBe('begun before');
    const second = await pidAt(b!);
    over.abort();
    expect(await Promise.all(calling)).toEqual([[], []]);
    expect([isAlive(first), second === first, await pidAt(c!)]).toEqual([false, false, second]);
    await b!.call('update', 'update', { uri: 'test://one' });
    await c!.notification('notifications/resources/updated');
    await end(nodes);
  });

  it('is killed, calls under way fail at once and are not repeated; the next one starts it elsewhere, under a higher epoch', async () => {
    const prefix = `killed${process.pid}`;
    const store = `${redis.url}/?prefix=${prefix}`;
    const owner = await spawnNode(store, 'x');
    const at = await WireClient.session(owner.ws);
    const first = await pidAt(at);
    const [node, other] = await Promise.all(['a', 'b'].map((name) => startNode(store, name)));
    const [a, b] = await sessionsAt([node!, other!]);
    expect([await pidAt(a!), await pidAt(b!)]).toEqual([first, first]);
    const before = await epochIn(prefix);
    const under = [a!.call(1, 'never'), b!.call(1, 'never')];
    await expect.poll(async () => (await node!.admin('GET /requests')).json).toHaveLength(2);
    owner.child.kill('SIGKILL');
    expect((await Promise.all(under)).map(codeOf)).toEqual(['SWB_NODE_LOST', 'SWB_NODE_LOST']);
    const [second, third] = await Promise.all([pidAt(a!, 'again'), pidAt(b!, 'again')]);
    expect([second === first, third]).toEqual([false, second]);
    expect(
      JSON.parse(textOf(await a!.call(2, 'seen'))).filter((method: string) => method === 'tools/call'),
    ).toHaveLength(3);
    expect(await epochIn(prefix)).toBeGreaterThan(before);
    await expect.poll(() => isAlive(first), { timeout: 10_000 }).toBe(false);
    await end([node!, other!]);
  });

  it('hangs, another starts it; when it wakes up it ends its own, and reaches the other', async () => {
    const store = `${redis.url}/?prefix=hung${process.pid}`;
    const owner = await spawnNode(store, 'x');
    const at = await WireClient.session(owner.ws);
    const first = await pidAt(at);
    const node = await startNode(store, 'a');
    const a = await WireClient.session(node.ws);
    expect(await pidAt(a)).toBe(first);
    const lost = a.call(1, 'never');
    owner.child.kill('SIGSTOP');
    expect(codeOf(await lost)).toBe('SWB_NODE_LOST');
    const second = await pidAt(a, 'again');
    expect(second).not.toBe(first);
    owner.child.kill('SIGCONT');
    // What a client asks there as soon as it wakes up reaches the new one too.
    expect(await pidAt(at, 'awake')).toBe(second);
    await expect.poll(() => isAlive(first), { timeout: 10_000 }).toBe(false);
    owner.child.kill('SIGTERM');
    await end([node]);
  });
});

const endOf = (body: Readable): Promise<void> => new Promise((resolve) => body.once('close', resolve));

/** The epoch that the store has of the one member of a cluster. */
async function epochIn(prefix: string): Promise<number> {
  return Number(/"epoch":(\d+)/.exec(await redis.ask('GET', await ownerKeyIn(prefix)))?.[1]);
}

async function ownerKeyIn(prefix: string): Promise<string> {
  const keys = await redis.ask('KEYS', `${prefix}*owner *`);
  return new RegExp(`${prefix}\\S*owner \\S+`).exec(keys)![0];
}
