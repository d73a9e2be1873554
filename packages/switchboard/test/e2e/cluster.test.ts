/** Three nodes behind a real balancer, round robin for each request: what clients see when a node is killed, or hangs. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { Agent, fetch as undiciFetch } from 'undici';

import { CLUSTER_KEY } from '../support/cluster.ts';
import { run } from '../support/command.ts';
import { connectClient } from '../support/clients.ts';
import type { AnyClient, Flavour } from '../support/clients.ts';
import { cli, servers } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { freePort } from '../support/port.ts';
import { RedisServer } from '../support/redis.ts';
import { initializeParams, toolCall } from '../support/wire.ts';

const recipe = fileURLToPath(new URL('../../../../examples/cluster/haproxy.cfg', import.meta.url));
const ADMIN_TOKEN = 'a'.repeat(32);

interface Node {
  name: string;
  port: number;
  child: ChildProcess;
  http: string;
}

let redis: RedisServer;
let nodes: Node[];
let balancer: ChildProcess;
let url: string;

async function startNode(name: string, port: number): Promise<Node> {
  const { command, args } = servers.scripted;
  const flags = ['--port', String(port), '--isolation', 'shared', '--node-name', name, '--rate-limit', 'unlimited'];
  const cluster = ['--store', redis.url, '--peer-listen', '127.0.0.1:0', '--connect-rate-limit', 'unlimited'];
  const env = { ...process.env, SWITCHBOARD_CLUSTER_KEY: CLUSTER_KEY, SWITCHBOARD_ADMIN_TOKEN: ADMIN_TOKEN };
  const child = spawn(process.execPath, [cli, 'serve', ...flags, ...cluster, '--', command, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise<void>((resolve, reject) => {
    let text = '';
    child.once('exit', (code) => reject(new Error(`the node ${name} ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Ctrl-C')) resolve();
    });
  });
  return { name, port, child, http: `http://127.0.0.1:${port}/mcp` };
}

async function seenBy({ port }: Node): Promise<string[]> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const { body } = await http(`http://127.0.0.1:${port}/admin/status`, { method: 'GET', headers });
  return (JSON.parse(body) as { nodes: { name: string }[] }).nodes.map(({ name }) => name).toSorted();
}

/** The nodes that have sessions, as one of them sees it. */
async function sessionsAt({ port }: Node): Promise<string[]> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const { body } = await http(`http://127.0.0.1:${port}/admin/sessions`, { method: 'GET', headers });
  const sessions = JSON.parse(body) as { node: string; client?: { name: string } }[];
  return sessions.filter(({ client }) => client?.name === 'wire').map(({ node }) => node);
}

beforeAll(async () => {
  redis = await RedisServer.start();
  const ports = await Promise.all(Array.from({ length: 4 }, freePort));
  nodes = await Promise.all(['a', 'b', 'c'].map((name, nth) => startNode(name, ports[nth]!)));
  const [PORT_A, PORT_B, PORT_C, PORT] = ports.map(String);
  balancer = spawn('haproxy', ['-db', '-f', recipe], {
    env: { PATH: process.env['PATH'], PORT, PORT_A, PORT_B, PORT_C },
    stdio: 'ignore',
  });
  url = `http://127.0.0.1:${PORT}/mcp`;
  await vi.waitFor(async () => expect((await http(url, { body: '{}' })).status).toBe(400), { timeout: 10_000 });
}, 30_000);

afterAll(async () => {
  balancer?.kill('SIGKILL');
  for (const { child } of nodes ?? []) child.kill('SIGKILL');
  await redis?.kill();
});

/** How a call may end that is not answered: the errors of Switchboard, of which some clients show the text alone, and what the balancer says of a node that it cannot use. */
const NAMED =
  /SWB_NODE_LOST|31063|The node that ran the request is gone|SWB_NODE_UNREACHABLE|31064|SWB_SESSION_NOT_FOUND|404|502|503|terminated|fetch failed|closed/;

it('clients of both generations, with connections kept or not, go on when a node is killed: nothing crosses, nothing hangs', async () => {
  const agents = [new Agent(), new Agent({ pipelining: 0 })];
  onTestFinished(() => void agents.map((agent) => agent.destroy()));
  const flavours: Flavour[] = ['SDK v1', 'SDK v2 legacy', 'SDK v2 modern'];
  const seen = { answered: 0, failed: [] as string[], crossed: 0, afterwards: 0 };
  const end = new AbortController();
  let isKnown = false;
  const run = async (flavour: Flavour, nth: number): Promise<void> => {
    const dispatcher = agents[nth % agents.length]!;
    const own = ((input: never, init: object) =>
      undiciFetch(input, { ...init, dispatcher })) as unknown as typeof fetch;
    let client: AnyClient | undefined;
    for (let call = 0; !end.signal.aborted; call++) {
      const said = `${flavour} ${nth} ${call}`;
      const [begun, isLater] = [performance.now(), isKnown];
      try {
        client ??= await connectClient(flavour, 'http', { http: url, ws: '' }, { fetch: own });
        // A session that ended with its node cannot be ended once more; what is open ends with the agents.
        client.close = async () => {};
        const args = { name: 'slow', arguments: { ms: 30, text: said } };
        const { content } = await client.callTool(args, { timeout: 6000 });
        const [first] = content as { text: string }[];
        if (first?.text === said) seen.answered++;
        else seen.crossed++;
        if (isLater) seen.afterwards++;
      } catch (error) {
        seen.failed.push(`${String(error)} after ${Math.round(performance.now() - begun)} ms`);
        // A session ends with its node: its client begins again.
        client = undefined;
      }
    }
  };
  const all = Promise.all([...flavours, ...flavours].map(run));
  await expect.poll(() => seen.answered, { timeout: 10_000 }).toBeGreaterThan(30);
  expect(seen.failed).toEqual([]);
  nodes[0]!.child.kill('SIGKILL');
  await expect.poll(() => seenBy(nodes[1]!), { timeout: 10_000 }).toEqual(['b', 'c']);
  isKnown = true;
  await expect.poll(() => seen.afterwards, { timeout: 10_000 }).toBeGreaterThan(30);
  end.abort();
  await all;
  expect(seen.crossed).toBe(0);
  expect(seen.failed.filter((error) => !NAMED.test(error))).toEqual([]);
  // Their server is shared: sessions go on at another node.
  expect(seen.failed.filter((error) => /404(?! ms$)|SESSION_NOT_FOUND/.test(error))).toEqual([]);
});

it('a node that hangs is known as gone, what waits for it fails with its name, and it joins again when it goes on', async () => {
  const [, b, c] = nodes as [Node, Node, Node];
  const session = await openSession(b.http, initializeParams());
  const waiting = http(c.http, { headers: session, body: toolCall(1, 'never') });
  await expect.poll(async () => (await http(c.http, { headers: session, body: toolCall(2, 'echo') })).status).toBe(200);
  const secret = session['mcp-session-id']!;
  const record = `switchboard:fact:session ${createHash('sha256').update(secret).digest('base64url')}`;
  await expect.poll(() => redis.ask('EXISTS', record)).toBe(':1\r\n');
  b.child.kill('SIGSTOP');
  // Operators wait for it no longer than clients do.
  const [answer, elsewhere] = await Promise.all([waiting, sessionsAt(c)]);
  expect(elsewhere).not.toContain('b');
  expect(answer.body).toContain('SWB_NODE_LOST');
  expect(await seenBy(c)).not.toContain('b');
  // The other node goes on with it, and keeps it.
  expect((await http(c.http, { headers: session, body: toolCall(3, 'echo') })).status).toBe(200);
  b.child.kill('SIGCONT');
  await expect.poll(() => seenBy(c), { timeout: 10_000 }).toContain('b');
  expect((await http(b.http, { headers: session, body: toolCall(4, 'echo') })).status).toBe(200);
  expect(await sessionsAt(b)).toEqual(['c']);
});

it('doctor asks the store and each node, and says what is amiss between them', async () => {
  const env = { SWITCHBOARD_STORE: redis.url, SWITCHBOARD_PEER_LISTEN: '127.0.0.1:0', SWITCHBOARD_PORT: '0' };
  const findings = async (clusterKey: string): Promise<Record<string, unknown>[]> => {
    const { stdout } = await run(['doctor', '--json'], { env: { ...env, SWITCHBOARD_CLUSTER_KEY: clusterKey } });
    return JSON.parse(stdout) as Record<string, unknown>[];
  };
  const [right, wrong] = await Promise.all([findings(CLUSTER_KEY), findings('x'.repeat(40))]);
  expect(right).toContainEqual({
    check: 'store',
    state: 'ok',
    detail: expect.stringMatching(/^it answers in \d+ ms$/),
  });
  expect(right).toContainEqual({ check: 'nodes', state: 'ok', detail: expect.stringMatching(/^2 nodes: /) });
  const found = wrong.find(({ check }) => check === 'nodes');
  expect(found).toMatchObject({
    state: 'warning',
    detail: expect.stringContaining('not written with this cluster key: 2 records of nodes'),
  });
});
