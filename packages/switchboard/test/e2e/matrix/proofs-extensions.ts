/** What goes beyond MCP: extensions in general, Apps, skills, tasks. */
import { expect } from 'vitest';

import type { Json } from '../../support/wire.ts';
import type { Proofs } from './cell.ts';
import { BARE } from './eavesdrop.ts';
import { PATIENCE_MS } from './inbox.ts';
import { CAPABILITIES } from './peer.ts';
import type { Peer } from './peer.ts';

const META = 'io.modelcontextprotocol/';
const TASKS = `${META}tasks`;
const PAGE = 'ui://matrix/page.html';
const SKILL = 'skill://matrix-skill/SKILL.md';

let requests = 0;

/** Sends a request past the SDK's client, which knows no extension, and gives the answer as it came. */
async function ask({ client, era, heard, name }: Peer, method: string, params: Json = {}): Promise<Json> {
  const id = `raw-${++requests}`;
  const extensions = { ...CAPABILITIES.extensions, [TASKS]: {} };
  const envelope = {
    [`${META}protocolVersion`]: '2026-07-28',
    [`${META}clientInfo`]: { name, version: '1' },
    [`${META}clientCapabilities`]: { ...CAPABILITIES, extensions },
  };
  const sent = era === 'modern' ? { ...params, _meta: envelope } : params;
  const { transport } = client as unknown as { transport: { send(message: Json): Promise<void> } };
  await transport.send({ jsonrpc: '2.0', id, method, params: sent }).catch((error: Error) => {
    // Over HTTP the SDK throws what is answered with another status than 200.
    heard.push(JSON.parse(/\{.*\}/s.exec(error.message)![0]) as Json);
  });
  const answer = (): Json | undefined => heard.find((message) => message['id'] === id && !('method' in message));
  await expect.poll(answer, { timeout: PATIENCE_MS }).toBeDefined();
  return answer()!;
}

const resultOf = (answer: Json): Json => {
  expect(answer['error']).toBeUndefined();
  return answer['result'] as Json;
};

/** What the server can do, as it came off the wire. */
async function capabilitiesOf(peer: Peer): Promise<Json> {
  const results = peer.heard.map(({ result }) => result as Json | undefined);
  const handshakeResult =
    peer.era === 'modern'
      ? resultOf(await ask(peer, 'server/discover'))
      : results.find((result) => result?.['capabilities'] !== undefined)!;
  return handshakeResult['capabilities'] as Json;
}

export const extensions: Proofs = {
  extensions: {
    async holds({ peer, server }) {
      const { extensions: told, experimental } = await capabilitiesOf(peer);
      expect(told).toMatchObject({
        'acme.example/matrix': { era: server },
        [`${META}ui`]: { mimeTypes: ['text/html;profile=mcp-app'] },
        [`${META}skills`]: {},
      });
      expect(experimental).toEqual({ 'acme.example/odd': { kept: true } });
    },
  },
  app: {
    async holds({ peer, server }) {
      const { tools } = await peer.client.listTools();
      const { _meta } = tools.find(({ name }) => name === 'show')!;
      expect(_meta).toMatchObject({ ui: { resourceUri: PAGE }, 'ui/resourceUri': PAGE });
      const { contents } = await peer.client.readResource({ uri: PAGE });
      expect(contents).toMatchObject([{ uri: PAGE, mimeType: 'text/html;profile=mcp-app', text: `<p>${server}</p>` }]);
    },
  },
  'app-call': {
    async holds({ peer, server }) {
      expect(await peer.call(`${BARE}refresh`)).toMatchObject({ content: [{ text: `${server} refreshes` }] });
    },
  },
  skills: {
    async holds({ peer }) {
      const cached = peer.era === 'modern' ? { ttlMs: expect.any(Number) as number, cacheScope: 'private' } : {};
      const { skills } = resultOf(await ask(peer, 'skills/list'));
      expect(skills).toMatchObject([{ uri: SKILL, frontmatter: { name: 'matrix-skill' } }]);
      expect(resultOf(await ask(peer, 'skills/get', { uri: SKILL }))).toMatchObject({
        skill: { uri: SKILL },
        ...cached,
      });
      const { contents } = await peer.client.readResource({ uri: SKILL });
      expect(contents).toMatchObject([{ uri: SKILL, text: expect.stringContaining('name: matrix-skill') as string }]);
    },
  },
  tasks: {
    async holds({ peer }) {
      const { tasks, extensions: told } = await capabilitiesOf(peer);
      if (peer.era === 'legacy') expect(tasks).toMatchObject({ requests: { tools: { call: {} } } });
      else expect(told).toHaveProperty([TASKS]);
      const call = { name: 'job', arguments: {}, ...(peer.era === 'legacy' && { task: { ttl: 60_000 } }) };
      const begun = resultOf(await ask(peer, 'tools/call', call));
      const { taskId } = (peer.era === 'legacy' ? begun['task'] : begun) as { taskId: string };
      const got = resultOf(await ask(peer, 'tasks/get', { taskId }));
      expect(got).toMatchObject({ taskId, status: 'completed' });
      const result = peer.era === 'legacy' ? resultOf(await ask(peer, 'tasks/result', { taskId })) : got['result'];
      expect(result).toMatchObject({ content: [{ type: 'text', text: 'job done' }] });
    },
    async fails({ peer }) {
      const { tasks, extensions: told } = await capabilitiesOf(peer);
      expect(tasks).toBeUndefined();
      expect(told).not.toHaveProperty([TASKS]);
      expect((await ask(peer, 'tasks/get', { taskId: 'any' }))['error']).toMatchObject({
        code: expect.any(Number) as number,
      });
    },
  },
};
