/** What the configuration hides of a server: in no list, and refused by its name, at every address and in both eras. */
import { describe, expect, it } from 'vitest';

import { createGateway } from '../../src/gateway/gateway.ts';
import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { CallerAudience } from '../../src/router/audience.ts';
import type { Exchange, Member, Outcome, Scope, Slot } from '../../src/router/exchange.ts';
import { viewOfRules } from '../../src/router/view.ts';
import type { View } from '../../src/router/view.ts';
import { FilteredUpstream } from '../../src/router/filtered-upstream.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { listed } from '../support/lists.ts';
import { WireClient, envelope, textOf } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const other = listed({ tools: ['x'] });
const secret = {
  ...listed({
    tools: ['read', 'read_all', 'drop', 'drop_all'],
    prompts: ['kind', 'rude'],
    resources: ['s://open/1', 's://open/2', 's://closed/1'],
    templates: ['s://open/{x}', 's://closed/{x}'],
  }),
  tools: { allow: ['read*', 'drop'], deny: ['*_all'] },
  prompts: { deny: ['rude'] },
  resources: { allow: ['s://open/*'] },
  describe: { read: 'reads with care' },
} satisfies UpstreamOptions;

/** The four ways to the same server: by its own address and by that of all, in both eras. */
const ways = (['legacy', 'modern'] as const).flatMap((era) => [
  { era, path: '/mcp/secret', prefix: '' },
  { era, path: '/mcp', prefix: 'secret__' },
]);

type Ask = (method: string, params?: Json) => Promise<Json>;

async function open(era: string, test: TestGateway, path: string): Promise<{ client: WireClient; ask: Ask }> {
  const url = new URL(path, test.ws).href;
  const client = era === 'legacy' ? await WireClient.session(url) : await WireClient.open(url);
  let id = 100;
  const ask: Ask = (method, params = {}) => {
    const _meta = era === 'modern' && { _meta: envelope() };
    client.send({ jsonrpc: '2.0', id: ++id, method, params: { ...params, ..._meta } });
    return client.answer(id);
  };
  return { client, ask };
}

describe.each(ways)('a $era client at $path', ({ era, path, prefix }) => {
  const at = async (
    upstream: UpstreamOptions = secret,
  ): Promise<{ test: TestGateway; client: WireClient; ask: Ask }> => {
    const test = await startGateway({ upstreams: { secret: upstream, other } });
    return { test, ...(await open(era, test, path)) };
  };
  const own = (names: unknown[]): unknown[] => names.filter((name) => !String(name).startsWith('other__'));

  it('finds in the lists what is allowed and not denied, and descriptions as configured', async () => {
    const { ask } = await at();
    const list = async (method: string, key: string, name = 'name'): Promise<unknown[]> =>
      own((((await ask(method))['result'] as Json)[key] as Json[]).map((item) => item[name]));
    expect(await list('tools/list', 'tools')).toEqual([`${prefix}read`, `${prefix}drop`]);
    expect(await list('prompts/list', 'prompts')).toEqual([`${prefix}kind`]);
    expect(await list('resources/list', 'resources', 'uri')).toEqual(['s://open/1', 's://open/2']);
    expect(await list('resources/templates/list', 'resourceTemplates', 'uriTemplate')).toEqual(['s://open/{x}']);
    const { tools } = (await ask('tools/list'))['result'] as { tools: Json[] };
    expect(tools.map(({ description }) => description)).toEqual(
      expect.arrayContaining(['reads with care', 'its drop']),
    );
  });

  it('is told the same of what it may not have and of what does not exist', async () => {
    const { ask } = await at();
    const refusals = await Promise.all([
      ask('tools/call', { name: `${prefix}drop_all` }),
      ask('tools/call', { name: `${prefix}nothing` }),
      ask('prompts/get', { name: `${prefix}rude` }),
      ask('resources/read', { uri: 's://closed/1' }),
      ask('resources/read', { uri: 's://closed/nothing' }),
      ask('completion/complete', {
        ref: { type: 'ref/prompt', name: `${prefix}rude` },
        argument: { name: 'a', value: '' },
      }),
    ]);
    for (const { error } of refusals) expect(error).toMatchObject({ code: -32602, data: { code: 'SWB_UNKNOWN_NAME' } });
    expect(textOf(await ask('tools/call', { name: `${prefix}read` }))).toBe('read');
    expect((await ask('prompts/get', { name: `${prefix}kind` }))['result']).toBeDefined();
    expect((await ask('resources/read', { uri: 's://open/1' }))['result']).toBeDefined();
  });

  it.each([
    'FILE:///closed/1',
    'file:///open/../closed/1',
    'file:///open/%2e%2e/closed/1',
    'file:///%63losed/1',
    'file:///open/..%2fclosed/1',
    'file://localhost/closed/1',
    'file:/closed/1',
    'file:///closed\\1',
    'file:///open/..%2fclosed%2f1?%',
    'file:///open//../closed/1',
    'file:////closed//1',
    'file:///close%64/1',
    'file:///open/%252e%252e/closed/1',
    'file:///open/1?/../../closed/1',
    'file://elsewhere/closed/1',
  ])('cannot get at a resource by writing its URI in another way: %s', async (uri) => {
    const resources = ['file:///open/1', 'file:///closed/1', uri];
    const { ask } = await at({ ...listed({ resources }), resources: { deny: ['file:///closed/*'] } });
    const found = (await ask('resources/read', { uri }))['error'];
    expect(found).toMatchObject({ data: { code: 'SWB_UNKNOWN_NAME' } });
  });

  it('has its URI sent on as the rules judged it, to be read, completed and watched', async () => {
    const resources = ['mem:open/1'];
    const { test, client, ask } = await at({ ...listed({ resources }), resources: { deny: ['mem:closed/*'] } });
    for (const uri of ['mem:open/1', 'MEM:open//1', 'mem:open/x/../%31']) {
      expect((await ask('resources/read', { uri }))['result']).toMatchObject({ contents: [{ uri: 'mem:open/1' }] });
    }
    for (const uri of ['mem:open/../closed/1', 'mem:open/..%2Fclosed/1']) {
      const argument = { name: 'x', value: '' };
      const refused = await ask('completion/complete', { ref: { type: 'ref/resource', uri }, argument });
      expect(refused['error']).toMatchObject({ data: { code: 'SWB_UNKNOWN_NAME' } });
      if (era === 'legacy') {
        expect((await ask('resources/subscribe', { uri }))['error']).toMatchObject({
          data: { code: 'SWB_UNKNOWN_NAME' },
        });
      }
    }
    client.socket.close();
    await expectEmpty(test);
  });

  it('may subscribe to what it may read, and hears of nothing else', async () => {
    const { test, client, ask } = await at({ ...servers.scripted, resources: { allow: ['x://1'] } });
    if (era === 'legacy') {
      expect((await ask('resources/subscribe', { uri: 'x://2' }))['error']).toMatchObject({ code: -32602 });
      expect((await ask('resources/subscribe', { uri: 'x://1' }))['result']).toEqual({});
    } else {
      const notifications = { resourceSubscriptions: ['x://1', 'x://2'] };
      client.send({
        jsonrpc: '2.0',
        id: 'l',
        method: 'subscriptions/listen',
        params: { notifications, _meta: envelope() },
      });
      const acknowledged = await client.notification('notifications/subscriptions/acknowledged');
      expect(acknowledged['params']).toMatchObject({ notifications: { resourceSubscriptions: ['x://1'] } });
    }
    for (const uri of ['x://2', 'x://1']) {
      await ask('tools/call', { name: `${prefix}update`, arguments: { uri } });
    }
    expect((await client.notification('notifications/resources/updated'))['params']).toMatchObject({ uri: 'x://1' });
    expect(textOf(await ask('tools/call', { name: `${prefix}subscribed` }))).toBe('["x://1"]');
    expect(client.received.filter(({ method }) => method === 'notifications/resources/updated')).toEqual([]);
    client.socket.close();
    await expectEmpty(test);
  });

  it('asks, cancels and is asked as if nothing were hidden', async () => {
    const { test, client } = await at({ ...servers.scripted, tools: { deny: ['crash'] } });
    const meta = era === 'modern' ? { _meta: envelope({ elicitation: {} }) } : {};
    const call = (id: number, name: string, args: Json): void =>
      client.send({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: prefix + name, arguments: args, ...meta },
      });
    call(1, 'slow', { ms: 60_000 });
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
    if (era === 'modern') {
      call(2, 'ask', { message: '?' });
      expect((await client.answer(2))['result']).toMatchObject({ resultType: 'input_required' });
    }
    client.socket.close();
  });
});

describe('over HTTP', () => {
  it('headers are checked and a hidden tool is refused all the same', async () => {
    const test = await startGateway({ upstreams: { secret, other } });
    for (const [path, name] of [
      ['/mcp/secret', 'drop_all'],
      ['/mcp', 'secret__drop_all'],
    ] as const) {
      const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name };
      const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {}, _meta: envelope() } };
      const answer = await http(new URL(path, test.http).href, { headers, body });
      expect((JSON.parse(answer.body) as Json)['error']).toMatchObject({ data: { code: 'SWB_UNKNOWN_NAME' } });
    }
  });
});

describe('a view of each principal', () => {
  const scope = (principal: string): Scope => ({
    era: 'modern',
    version: '2026-07-28',
    capabilities: {},
    principal,
    affinity: 'one',
    transport: 'memory',
  });
  const views: Record<string, View> = {
    ada: { ...viewOfRules({ tools: { allow: ['add'] } })!, personal: true },
    bob: { ...viewOfRules({ tools: { deny: ['add'] } })!, personal: true },
  };
  const tools = [{ name: 'add' }, { name: 'sub' }];
  const member: Pick<Member, 'era' | 'version' | 'handshakeResult' | 'open'> = {
    era: 'modern',
    version: '2026-07-28',
    handshakeResult: {},
    open: (exchange) => exchange.settle({ result: { tools, ttlMs: 1000, cacheScope: 'public' } }),
  };
  const slot: Pick<Slot, 'upstream' | 'audience' | 'leased' | 'member'> = {
    upstream: 'calc',
    audience: new CallerAudience(false),
    leased: false,
    member: () => member as Member,
  };
  const upstream = new FilteredUpstream(
    { name: 'calc', callerHeaders: [], isMovable: false, hasHomes: false, slot: () => slot as Slot },
    ({ principal }) => views[principal]!,
  );

  const list = async (principal: string): Promise<Outcome> =>
    new Promise((settle) => {
      const exchange = { scope: scope(principal), method: 'tools/list', params: {}, settle, onEnd: () => {} };
      (upstream.slot(exchange.scope).member() as Member).open(exchange as unknown as Exchange);
    });

  it('shows each what is theirs of one shared server, and lets nobody keep it for others', async () => {
    expect(await list('ada')).toEqual({ result: { tools: [tools[0]], ttlMs: 1000, cacheScope: 'private' } });
    expect(await list('bob')).toEqual({ result: { tools: [tools[1]], ttlMs: 1000, cacheScope: 'private' } });
  });

  it('cancels at the server what the server was given', () => {
    const opened: Exchange[] = [];
    const cancelled: Exchange[] = [];
    const busy = {
      ...member,
      open: (each: Exchange) => opened.push(each),
      cancel: (each: Exchange) => cancelled.push(each),
    };
    const filtered = new FilteredUpstream(
      {
        name: 'calc',
        callerHeaders: [],
        isMovable: false,
        hasHomes: false,
        slot: () => ({ ...slot, member: () => busy as unknown as Member }) as Slot,
      },
      () => views['ada']!,
    );
    for (const method of ['tools/list', 'tools/call', 'subscriptions/listen']) {
      const params = { name: 'add', notifications: { resourceSubscriptions: ['x://1'] } };
      const exchange = { scope: scope('ada'), method, params, onEnd: () => {} } as unknown as Exchange;
      const found = filtered.slot(exchange.scope).member() as Member;
      found.open(exchange);
      found.cancel(exchange);
    }
    expect(opened).toHaveLength(3);
    expect(cancelled).toEqual(opened);
    for (const [n, each] of cancelled.entries()) expect(each).toBe(opened[n]);
  });

  it('finds its slot again, so that a connection holds one and not one for each request', () => {
    expect(upstream.slot(scope('ada'))).toBe(upstream.slot(scope('ada')));
    expect(upstream.slot(scope('ada'))).not.toBe(upstream.slot(scope('bob')));
  });
});

describe('rules', () => {
  it.each([
    [{ tools: { allow: 'x' } }, 'upstreams.one.tools.allow'],
    [{ tools: { allowed: ['x'] } }, 'upstreams.one.tools'],
    [{ describe: { x: 1 } }, 'upstreams.one.describe.x'],
  ])('that are written wrongly are refused: %j', (rules, where) => {
    const start = (): unknown => createGateway({ upstreams: { one: { command: 'node', ...rules } as never } });
    expect(start).toThrow(where);
  });
});
