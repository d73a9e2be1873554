/** Gateways that are nodes of one cluster, in the process of the test, with a store of their own prefix. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { expect, onTestFinished } from 'vitest';

import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { cli, servers, startGateway } from './gateway.ts';
import type { TestGateway } from './gateway.ts';
import { freePort } from './port.ts';
import { http } from './http.ts';
import type { HttpAnswer } from './http.ts';
import type { RedisServer } from './redis.ts';
import type { Json } from './wire.ts';

export const CLUSTER_KEY = 'cluster-key-of-the-tests-0123456789abcdef';

export interface TestNode extends TestGateway {
  /** Asks its admin API. */
  admin(line: string, body?: Json): Promise<HttpAnswer & { json: unknown }>;
}

let clusters = 0;

/** @param names of the nodes; all of them see each other when this resolves. */
export async function startCluster(
  redis: RedisServer,
  names: readonly string[] = ['a', 'b', 'c'],
  options: Partial<GatewayOptions> = {},
): Promise<TestNode[]> {
  const store = `${redis.url}/?prefix=cluster${process.pid}-${++clusters}`;
  const nodes = await Promise.all(names.map((name) => startNode(store, name, options)));
  await Promise.all(nodes.map((node) => sees(node, names)));
  return nodes;
}

export async function startNode(
  store: string,
  nodeName: string,
  options: Partial<GatewayOptions> = {},
): Promise<TestNode> {
  const test = await startGateway({
    upstreams: { default: servers.scripted },
    isolation: 'shared',
    store,
    peerListen: '127.0.0.1:0',
    clusterKey: CLUSTER_KEY,
    nodeName,
    ...options,
  });
  const admin = async (line: string, body?: Json): Promise<HttpAnswer & { json: unknown }> => {
    const [method = '', path = ''] = line.split(' ');
    const type = body === undefined ? undefined : { 'content-type': 'application/json' };
    const headers = { ...type, authorization: `Bearer ${test.gateway.adminToken}` };
    const answer = await http(`${test.gateway.adminUrl}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body }),
    });
    return { ...answer, json: JSON.parse(answer.body) as unknown };
  };
  return { ...test, admin };
}

/** A node in a process of its own, which can be killed or stopped; it shares the scripted server. */
export async function spawnNode(store: string, name: string): Promise<{ child: ChildProcess; ws: string }> {
  const port = await freePort();
  const { command, args } = servers.scripted;
  const flags = ['--port', String(port), '--isolation', 'shared', '--node-name', name, '--rate-limit', 'unlimited'];
  const cluster = ['--store', store, '--peer-listen', '127.0.0.1:0', '--warm', '0'];
  const env = { ...process.env, SWITCHBOARD_CLUSTER_KEY: CLUSTER_KEY };
  const child = spawn(process.execPath, [cli, 'serve', ...flags, ...cluster, '--', command, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    let text = '';
    child.once('exit', (code) => reject(new Error(`the node ${name} ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Ctrl-C')) resolve();
    });
  });
  return { child, ws: `ws://127.0.0.1:${port}/mcp` };
}

/** Waits until a node sees exactly these. */
export async function sees(node: TestNode, names: readonly string[]): Promise<void> {
  const seen = async (): Promise<string[]> =>
    ((await node.admin('GET /status')).json as { nodes: { name: string }[] }).nodes.map(({ name }) => name).toSorted();
  await expect.poll(seen, { timeout: 10_000, interval: 100 }).toEqual(names.toSorted());
}
