/** Several servers behind one address, by hand: names, pages, who has a resource, who is missing, and nobody hears a stranger. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { listed } from '../support/lists.ts';
import { WireClient, envelope, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const eras = ['legacy', 'modern'] as const;
type Era = (typeof eras)[number];
const able = { elicitation: { form: {} } };

/** A client of either era, with the few differences put aside. */
async function clientOf(
  era: Era,
  url: string,
): Promise<WireClient & { ask(method: string, params?: Json): Promise<Json> }> {
  const client = era === 'legacy' ? await WireClient.session(url, able) : await WireClient.open(url);
  let id = 100;
  const ask = (method: string, params: Json = {}): Promise<Json> => {
    const own = { ...(params['_meta'] as Json), ...(era === 'modern' && envelope(able)) };
    client.send({
      jsonrpc: '2.0',
      id: ++id,
      method,
      params: { ...params, ...(Object.keys(own).length > 0 && { _meta: own }) },
    });
    return client.answer(id);
  };
  return Object.assign(client, { ask });
}

const namesIn = (answer: Json, list: string, key = 'name'): unknown[] =>
  ((answer['result'] as Json)[list] as Json[]).map((item) => item[key]);
const codeOf = (answer: Json): unknown => ((answer['error'] as Json)['data'] as Json)['code'];
const missing = ({ events }: TestGateway): unknown[] =>
  events.flatMap((event) => (event.type === 'catalogue.missing' ? [[event.upstream, event.reason]] : []));

/** A server that ends at once until a gate is opened. */
function gated(): { upstream: UpstreamOptions; open(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const gate = join(folder, 'open');
  const program = `require('node:fs').existsSync(${JSON.stringify(gate)}) ? import(process.argv[1]) : process.exit(4)`;
  const { command, args } = servers.scripted;
  return { upstream: { command, args: ['-e', program, args[0]] }, open: () => writeFileSync(gate, '') };
}

describe.each(eras)('a %s client of several servers behind one address', (era) => {
  it('is told what all of them can do, and what each says of itself', async () => {
    const test = await startGateway({ upstreams: { one: servers.scripted, two: listed({ prompts: ['p'] }) } });
    const client = await WireClient.open(test.all.ws);
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'me', version: '1' } };
    client.send({
      jsonrpc: '2.0',
      id: 1,
      method: era === 'legacy' ? 'initialize' : 'server/discover',
      params: era === 'legacy' ? params : { _meta: envelope() },
    });
    const result = (await client.answer(1))['result'] as Json;
    expect(result['capabilities']).toEqual({
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      logging: {},
    });
    expect(result['instructions']).toMatch(/two underscores\.\n\none:\nhello (me|wire) \{\}$/);
    const serverInfo = { name: 'mcp-switchboard', version: '0.1.0' };
    if (era === 'legacy') expect(result).toMatchObject({ protocolVersion: '2025-06-18', serverInfo });
    else {
      const _meta = { 'io.modelcontextprotocol/serverInfo': serverInfo };
      expect(result).toMatchObject({ resultType: 'complete', supportedVersions: ['2026-07-28'], _meta });
    }
  });

  it('finds tools and prompts under the name of their server, and reaches them by it', async () => {
    const upstreams = {
      one: listed({ tools: ['x', 'with__two'], prompts: ['p'], says: 'one says ' }),
      two: listed({ tools: ['x'], prompts: ['p'], says: 'two says ' }),
    };
    const client = await clientOf(era, (await startGateway({ upstreams })).all.ws);
    expect(namesIn(await client.ask('tools/list'), 'tools')).toEqual(['one__x', 'one__with__two', 'two__x']);
    expect(namesIn(await client.ask('prompts/list'), 'prompts')).toEqual(['one__p', 'two__p']);
    expect(textOf(await client.ask('tools/call', { name: 'two__x' }))).toBe('two says x');
    expect(textOf(await client.ask('tools/call', { name: 'one__with__two' }))).toBe('one says with__two');
    expect((await client.ask('prompts/get', { name: 'two__p' }))['result']).toMatchObject({
      messages: [{ content: { text: 'two says p' } }],
    });
  });

  it.each(['x', 'three__x', '__x', '', 'constructor', undefined])('is told that there is no tool %j', async (name) => {
    const upstreams = { one: listed({ tools: ['x'] }), two: listed({ tools: ['x'] }) };
    const client = await clientOf(era, (await startGateway({ upstreams })).all.ws);
    const answer = await client.ask('tools/call', { name });
    expect(answer['error']).toMatchObject({ code: -32602, data: { code: 'SWB_UNKNOWN_NAME' } });
  });

  it('reaches each tool by one name only, though names and servers may look alike', async () => {
    const upstreams = {
      a: listed({ tools: ['b__x', 'y', '_z'], says: 'a says ' }),
      a__b: listed({ tools: ['x'], says: 'a__b says ' }),
      a_: listed({ tools: ['z'], says: 'a_ says ' }),
    };
    const test = await startGateway({ upstreams });
    const client = await clientOf(era, test.all.ws);
    const names = namesIn(await client.ask('tools/list'), 'tools');
    expect(names).toEqual(['a__y', 'a__b__x', 'a___z']);
    expect(textOf(await client.ask('tools/call', { name: 'a__b__x' }))).toBe('a__b says x');
    expect(textOf(await client.ask('tools/call', { name: 'a___z' }))).toBe('a_ says z');
    await client.ask('tools/list');
    expect(test.events.filter(({ type }) => type === 'catalogue.collision')).toEqual([
      { type: 'catalogue.collision', kind: 'tools', name: 'a__b__x', upstream: 'a', winner: 'a__b' },
      { type: 'catalogue.collision', kind: 'tools', name: 'a___z', upstream: 'a', winner: 'a_' },
    ]);
  });

  it('can use names that would be too long, whether or not it has seen the list', async () => {
    const long = (end: string): string => `${'long'.repeat(20)}${end}`;
    const tools = [long('1'), long('2'), 'short'];
    const upstreams = { one: listed({ tools }), two: listed({ tools: ['x'] }) };
    const first = await startGateway({ upstreams });
    const names = namesIn(await (await clientOf(era, first.all.ws)).ask('tools/list'), 'tools') as string[];
    expect(names.map(({ length }) => length)).toEqual([64, 64, 10, 6]);
    expect(new Set(names).size).toBe(4);
    // Another Switchboard, which nobody has asked for its list.
    const client = await clientOf(era, (await startGateway({ upstreams })).all.ws);
    expect(textOf(await client.ask('tools/call', { name: names[1] }))).toBe(long('2'));
    expect(textOf(await client.ask('tools/call', { name: names[0] }))).toBe(long('1'));
  });

  it('reads lists page by page, and each entry once', async () => {
    const upstreams = {
      one: listed({ tools: ['a', 'b', 'c', 'd', 'e'], pageSize: 2 }),
      two: listed({ tools: ['f'] }),
      three: listed({ tools: ['g', 'h', 'i'], pageSize: 2 }),
    };
    const client = await clientOf(era, (await startGateway({ upstreams })).all.ws);
    const pages: unknown[][] = [];
    let cursor: unknown;
    do {
      const answer = await client.ask('tools/list', cursor === undefined ? {} : { cursor });
      pages.push(namesIn(answer, 'tools'));
      cursor = (answer['result'] as Json)['nextCursor'];
    } while (cursor !== undefined);
    expect(pages).toEqual([
      ['one__a', 'one__b', 'two__f', 'three__g', 'three__h'],
      ['one__c', 'one__d', 'three__i'],
      ['one__e'],
    ]);
  });

  it('cannot make up a cursor, nor use one for another list', async () => {
    const paged = { tools: ['a', 'b'], prompts: ['p', 'q'], pageSize: 1 };
    const client = await clientOf(
      era,
      (await startGateway({ upstreams: { one: listed(paged), two: listed(paged) } })).all.ws,
    );
    const { nextCursor } = (await client.ask('tools/list'))['result'] as { nextCursor: string };
    const [body, code] = nextCursor.split('.');
    const forged = Buffer.from(JSON.stringify([['one', '1']])).toString('base64url');
    for (const cursor of [
      '',
      '1',
      'nonsense',
      body,
      `${forged}.${code}`,
      `${nextCursor}.`,
      `${nextCursor.slice(0, -4)}AAAA`,
      5,
    ]) {
      const answer = await client.ask('tools/list', { cursor });
      expect(answer['error'], String(cursor)).toMatchObject({ code: -32602, data: { code: 'SWB_INVALID_PARAMS' } });
      expect((answer['error'] as Json)['message']).toContain('begin without a cursor');
    }
    expect(codeOf(await client.ask('prompts/list', { cursor: nextCursor }))).toBe('SWB_INVALID_PARAMS');
    expect(namesIn(await client.ask('tools/list', { cursor: nextCursor }), 'tools')).toEqual(['one__b', 'two__b']);
  });

  it('reads each resource from the server that has it: the first that lists it, has a template for it, or knows its scheme', async () => {
    const upstreams = {
      one: listed({ resources: ['both://1', 'mine://1'], templates: ['mine://t/{x}'], says: '1 ' }),
      two: listed({ resources: ['both://1', 'mine://2', 'mine://t/7'], unlisted: ['mine://secret'], says: '2 ' }),
      three: listed({ resources: ['other://1'], templates: ['any:{+path}'], says: '3 ' }),
    };
    const test = await startGateway({ upstreams });
    const client = await clientOf(era, test.all.ws);
    expect(namesIn(await client.ask('resources/list'), 'resources', 'uri')).toEqual([
      'both://1',
      'mine://1',
      'mine://2',
      'mine://t/7',
      'other://1',
    ]);
    expect(test.events).toContainEqual({
      type: 'catalogue.collision',
      kind: 'resources',
      name: 'both://1',
      upstream: 'two',
      winner: 'one',
    });
    const read = async (uri: string): Promise<unknown> => {
      const { result, error } = await client.ask('resources/read', { uri });
      return error ?? ((result as Json)['contents'] as Json[])[0]!['text'];
    };
    for (const [uri, text] of [
      ['both://1', '1 both://1'],
      ['mine://2', '2 mine://2'],
      ['mine://t/7', '2 mine://t/7'],
      ['mine://secret', '2 mine://secret'],
      ['any:thing/at?all', '3 any:thing/at?all'],
    ] as const) {
      expect(await read(uri)).toBe(text);
    }
    expect(await read('mine://nobody')).toMatchObject({ code: -32602, message: expect.stringContaining('no such') });
    expect(await read('unheard://of')).toMatchObject({ data: { code: 'SWB_UNKNOWN_NAME' } });
  });

  it('is asked by any of the servers, and the answer reaches the one that asked', async () => {
    const test = await startGateway({ upstreams: { one: servers.scripted, two: servers.scripted } });
    const client = await clientOf(era, test.all.ws);
    const params = { name: 'two__ask', arguments: { message: 'who?' } };
    if (era === 'legacy') {
      client.send(toolCall(1, 'two__ask', { message: 'who?' }));
      const question = await client.request('elicitation/create');
      expect(question['params']).toMatchObject({ message: 'who?' });
      client.send({ jsonrpc: '2.0', id: question['id'], result: { action: 'accept', content: { n: 1 } } });
      expect(JSON.parse(textOf(await client.answer(1)))).toEqual({ action: 'accept', content: { n: 1 } });
    } else {
      const { requestState } = (await client.ask('tools/call', params))['result'] as Json;
      expect(test.gateway.stats.parked).toBe(1);
      const inputResponses = { r1: { action: 'accept', content: { n: 1 } } };
      // The handle is good for this tool of this server only.
      const elsewhere = await client.ask('tools/call', { ...params, name: 'one__ask', inputResponses, requestState });
      expect(elsewhere['error']).toMatchObject({ code: -32602 });
      const answer = await client.ask('tools/call', { ...params, inputResponses, requestState });
      expect(JSON.parse(textOf(answer))).toEqual({ action: 'accept', content: { n: 1 } });
    }
    client.socket.close();
    await expectEmpty(test);
  });

  it('cancels a call where it runs, and hears nothing more of it', async () => {
    const test = await startGateway({
      upstreams: { one: servers.scripted, two: servers.scripted },
      isolation: 'shared',
    });
    const client = await clientOf(era, test.all.ws);
    const meta = era === 'modern' ? envelope(able) : {};
    client.send(toolCall(7, 'two__slow', { ms: 60_000, steps: 6000 }, { ...meta, progressToken: 'mine' }));
    expect((await client.notification('notifications/progress'))['params']).toMatchObject({ progressToken: 'mine' });
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
    const seen = async (name: string): Promise<unknown> => JSON.parse(textOf(await client.ask('tools/call', { name })));
    await expect.poll(() => seen('two__seen')).toContain('notifications/cancelled');
    expect(await seen('one__seen')).not.toContain('notifications/cancelled');
    expect(client.received.filter(({ id }) => id === 7)).toEqual([]);
  });

  it('hears of changes in any of the servers, and of the resources that it watches and no others', async () => {
    const test = await startGateway({ upstreams: { one: servers.scripted, two: servers.demo }, isolation: 'shared' });
    const [client, stranger] = [await clientOf(era, test.all.ws), await clientOf(era, test.all.ws)];
    if (era === 'modern') {
      const notifications = { toolsListChanged: true, resourceSubscriptions: ['x://1', 'demo://notes'] };
      client.send({
        jsonrpc: '2.0',
        id: 'l',
        method: 'subscriptions/listen',
        params: { notifications, _meta: envelope() },
      });
      expect((await client.notification('notifications/subscriptions/acknowledged'))['params']).toEqual({
        notifications: {
          toolsListChanged: true,
          resourceSubscriptions: expect.arrayContaining(['x://1', 'demo://notes']),
        },
        _meta: { 'io.modelcontextprotocol/subscriptionId': 'l' },
      });
    } else {
      for (const uri of ['x://1', 'demo://notes']) {
        expect(await client.ask('resources/subscribe', { uri })).toHaveProperty('result');
      }
    }
    await stranger.ask('tools/call', { name: 'one__update', arguments: { uri: 'x://2' } });
    await stranger.ask('tools/call', { name: 'one__update', arguments: { uri: 'x://1' } });
    expect((await client.notification('notifications/resources/updated'))['params']).toMatchObject({ uri: 'x://1' });
    await stranger.ask('tools/call', { name: 'two__note_add', arguments: { text: 'new' } });
    expect((await client.notification('notifications/resources/updated'))['params']).toMatchObject({
      uri: 'demo://notes',
    });
    await stranger.ask('tools/call', { name: 'one__change' });
    await client.notification('notifications/tools/list_changed');
    expect(stranger.received.filter(({ method }) => method === 'notifications/resources/updated')).toEqual([]);
    if (era === 'legacy') {
      expect(await client.ask('resources/unsubscribe', { uri: 'x://1' })).toHaveProperty('result');
      expect(textOf(await stranger.ask('tools/call', { name: 'one__subscribed' }))).toBe('[]');
    }
    client.socket.close();
    stranger.socket.close();
    await expectEmpty(test, { members: 2 });
  });

  it('does without a server that cannot start, and is told when it is there', async () => {
    const { upstream, open } = gated();
    const test = await startGateway({ upstreams: { broken: upstream, one: servers.scripted } });
    const client = await clientOf(era, test.all.ws);
    if (era === 'modern') {
      await client.listen({ toolsListChanged: true }, able);
    }
    const names = async (): Promise<string[]> => namesIn(await client.ask('tools/list'), 'tools') as string[];
    expect((await names()).filter((name) => !name.startsWith('one__'))).toEqual([]);
    expect(textOf(await client.ask('tools/call', { name: 'one__echo', arguments: { text: 'well' } }))).toBe('well');
    expect((await client.ask('tools/call', { name: 'broken__echo' }))['error']).toMatchObject({ code: 31001 });
    expect(missing(test)).toEqual([['broken', expect.stringContaining('exit')]]);
    open();
    await client.notification('notifications/tools/list_changed');
    await expect.poll(names, { timeout: 5000 }).toContain('broken__echo');
    expect(textOf(await client.ask('tools/call', { name: 'broken__echo', arguments: { text: 'back' } }))).toBe('back');
    if (era === 'legacy') {
      const seen = textOf(await client.ask('tools/call', { name: 'broken__seen' }));
      expect((JSON.parse(seen) as string[]).slice(0, 2)).toEqual(['initialize', 'notifications/initialized']);
    }
    client.socket.close();
    await expectEmpty(test);
  });

  it('is not kept from a server because somebody else could not have it', async () => {
    const { upstream, open } = gated();
    const test = await startGateway({ upstreams: { broken: upstream, one: servers.scripted } });
    const first = await clientOf(era, test.all.ws);
    expect(namesIn(await first.ask('tools/list'), 'tools')).not.toContain('broken__echo');
    first.socket.close();
    await first.closed;
    open();
    const second = await clientOf(era, test.all.ws);
    expect(namesIn(await second.ask('tools/list'), 'tools')).toContain('broken__echo');
  });

  it('waits for a server that says nothing only so long', async () => {
    const upstreams = { slow: listed({ tools: ['x'], hangs: true }), one: listed({ tools: ['y'] }) };
    const test = await startGateway({ upstreams, startTimeout: '300ms' });
    const client = await clientOf(era, test.all.ws);
    expect(namesIn(await client.ask('tools/list'), 'tools')).toEqual(['one__y']);
    expect(missing(test)).toEqual([['slow', expect.stringContaining('tools/list')]]);
    expect(textOf(await client.ask('tools/call', { name: 'slow__x' }))).toBe('x');
  });

  it('does not wait again for a server that answered no list in time, until it answers', async () => {
    let hangs = true;
    const hanging = listed({ tools: ['x'], hangs: () => hangs });
    const test = await startGateway({ upstreams: { slow: hanging, one: servers.scripted }, startTimeout: '4s' });
    const client = await clientOf(era, test.all.ws);
    const names = async (): Promise<unknown[]> => namesIn(await client.ask('tools/list'), 'tools');
    expect(await names()).not.toContain('slow__x');
    const order: string[] = [];
    const call = client
      .ask('tools/call', { name: 'one__slow', arguments: { ms: 2000 } })
      .then(() => void order.push('a call of half the time'));
    expect(await names()).not.toContain('slow__x');
    order.push('list');
    await call;
    expect(order).toEqual(['list', 'a call of half the time']);
    expect(missing(test)).toHaveLength(1);
    hangs = false;
    expect(await names()).toContain('slow__x');
    hangs = true;
    expect(await names()).not.toContain('slow__x');
    // It was well meanwhile, so this is told again.
    expect(missing(test)).toHaveLength(2);
  }, 20_000);

  it('is told so when none of the servers can be had', async () => {
    const test = await startGateway({ upstreams: { a: gated().upstream, b: gated().upstream } });
    const client = await WireClient.open(test.all.ws);
    const params = { protocolVersion: '2025-11-25', capabilities: {} };
    client.send(
      era === 'legacy'
        ? { jsonrpc: '2.0', id: 1, method: 'initialize', params }
        : { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: envelope() } },
    );
    expect((await client.answer(1))['error']).toMatchObject({ data: { code: 'SWB_UPSTREAM_UNAVAILABLE' } });
  });

  it('is refused what names no server', async () => {
    const client = await clientOf(
      era,
      (await startGateway({ upstreams: { one: servers.scripted, two: servers.demo } })).all.ws,
    );
    const { error } = await client.ask('acme/echo');
    expect(error).toMatchObject({ code: -32601, message: expect.stringContaining('/mcp/one, /mcp/two') });
  });
});

describe('a modern client that listens', () => {
  it('hears first what it will hear, though one server takes long and another has much to tell', async () => {
    const silent = { command: process.execPath, args: ['-e', 'process.stdin.resume()'] };
    const upstreams = { one: servers.scripted, silent };
    const test = await startGateway({ upstreams, isolation: 'shared', startTimeout: '1500ms' });
    const stranger = await clientOf('modern', new URL('/mcp/one', test.ws).href);
    await stranger.ask('tools/call', { name: 'pid' });
    const client = await WireClient.open(test.all.ws);
    const heard: string[] = [];
    client.socket.on('message', (data: Buffer) =>
      heard.push((JSON.parse(data.toString()) as Json)['method'] as string),
    );
    const params = { notifications: { toolsListChanged: true }, _meta: envelope() };
    client.send({ jsonrpc: '2.0', id: 'l', method: 'subscriptions/listen', params });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    await stranger.ask('tools/call', { name: 'change' });
    expect(heard).toEqual([]);
    await client.notification('notifications/tools/list_changed');
    expect(heard).toEqual(['notifications/subscriptions/acknowledged', 'notifications/tools/list_changed']);
  });
});

describe('what a modern client may keep of a merged list', () => {
  it.each([
    [
      [
        { ttlMs: 5000, cacheScope: 'public' },
        { ttlMs: 900, cacheScope: 'public' },
      ],
      { ttlMs: 900, cacheScope: 'public' },
    ],
    [
      [
        { ttlMs: 5000, cacheScope: 'public' },
        { ttlMs: 900, cacheScope: 'private' },
      ],
      { ttlMs: 900, cacheScope: 'private' },
    ],
  ] as const)('is as much as it may keep of each: %j', async ([a, b], expected) => {
    const upstreams = { one: listed({ tools: ['x'], cache: a }), two: listed({ tools: ['y'], cache: b }) };
    const client = await clientOf('modern', (await startGateway({ upstreams })).all.ws);
    expect((await client.ask('tools/list'))['result']).toMatchObject(expected);
  });

  it('is nothing while a server is missing, or speaks the legacy era', async () => {
    const cache = { ttlMs: 5000, cacheScope: 'public' } as const;
    for (const other of [gated().upstream, servers.scripted]) {
      const upstreams = { one: listed({ tools: ['x'], cache }), two: other };
      const client = await clientOf('modern', (await startGateway({ upstreams })).all.ws);
      expect((await client.ask('tools/list'))['result']).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
    }
  });
});

describe('two clients with the same ids and tokens on the same servers behind one address', () => {
  it.each(['session', 'shared'] as const)('hear only what is theirs, isolation %s', async (isolation) => {
    const test = await startGateway({ upstreams: { one: servers.scripted, two: servers.demo }, isolation });
    const clients = await Promise.all(
      ['crimson', 'azure', 'emerald', 'ivory'].map(async (name, n) => {
        const era: Era = n % 2 === 0 ? 'legacy' : 'modern';
        const client = await clientOf(era, test.all.ws);
        const heard: string[] = [];
        client.socket.on('message', (data: Buffer) => heard.push(data.toString()));
        return { name, client, heard, meta: era === 'modern' ? envelope(able) : {} };
      }),
    );
    await Promise.all(
      clients.map(async ({ name, client, meta }) => {
        for (let id = 1; id <= 40; id++) {
          const args = { ms: 5, steps: 2, text: `${name}-${id}` };
          const tool = id % 2 === 0 ? 'one__slow' : 'one__echo';
          const [said, sum] = await Promise.all([
            client.call(id, tool, args, { ...meta, progressToken: id }),
            client.call(`${id}`, 'two__add', { a: id, b: name.length }, { ...meta, progressToken: `${id}` }),
          ]);
          expect(textOf(said)).toBe(`${name}-${id}`);
          expect((sum['result'] as Json)['structuredContent']).toEqual({ sum: id + name.length });
        }
      }),
    );
    for (const { name, heard } of clients) {
      const strangers = clients.filter(
        (other) => other.name !== name && heard.some((text) => text.includes(other.name)),
      );
      expect(strangers.map((other) => other.name)).toEqual([]);
      expect(heard.some((text) => text.includes('notifications/progress') && text.includes(name))).toBe(true);
    }
    for (const { client } of clients) client.socket.close();
    await expectEmpty(test, { members: isolation === 'shared' ? 2 : 0 });
  });

  it('over HTTP, get a server of their own while it may ask', async () => {
    const test = await startGateway({ upstreams: { one: servers.scripted, two: servers.demo } });
    const headers = (name: string): Record<string, string> => ({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
    });
    const post = async (name: string, args: Json, more: Json = {}): Promise<Json> => {
      const body = {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name, arguments: args, ...more, _meta: envelope(able) },
      };
      return JSON.parse((await http(test.all.http, { headers: headers(name), body })).body) as Json;
    };
    const asked = await Promise.all(['red', 'blue'].map((message) => post('one__ask', { message })));
    for (const [n, message] of ['red', 'blue'].entries()) {
      const { inputRequests, requestState } = asked[n]!['result'] as { inputRequests: Json; requestState: string };
      expect(inputRequests['r1']).toMatchObject({ params: { message } });
      const inputResponses = { r1: { action: 'accept', content: { message } } };
      const answer = await post('one__ask', { message }, { requestState, inputResponses });
      expect(JSON.parse(textOf(answer))).toEqual({ action: 'accept', content: { message } });
    }
    expect(test.events.filter((event) => event.type === 'member.started' && event.upstream === 'one')).toHaveLength(2);
  });
});
