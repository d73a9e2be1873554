/** What an MCP server does that can stand behind a gateway, whoever wrote it. */
import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/client';

import type { ContractCase } from '../util/contract.ts';
import { createGateway } from './gateway.ts';
import type { Gateway, GatewayOptions } from './gateway.ts';
import type { UpstreamOptions } from './upstream-options.ts';

/** How a server is tested. */
export interface UpstreamContractOptions {
  /** A tool that gives a text argument back, for the tests of who gets which answer. @default those tests are left out */
  echo?: { tool: string; argument: string };
  /** Further options of the gateway, such as `environment`. @default none */
  gateway?: Omit<GatewayOptions, 'upstreams'>;
}

const CALLS = 20;
const REQUEST = { timeout: 30_000 } as const;

/**
 * What an MCP server has to do to work behind a gateway, as tests for any runner. Each test starts the server once or twice.
 *
 * @param upstream the server, as `createGateway` takes it.
 * @example
 * ```ts
 * import { test } from 'node:test';
 *
 * const upstream = { command: 'node', args: ['server.js'] };
 * const cases = upstreamContract(upstream, { echo: { tool: 'echo', argument: 'text' }, gateway: { environment: process.env } });
 * for (const { title, run } of cases) test(title, run);
 * ```
 */
export function upstreamContract(upstream: UpstreamOptions, options: UpstreamContractOptions = {}): ContractCase[] {
  const test = (title: string, run: (gateway: Gateway) => Promise<void>): ContractCase => ({
    title,
    async run() {
      const gateway = createGateway({
        warm: 0,
        rateLimit: 'unlimited',
        ...options.gateway,
        upstreams: { tested: upstream },
      });
      try {
        await run(gateway);
      } finally {
        await gateway.close();
      }
    },
  });
  const clientOf = async (gateway: Gateway): Promise<Client> => {
    const client = new Client({ name: 'contract', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(gateway.clientTransport() as never, REQUEST);
    return client;
  };

  const cases = [
    test('starts, says who it is, and lists its tools', async (gateway) => {
      const { version, server } = await gateway.operations.check('tested');
      assert.ok(version !== '', 'a protocol version');
      assert.equal(typeof server?.['name'], 'string');
      const { tools } = await (await clientOf(gateway)).listTools(undefined, REQUEST);
      for (const { name, inputSchema } of tools) assert.equal(inputSchema.type, 'object', `the schema of ${name}`);
    }),
    test('answers a call of a tool that it does not have, and goes on', async (gateway) => {
      const client = await clientOf(gateway);
      const name = 'no-tool-has-this-name';
      const result = await client.callTool({ name, arguments: {} }, REQUEST).catch(() => ({ isError: true }));
      assert.equal(result.isError, true);
      await client.listTools(undefined, REQUEST);
    }),
    test('ends when nobody needs it any more', async (gateway) => {
      await (await clientOf(gateway)).listTools(undefined, REQUEST);
      await gateway.close();
      assert.deepEqual(gateway.stats.upstreams['tested'], { slots: 0, members: 0, running: 0 });
    }),
  ];
  const { echo } = options;
  if (echo === undefined) return cases;
  return [
    ...cases,
    test('gives each of many calls of two clients its own answer', async (gateway) => {
      const clients = await Promise.all([clientOf(gateway), clientOf(gateway)]);
      const texts = Array.from({ length: CALLS }, (_, n) => `text ${n}`);
      const call = async (client: Client, text: string): Promise<void> => {
        const { content } = await client.callTool({ name: echo.tool, arguments: { [echo.argument]: text } }, REQUEST);
        assert.ok(JSON.stringify(content).includes(JSON.stringify(text).slice(1, -1)), `the answer to ${text}`);
      };
      await Promise.all(clients.flatMap((client, n) => texts.map((text) => call(client, `client ${n}, ${text}`))));
    }),
  ];
}
