/** Who is who, and what there is: introductions, tools, prompts, resources, completion. */
import { expect } from 'vitest';

import { failsCleanly, failureOf, lastError, metaOf, saidBy } from './cell.ts';
import type { Cell, Proofs } from './cell.ts';
import { CAPABILITIES } from './peer.ts';
import type { Json } from '../../support/wire.ts';

const whoami = async ({ peer }: Cell, meta?: Json): Promise<{ client: Json; capabilities: Json; meta: Json }> =>
  saidBy(await peer.call('whoami', {}, meta === undefined ? {} : { meta })) as never;

export const catalogue: Proofs = {
  negotiation: {
    async holds({ peer: { flavour, era, client } }) {
      expect(era).toBe(flavour === 'SDK v1' || flavour === 'SDK v2 legacy' ? 'legacy' : 'modern');
      const { tools } = await client.listTools();
      expect(tools.length).toBeGreaterThan(0);
    },
  },
  'server-identity': {
    async holds({ peer: { client }, server }) {
      expect(client.getServerVersion()).toMatchObject({ name: `matrix-${server}`, version: '1.0.0' });
      expect(client.getInstructions()).toBe(`the ${server} end of the matrix`);
      expect(client.getServerCapabilities()).toMatchObject({
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
      });
    },
  },
  'client-identity': {
    async holds(cell) {
      const { client, capabilities } = await whoami(cell);
      expect(client).toMatchObject({ name: cell.peer.name, version: '1' });
      // A modern client cannot tell that its roots have changed, so a legacy server must not count on it.
      const roots = cell.peer.era === 'modern' && cell.server === 'legacy' ? {} : CAPABILITIES.roots;
      expect(capabilities).toEqual({ ...CAPABILITIES, roots });
    },
    async fails(cell) {
      const { client, capabilities } = await whoami(cell);
      expect(client['name']).not.toBe(cell.peer.name);
      expect(capabilities).toEqual({});
    },
  },
  'request-meta': {
    async holds(cell) {
      const own = {
        'acme.example/key': { deep: [1] },
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      };
      const { meta } = await whoami(cell, own);
      expect(meta).toMatchObject(own);
      const foreign = Object.keys(meta).filter((key) => key.startsWith('io.modelcontextprotocol/'));
      if (cell.server === 'legacy') expect(foreign).toEqual([]);
    },
  },
  'tools-list': {
    async holds({ peer, server }) {
      const { tools } = await peer.client.listTools();
      const names = tools.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(['echo', 'count', 'form', 'structured']));
      expect(names).not.toContain('extra');
      const echo = tools.find(({ name }) => name === 'echo');
      expect(echo?.inputSchema).toMatchObject({ type: 'object', properties: { text: { type: 'string' } } });
      const structured = tools.find(({ name }) => name === 'structured');
      expect(structured?.outputSchema).toMatchObject({ type: 'object', properties: { sum: { type: 'number' } } });
      if (server === 'legacy' && peer.era === 'modern') expect(tools.filter((tool) => 'execution' in tool)).toEqual([]);
    },
  },
  structured: {
    async holds({ peer }) {
      expect(await peer.call('structured')).toMatchObject({ structuredContent: { sum: 5 } });
    },
  },
  'structured-other': {
    async holds({ peer }) {
      // The SDK checks the output against the schema of the list that it knows.
      const { tools } = await peer.client.listTools();
      const list = { type: 'array', items: { type: 'number' } };
      const schema = tools.find(({ name }) => name === 'structured-list')?.outputSchema;
      const result = await peer.call('structured-list');
      if (peer.era === 'modern') {
        expect(schema).toMatchObject(list);
        expect(result.structuredContent).toEqual([1, 2, 3]);
      } else {
        expect(schema).toMatchObject({ type: 'object', properties: { result: list } });
        expect(result.structuredContent).toEqual({ result: [1, 2, 3] });
      }
    },
    async fails({ peer }) {
      expect(await failsCleanly(peer.call('structured-list'))).toBe(true);
    },
  },
  prompts: {
    async holds({ peer: { client } }) {
      const { prompts } = await client.listPrompts();
      expect(prompts.find(({ name }) => name === 'greet')?.arguments).toMatchObject([{ name: 'tone', required: true }]);
      const { messages } = await client.getPrompt({ name: 'greet', arguments: { tone: 'warm' } });
      expect(messages).toEqual([{ role: 'user', content: { type: 'text', text: 'greet in a warm tone' } }]);
    },
  },
  resources: {
    async holds({ peer: { client } }) {
      const { resources } = await client.listResources();
      expect(resources.map(({ uri }) => uri)).toEqual(expect.arrayContaining(['matrix://plain', 'matrix://clock']));
      const { resourceTemplates } = await client.listResourceTemplates();
      expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toContain('matrix://one/{number}');
      const { contents } = await client.readResource({ uri: 'matrix://one/7' });
      expect(contents).toMatchObject([{ uri: 'matrix://one/7', mimeType: 'text/plain', text: 'one 7' }]);
    },
  },
  'resource-missing': {
    async holds({ peer, server }) {
      await failureOf(peer.client.readResource({ uri: 'matrix://one/404' }));
      const failure = lastError(peer);
      expect(failure?.code).toBe(peer.era === 'legacy' && server === 'legacy' ? -32002 : -32602);
      expect(failure?.data).toMatchObject({ uri: 'matrix://one/404' });
    },
  },
  completion: {
    async holds({ peer: { client } }) {
      const prompt = await client.complete({
        ref: { type: 'ref/prompt', name: 'greet' },
        argument: { name: 'tone', value: 'w' },
      });
      expect(prompt.completion.values).toEqual(['warm']);
      const template = await client.complete({
        ref: { type: 'ref/resource', uri: 'matrix://one/{number}' },
        argument: { name: 'number', value: '1' },
      });
      expect(template.completion.values).toEqual(['1', '11']);
      expect(metaOf(template)).not.toHaveProperty('progressToken');
    },
  },
};
