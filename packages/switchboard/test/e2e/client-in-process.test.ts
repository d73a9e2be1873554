/** A client in the gateway's own process, without a port. */
import { Client } from '@modelcontextprotocol/client';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { Gateway, GatewayOptions } from '../../src/gateway/gateway.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { servers } from '../support/gateway.ts';

function start(options: Partial<GatewayOptions> = {}): Gateway {
  const env = { KEY: '${caller.header:X-Key}' };
  const upstreams = { keyed: { ...servers.scripted, env }, demo: servers.demo };
  const gateway = createGateway({ upstreams, environment: process.env, isolation: 'shared', ...options });
  onTestFinished(() => gateway.close());
  return gateway;
}

async function connect(gateway: Gateway, options: Parameters<Gateway['clientTransport']>[0]): Promise<Client> {
  const client = new Client({ name: 'inside', version: '1' });
  await client.connect(gateway.clientTransport(options) as never);
  return client;
}

const keyOf = async (client: Client): Promise<unknown> =>
  (await client.callTool({ name: 'environment', arguments: { name: 'KEY' } })).content;

describe('a client in the same process', () => {
  it('has a line of its own, to one server with the values that it brings, or to all as one', async () => {
    const gateway = start();
    const ada = await connect(gateway, { upstream: 'keyed', headers: { 'x-key': 'of ada' } });
    const bob = await connect(gateway, { upstream: 'keyed', headers: { 'x-key': 'of bob' } });
    expect(await keyOf(ada)).toEqual([{ type: 'text', text: 'of ada' }]);
    expect(await keyOf(bob)).toEqual([{ type: 'text', text: 'of bob' }]);
    const all = await connect(gateway, { headers: { 'x-key': 'of ada' } });
    expect((await all.listTools()).tools.map(({ name }) => name)).toContain('demo__add');
    expect(gateway.stats.connections).toBe(3);
    await Promise.all([ada, bob, all].map((client) => client.close()));
    await expect.poll(() => gateway.stats.connections).toBe(0);
  });

  it('shares with others of the same principal, where principals share', async () => {
    const gateway = start({ isolation: 'principal' });
    const pidOf = async (principal: string): Promise<string> => {
      const client = await connect(gateway, { upstream: 'demo', principal });
      const { structuredContent } = await client.callTool({ name: 'whoami', arguments: {} });
      return String((structuredContent as { pid: number }).pid);
    };
    const [ada, again, bob] = [await pidOf('ada'), await pidOf('ada'), await pidOf('bob')];
    expect(again).toBe(ada);
    expect(bob).not.toBe(ada);
  });

  it('is refused what is not there', () => {
    expect(() => start().clientTransport({ upstream: 'nothing' })).toThrow('No such upstream');
  });
});
