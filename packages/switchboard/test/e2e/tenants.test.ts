/**
 * Two tenants in both eras on one shared server, at once: calls, questions, log messages, updated resources. Every word that a
 * client says carries its name, so that whatever reaches a stranger shows.
 */
import { McpServer, inputRequired } from '@modelcontextprotocol/server';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { WireClient, envelope, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const CALLS = 10_000;
const CLIENTS = 20;
const IN_FLIGHT = 5;
const able = { elicitation: { form: {} } };
const META = { ...envelope(able), 'io.modelcontextprotocol/logLevel': 'debug' };

/** A modern server with tools that answer, ask, log, and touch a resource. */
function tenantServer(): McpServer {
  const capabilities = { logging: {}, resources: { subscribe: true } };
  const server = new McpServer({ name: 'shared', version: '1' }, { capabilities });
  const said = { inputSchema: z.object({ text: z.string() }) };
  const answer = (text: string): { content: { type: 'text'; text: string }[] } => ({
    content: [{ type: 'text', text }],
  });
  server.registerTool('echo', said, ({ text }) => answer(text));
  server.registerTool('log', said, async ({ text }, ctx) => {
    await ctx.mcpReq.log('info', text);
    return answer(text);
  });
  server.registerTool('update', { inputSchema: z.object({ uri: z.string() }) }, async ({ uri }) => {
    await server.server.sendResourceUpdated({ uri });
    return answer(uri);
  });
  server.registerTool('ask', said, ({ text }, ctx) => {
    const given = ctx.mcpReq.inputResponses?.['who'] as { content?: { name?: string } } | undefined;
    if (given !== undefined) return answer(`${text} ${given.content?.name}`);
    const requestedSchema = { type: 'object', properties: { name: { type: 'string' } } } as const;
    return inputRequired({ inputRequests: { who: inputRequired.elicit({ message: text, requestedSchema }) } });
  });
  return server;
}

interface Tenant {
  name: string;
  client: WireClient;
  /** Calls a tool; questions on the way are answered with the tenant's name. */
  call(id: number, tool: string, args: Json): Promise<Json>;
}

async function legacyTenant(test: TestGateway, name: string): Promise<Tenant> {
  const client = await WireClient.session(test.ws, able);
  client.socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Json;
    if (message['method'] !== 'elicitation/create') return;
    client.send({ jsonrpc: '2.0', id: message['id'], result: { action: 'accept', content: { name } } });
  });
  client.send({ jsonrpc: '2.0', id: 'level', method: 'logging/setLevel', params: { level: 'debug' } });
  await client.answer('level');
  client.send({ jsonrpc: '2.0', id: 'watch', method: 'resources/subscribe', params: { uri: `x://${name}` } });
  expect(await client.answer('watch')).toHaveProperty('result');
  return { name, client, call: (id, tool, args) => client.call(id, tool, args) };
}

async function modernTenant(test: TestGateway, name: string): Promise<Tenant> {
  const client = await WireClient.open(test.ws);
  const notifications = { resourceSubscriptions: [`x://${name}`] };
  client.send({ jsonrpc: '2.0', id: 'listen', method: 'subscriptions/listen', params: { notifications, _meta: META } });
  await client.notification('notifications/subscriptions/acknowledged');
  return {
    name,
    client,
    async call(id, tool, args) {
      const answer = await client.call(id, tool, args, META);
      const { resultType, inputRequests, requestState } = (answer['result'] ?? {}) as Json;
      if (resultType !== 'input_required') return answer;
      const inputResponses = Object.fromEntries(
        Object.keys(inputRequests as Json).map((key) => [key, { action: 'accept', content: { name } }]),
      );
      const again = toolCall(-id, tool, args, META) as { params: Json };
      client.send({
        ...again,
        params: { ...again.params, inputResponses, ...(requestState !== undefined && { requestState }) },
      });
      return client.answer(-id);
    },
  };
}

describe('two tenants, both eras, one shared server', () => {
  it.each([
    ['modern', { server: tenantServer }, true],
    ['legacy', servers.scripted, false],
  ] as const)(
    'that is %s: everybody hears their own, and nobody a stranger',
    async (_, upstream, canAsk) => {
      const test = await startGateway({
        isolation: 'shared',
        upstreams: { default: upstream },
        maxConnections: CLIENTS,
      });
      const tenants = await Promise.all(
        Array.from({ length: CLIENTS }, (__, n) => {
          const name = `${n % 2 === 0 ? 'red' : 'blue'}-${n}-`;
          return n % 4 < 2 ? legacyTenant(test, name) : modernTenant(test, name);
        }),
      );
      const heard = tenants.map(({ client }) => {
        const texts: string[] = [];
        client.socket.on('message', (data: Buffer) => texts.push(data.toString()));
        return texts;
      });

      await Promise.all(
        tenants.map(async ({ name, call }) => {
          let next = 1;
          // Each client keeps a few calls running; the ids are the same for all of them.
          const worker = async (): Promise<void> => {
            while (next <= CALLS / CLIENTS) {
              const id = next++;
              const kind = (['echo', 'log', 'update', 'echo', canAsk ? 'ask' : 'echo'] as const)[id % 5]!;
              const args = kind === 'update' ? { uri: `x://${name}` } : { text: `${name}${id}` };
              const answer = await call(id, kind, args);
              const expected = { echo: `${name}${id}`, log: /./, update: /./, ask: `${name}${id} ${name}` }[kind];
              if (typeof expected === 'string') expect(textOf(answer)).toBe(expected);
              else expect(answer).toHaveProperty('result');
            }
          };
          await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
        }),
      );

      const names = tenants.map(({ name }) => name);
      for (const [n, texts] of heard.entries()) {
        const strangers = names.filter((name, other) => other !== n && texts.some((text) => text.includes(name)));
        expect(strangers, `what ${names[n]} heard`).toEqual([]);
        expect(texts.some((text) => text.includes('notifications/resources/updated'))).toBe(true);
      }
      for (const { client } of tenants) client.socket.close();
      await expectEmpty(test, { members: 1 });
      expect(test.gateway.stats.parked).toBe(0);
    },
    120_000,
  );

  it('on a legacy server, cannot be asked there: the question is refused to the server, and told to nobody', async () => {
    const test = await startGateway({ isolation: 'shared', upstreams: { default: servers.scripted } });
    const tenants = [await legacyTenant(test, 'red'), await modernTenant(test, 'blue')];
    for (const { client, call, name } of tenants) {
      const answer = await call(1, 'ask', { message: `only for ${name}` });
      expect(JSON.parse(textOf(answer))).toMatchObject({ code: -32601 });
      expect(client.received).toEqual([]);
    }
  });
});
