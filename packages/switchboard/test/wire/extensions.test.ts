/** Extensions by hand: what servers can do beside MCP crosses the eras, and at the merged address leads to the server that has it. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { modern, modernHeaders, startWithKeys } from '../support/access.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer } from '../support/keys.ts';
import { listed } from '../support/lists.ts';
import { WireClient, envelope, initializeParams, textOf } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const eras = ['legacy', 'modern'] as const;
type Era = (typeof eras)[number];
const META = 'io.modelcontextprotocol/';
const PAGE = 'ui://board/page.html';
const OF_B = 'ui://b.switchboard/board/page.html';
const able: Json = {
  elicitation: { form: {} },
  extensions: { [`${META}ui`]: { mimeTypes: ['text/html;profile=mcp-app'] }, 'acme.example/mine': { x: 1 } },
};
const program = fileURLToPath(new URL('../fixtures/extended-server.mjs', import.meta.url));
const extended = (era: Era, name: string, known = ''): UpstreamOptions => ({
  command: process.execPath,
  args: [program, era, name, known],
});

type Client = WireClient & { ask(method: string, params?: Json): Promise<Json>; handshakeResult: Json };

/** A client of either era that has introduced itself. */
async function clientOf(era: Era, url: string, capabilities: Json = able): Promise<Client> {
  const client = await WireClient.open(url);
  let id = 0;
  const ask = (method: string, params: Json = {}): Promise<Json> => {
    const _meta = { ...(params['_meta'] as Json), ...(era === 'modern' && envelope(capabilities)) };
    client.send({
      jsonrpc: '2.0',
      id: ++id,
      method,
      params: { ...params, ...(Object.keys(_meta).length > 0 && { _meta }) },
    });
    return client.answer(id);
  };
  const said = await (era === 'legacy' ? ask('initialize', initializeParams(capabilities)) : ask('server/discover'));
  if (era === 'legacy') client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return Object.assign(client, { ask, handshakeResult: said['result'] as Json });
}

const call = (client: Client, name: string, more: Json = {}): Promise<Json> =>
  client.ask('tools/call', { name, arguments: {}, ...more });
const capabilitiesOf = ({ handshakeResult }: Client): Json => handshakeResult['capabilities'] as Json;
const extensionsOf = (client: Client): Json => capabilitiesOf(client)['extensions'] as Json;
const resultOf = (answer: Json): Json => answer['result'] as Json;
const readBy = async (client: Client, uri: string): Promise<unknown> => {
  const answer = await client.ask('resources/read', { uri });
  return (resultOf(answer)['contents'] as Json[])[0];
};
const toolsOf = async (client: Client): Promise<Map<string, Json>> => {
  const tools = resultOf(await client.ask('tools/list'))['tools'] as Json[];
  return new Map(tools.map((tool) => [String(tool['name']), tool]));
};
const pageOf = (tool: Json | undefined): unknown => ((tool!['_meta'] as Json)['ui'] as Json)['resourceUri'];

describe.each(eras)('a %s client', (client) => {
  describe.each(eras)('of a %s server', (server) => {
    it.each(['session', 'shared'] as const)(
      'sees its extensions as they are, and it those of the client, isolation %s',
      async (isolation) => {
        const { ws } = await startGateway({ upstreams: { a: extended(server, 'a') }, isolation });
        const peer = await clientOf(client, ws);
        const { [`${META}tasks`]: tasks, ...others } = extensionsOf(peer);
        expect(others).toEqual({
          [`${META}ui`]: { mimeTypes: ['text/html;profile=mcp-app'] },
          [`${META}skills`]: { directoryRead: true },
          'acme.example/thing': { a: true },
        });
        expect(capabilitiesOf(peer)['experimental']).toEqual({ 'acme.example/odd': [1] });
        // What both eras call tasks is not the same.
        expect(tasks).toEqual(client === 'modern' && server === 'modern' ? {} : undefined);
        const hasLegacyTasks = client === 'legacy' && server === 'legacy' && isolation === 'session';
        expect('tasks' in capabilitiesOf(peer)).toBe(hasLegacyTasks);
        const told = JSON.parse(textOf(await call(peer, 'told'))) as Json;
        // A legacy server that many share was introduced to nobody in particular.
        expect(told).toEqual(server === 'legacy' && isolation === 'shared' ? {} : able);
      },
    );

    it('reads its skills, in results that its own era has', async () => {
      const { ws } = await startGateway({ upstreams: { a: extended(server, 'a') } });
      const peer = await clientOf(client, ws);
      const cached = client === 'modern' && server === 'legacy' ? { ttlMs: 0, cacheScope: 'private' } : {};
      const list = resultOf(await peer.ask('skills/list'));
      expect(list).toMatchObject({ skills: [{ uri: 'skill://notes/SKILL.md' }], ...cached });
      expect('resultType' in list).toBe(client === 'modern');
      expect(resultOf(await peer.ask('skills/get', { uri: 'skill://notes/SKILL.md' }))).toMatchObject({
        skill: {},
        ...cached,
      });
      const folder = resultOf(await peer.ask('resources/directory/read', { uri: 'skill://notes' }));
      expect(folder).toMatchObject({ resources: [{ uri: 'skill://notes/SKILL.md' }], ...cached });
    });
  });
});

describe('rules about resources', () => {
  it.each(eras)('hold for skills and folders too, in the %s era', async (era) => {
    const hidden = { ...extended(era, 'a'), resources: { deny: ['skill://notes/SKILL.md'] } };
    const peer = await clientOf(era, (await startGateway({ upstreams: { a: hidden } })).ws);
    expect(resultOf(await peer.ask('skills/list'))['skills']).toEqual([]);
    expect(resultOf(await peer.ask('resources/directory/read', { uri: 'skill://notes' }))['resources']).toEqual([]);
    const refused = await peer.ask('skills/get', { uri: 'skill://notes/SKILL.md' });
    expect(refused['error']).toMatchObject({ data: { code: 'SWB_UNKNOWN_NAME' } });
  });
});

describe.each(eras)('a %s client of several servers behind one address', (era) => {
  const two = { a: extended(era, 'a'), b: extended(era, 'b') };

  it('is told of the extensions of all', async () => {
    const upstreams = { a: extended('legacy', 'a'), b: extended('modern', 'b'), c: listed({ tools: ['x'] }) };
    const peer = await clientOf(era, (await startGateway({ upstreams })).all.ws);
    const { [`${META}tasks`]: tasks, ...others } = extensionsOf(peer);
    expect(others).toEqual({
      [`${META}ui`]: { mimeTypes: ['text/html;profile=mcp-app'] },
      [`${META}skills`]: { directoryRead: true },
      'acme.example/thing': { a: true, b: true },
    });
    expect(tasks).toEqual(era === 'modern' ? {} : undefined);
    expect(capabilitiesOf(peer)['tasks']).toEqual(
      era === 'legacy' ? { list: {}, cancel: {}, requests: { tools: { call: {} } } } : undefined,
    );
    expect(JSON.parse(textOf(await call(peer, 'b__told')))).toEqual(able);
  });

  it('is not told of tasks that a legacy server has for nobody in particular', async () => {
    const upstreams = { a: extended('legacy', 'a'), b: listed({ tools: ['x'] }) };
    const peer = await clientOf(era, (await startGateway({ upstreams, isolation: 'shared' })).all.ws);
    expect(capabilitiesOf(peer)).not.toHaveProperty('tasks');
  });

  it('reads each page from the server whose tool names it, though both have the same URI', async () => {
    const test = await startGateway({ upstreams: two });
    const peer = await clientOf(era, test.all.ws);
    const tools = await toolsOf(peer);
    expect(tools.get('a__show')?.['_meta']).toEqual({
      ui: { resourceUri: PAGE },
      'ui/resourceUri': PAGE,
      'acme.example/kept': [PAGE, 7],
    });
    expect(tools.get('b__show')?.['_meta']).toEqual({
      ui: { resourceUri: OF_B },
      'ui/resourceUri': OF_B,
      'acme.example/kept': [OF_B, 7],
    });
    expect(await readBy(peer, PAGE)).toEqual({ uri: PAGE, text: `a has ${PAGE}` });
    expect(await readBy(peer, OF_B)).toEqual({ uri: OF_B, text: `b has ${PAGE}` });
    const listed = resultOf(await peer.ask('resources/list'))['resources'] as Json[];
    expect(listed.map(({ uri }) => uri)).toEqual([
      PAGE,
      'skill://notes/SKILL.md',
      OF_B,
      'skill://b.switchboard/notes/SKILL.md',
    ]);
    expect(test.events.filter(({ type }) => type === 'catalogue.collision')).toEqual([]);
    // The same again, in the same order.
    expect([...(await toolsOf(peer))]).toEqual([...tools]);
    peer.socket.close();
    await expectEmpty(test);
  });

  it('reads a page that it was never told of here from the server whose tool names it', async () => {
    // Only `b` is an App, and `a` has whatever it is asked for.
    const upstreams = { a: listed({ tools: ['x'], resources: ['ui://x'], unlisted: [PAGE] }), b: extended(era, 'b') };
    const peer = await clientOf(era, (await startGateway({ upstreams })).all.ws);
    expect(await readBy(peer, PAGE)).toEqual({ uri: PAGE, text: `b has ${PAGE}` });
  });

  it('keeps the meaning of a URI when a server comes that has the same one', async () => {
    const test = await startGateway({ upstreams: { b: two.b, c: listed({ tools: ['x'] }) } });
    const first = await clientOf(era, test.all.ws);
    expect(pageOf((await toolsOf(first)).get('b__show'))).toBe(PAGE);
    test.gateway.reload({
      port: 0,
      rateLimit: 'unlimited',
      upstreams: { a: two.a, b: two.b, c: listed({ tools: ['x'] }) },
    });
    const second = await clientOf(era, test.all.ws);
    const tools = await toolsOf(second);
    expect(pageOf(tools.get('b__show'))).toBe(PAGE);
    expect(pageOf(tools.get('a__show'))).toBe('ui://a.switchboard/board/page.html');
    expect(await readBy(second, PAGE)).toMatchObject({ text: `b has ${PAGE}` });
    expect(await readBy(second, 'ui://a.switchboard/board/page.html')).toMatchObject({ text: `a has ${PAGE}` });
  });

  it('finds links in results leading to the server that gave them, and what is no link as it was', async () => {
    const peer = await clientOf(era, (await startGateway({ upstreams: two })).all.ws);
    await toolsOf(peer);
    const shown = resultOf(await call(peer, 'b__show'));
    expect(shown).toMatchObject({
      structuredContent: { uri: PAGE, taskId: 'mine' },
      _meta: { ui: { resourceUri: OF_B } },
    });
    const links = (resultOf(await call(peer, 'b__link'))['content'] as Json[]).map(({ uri }) => uri);
    expect(links).toEqual(['ui://made/b.html', OF_B]);
    expect(await readBy(peer, 'ui://made/b.html')).toMatchObject({ text: 'b has ui://made/b.html' });
    const missing = await peer.ask('resources/read', { uri: 'ui://b.switchboard/nowhere' });
    expect(missing['error']).toMatchObject({ data: { uri: 'ui://b.switchboard/nowhere' } });
  });

  it("reaches a page's tools by the names that the page knows, where one server only can be meant", async () => {
    const test = await startGateway({ upstreams: { ...two, c: listed({ tools: ['plain'] }) } });
    const peer = await clientOf(era, test.all.ws);
    expect(textOf(await call(peer, 'only-b'))).toBe('b alone');
    // Both have it, and no page was read.
    expect((await call(peer, 'refresh'))['error']).toMatchObject({
      code: -32602,
      message: expect.stringContaining('call a__refresh or b__refresh'),
    });
    await toolsOf(peer);
    await readBy(peer, OF_B);
    expect(textOf(await call(peer, 'refresh'))).toBe('b refreshes');
    // Somebody else has read none.
    const stranger = await clientOf(era, test.all.ws);
    expect((await call(stranger, 'refresh'))['error']).toMatchObject({ code: -32602 });
    await readBy(peer, PAGE);
    expect((await call(peer, 'refresh'))['error']).toMatchObject({ code: -32602 });
    // A server without pages is reached by the full name only.
    expect((await call(peer, 'plain'))['error']).toMatchObject({ data: { code: 'SWB_UNKNOWN_NAME' } });
  });

  it('hears of a page that changes under the URI that it watches', async () => {
    const peer = await clientOf(era, (await startGateway({ upstreams: two })).all.ws);
    await toolsOf(peer);
    if (era === 'legacy') expect(await peer.ask('resources/subscribe', { uri: OF_B })).toHaveProperty('result');
    else {
      await peer.listen({ resourceSubscriptions: [OF_B] }, able);
    }
    await call(peer, 'b__touch', { arguments: { uri: PAGE } });
    expect((await peer.notification('notifications/resources/updated'))['params']).toMatchObject({ uri: OF_B });
    if (era === 'legacy') expect(await peer.ask('resources/unsubscribe', { uri: OF_B })).toHaveProperty('result');
  });

  it('finds the skills of all, and each leads to its server', async () => {
    const peer = await clientOf(
      era,
      (await startGateway({ upstreams: { ...two, c: listed({ tools: ['x'] }) } })).all.ws,
    );
    const { skills } = resultOf(await peer.ask('skills/list')) as { skills: Json[] };
    expect(skills).toEqual([
      {
        uri: 'skill://notes/SKILL.md',
        frontmatter: { name: 'notes' },
        resources: [{ uri: 'skill://notes/more.md', digest: 'd' }],
      },
      {
        uri: 'skill://b.switchboard/notes/SKILL.md',
        frontmatter: { name: 'notes' },
        resources: [{ uri: 'skill://b.switchboard/notes/more.md', digest: 'd' }],
      },
    ]);
    const { skill } = resultOf(await peer.ask('skills/get', { uri: 'skill://b.switchboard/notes/SKILL.md' }));
    expect(skill).toEqual(skills[1]);
    expect(await readBy(peer, 'skill://b.switchboard/notes/more.md')).toMatchObject({
      text: 'b has skill://notes/more.md',
    });
    const folder = await peer.ask('resources/directory/read', { uri: 'skill://b.switchboard/notes' });
    expect(resultOf(folder)['resources']).toEqual([{ uri: 'skill://b.switchboard/notes/SKILL.md', name: 'skill' }]);
  });

  it('has a method that nobody knows served where it names a tool, or by the only server that can be meant', async () => {
    const upstreams = { a: listed({ tools: ['x'] }), b: extended(era, 'b') };
    const peer = await clientOf(era, (await startGateway({ upstreams })).all.ws);
    expect(resultOf(await peer.ask('acme/do', { x: 1 }))).toMatchObject({ by: 'b', x: 1 });
    const other = await clientOf(era, (await startGateway({ upstreams: two })).all.ws);
    expect(resultOf(await other.ask('acme/do', { name: 'b__tool' }))).toMatchObject({ by: 'b', name: 'tool' });
    expect((await other.ask('acme/do', { x: 1 }))['error']).toMatchObject({
      code: -32601,
      message: expect.stringContaining('/mcp/a, /mcp/b'),
    });
  });

  it('reaches a task where it was begun, by an id that is good for its principal alone', async () => {
    const test = await startGateway({ upstreams: { one: servers.scripted, ...two } });
    const capabilities = era === 'modern' ? { extensions: { [`${META}tasks`]: {} } } : able;
    const peer = await clientOf(era, test.all.ws, capabilities);
    const begun = resultOf(await call(peer, 'b__job', era === 'legacy' ? { task: { ttl: 60_000 } } : {}));
    const taskId = (era === 'legacy' ? (begun['task'] as Json) : begun)['taskId'] as string;
    expect(begun['resultType']).toBe(era === 'modern' ? 'task' : undefined);
    expect(taskId).not.toContain('task-1');
    const got = resultOf(await peer.ask('tasks/get', { taskId }));
    expect(got).toMatchObject({ taskId });
    if (era === 'modern') {
      expect(got['result']).toMatchObject({ content: [{ text: 'b did task-1' }] });
      await peer.listen({ taskIds: [taskId] }, capabilities);
      const updated = await peer.ask('tasks/update', { taskId, inputResponses: { r: 1 } });
      expect(resultOf(updated)).toMatchObject({ said: { r: 1 } });
      expect((await peer.notification('notifications/tasks'))['params']).toMatchObject({ taskId, status: 'working' });
    } else {
      const { tasks } = resultOf(await peer.ask('tasks/list')) as { tasks: Json[] };
      expect(tasks.map((task) => task['taskId'])).toContain(taskId);
      expect(new Set(tasks.map((task) => task['taskId'])).size).toBe(2);
      peer.send({ jsonrpc: '2.0', id: 'r', method: 'tasks/result', params: { taskId } });
      const status = await peer.notification('notifications/tasks/status');
      expect(status['params']).toMatchObject({ taskId, status: 'input_required' });
      const question = await peer.request('elicitation/create');
      const related = { _meta: { [`${META}related-task`]: { taskId } } };
      expect(question['params']).toMatchObject({ message: 'b', ...related });
      peer.send({ jsonrpc: '2.0', id: question['id'], result: { action: 'decline', ...related } });
      const result = await peer.answer('r');
      expect(textOf(result)).toContain('b did task-1');
      expect(textOf(result)).toContain('"taskId":"task-1"');
      expect(resultOf(result)).toMatchObject(related);
    }
    expect(await peer.ask('tasks/cancel', { taskId })).toHaveProperty('result');
    for (const other of ['task-1', `${taskId}x`, 7]) {
      expect((await peer.ask('tasks/get', { taskId: other }))['error'], String(other)).toMatchObject({ code: -32602 });
    }
  });
});

describe('the id of a task', () => {
  it('means nothing to another principal', async () => {
    const upstreams = { a: extended('modern', 'a'), b: extended('modern', 'b') };
    const test = await startWithKeys({ upstreams });
    const ask = async (key: string, method: string, name: string, params: Json): Promise<Json> => {
      const headers = { ...bearer(key), ...modernHeaders(method, name) };
      const body = modern(1, method, params, { extensions: { [`${META}tasks`]: {} } });
      return JSON.parse((await http(test.all.http, { headers, body })).body) as Json;
    };
    const { taskId } = resultOf(await ask(test.ann, 'tools/call', 'b__job', { name: 'b__job' })) as { taskId: string };
    expect(resultOf(await ask(test.ann, 'tasks/get', taskId, { taskId }))).toMatchObject({ taskId });
    expect((await ask(test.ben, 'tasks/get', taskId, { taskId }))['error']).toMatchObject({ code: -32602 });
  });
});
