/** An SDK client that knows nothing but the address of a balancer, an authorization server, and three nodes. */
import { once } from 'node:events';
import { createServer, request as connect } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { expect, it, onTestFinished } from 'vitest';

import { startAuthorizationServer } from '../support/authorization-server.ts';
import { startCluster } from '../support/cluster.ts';
import { servers } from '../support/gateway.ts';
import { RedisServer } from '../support/redis.ts';

/** Sends each request to the next node, on a connection of its own. */
async function startBalancer(
  ports: readonly number[],
): Promise<{ port: number; sent: [node: number, path: string, status: number][] }> {
  const sent: [number, string, number][] = [];
  let next = 0;
  const server = createServer((asked, response) => {
    const node = next++ % ports.length;
    const { method, url: path = '', headers } = asked;
    const passed = connect({ host: '127.0.0.1', port: ports[node], method, path, headers, agent: false }, (answer) => {
      sent.push([node, path, answer.statusCode!]);
      response.writeHead(answer.statusCode!, answer.headers);
      answer.on('error', () => response.destroy()).pipe(response);
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    asked.on('error', () => passed.destroy()).pipe(passed);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sent };
}

it('a sign-in whose steps reach three nodes is one, and the rights of its token hold at each', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.kill());
  const ports: number[] = [];
  const { port, sent } = await startBalancer(ports);
  const resource = `http://127.0.0.1:${port}/mcp`;
  const issuer = await startAuthorizationServer(() => resource);
  const nodes = await startCluster(redis, ['a', 'b', 'c'], {
    upstreams: { default: servers.demo },
    jwt: { issuer, audience: resource, scopes: { 'mcp:read': ['reader'] }, requiredScopes: ['mcp:read'] },
    roles: { reader: { readOnly: true } },
  });
  ports.push(...nodes.map((node) => node.port));
  const authProvider = new ClientCredentialsProvider({
    clientId: 'robot',
    clientSecret: 'robot-secret',
    scope: 'mcp:read',
    expectedIssuer: issuer,
  });
  const client = new Client({ name: 'robot', version: '1' });
  onTestFinished(() => client.close());
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), { authProvider }));
  for (let n = 0; n < 3; n++) {
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect([names.includes('add'), names.includes('note_add')]).toEqual([true, false]);
    const { structuredContent } = await client.callTool({ name: 'add', arguments: { a: n, b: 2 } });
    expect(structuredContent).toEqual({ sum: n + 2 });
  }
  const refused = sent.find(([, , status]) => status === 401);
  const found = sent.find(
    ([, path, status]) => path.startsWith('/.well-known/oauth-protected-resource') && status === 200,
  );
  const served = sent.filter(([, path, status]) => path === '/mcp' && status === 200);
  expect(refused![0]).not.toBe(found![0]);
  expect(new Set(served.map(([node]) => node)).size).toBe(3);
  expect(sent.filter(([, path, status]) => path === '/mcp' && status >= 400 && status !== 405)).toEqual([refused]);
});
