/** What roles let their holders see and use, at every way in. */
import { describe, expect, it } from 'vitest';

import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { listed } from '../support/lists.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { WireClient, envelope, initializeParams, textOf } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

type RoleTest = TestGateway & { key(...roles: string[]): string };

async function start(roles: Json, upstreams: Json = { a: servers.demo, b: servers.scripted }): Promise<RoleTest> {
  const keys = testKeys();
  const known = new Map<string, string>();
  for (const set of ['', ...Object.keys(roles), ...Object.keys(roles).map((each) => `${each} two`)]) {
    known.set(set, keys.add(`who ${set}`.trim(), set.split(' ').filter(Boolean)));
  }
  const test = await startGateway({ upstreams: upstreams as never, keysFile: keys.path, roles: roles as never });
  return { ...test, key: (...held) => known.get(held.join(' ')) ?? '' };
}

async function legacy(url: string, key: string): Promise<WireClient> {
  const client = await WireClient.open(url, { headers: bearer(key) });
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await client.answer(0);
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return client;
}

const ask = (client: WireClient, id: unknown, method: string, params: Json = {}): Promise<Json> => {
  client.send({ jsonrpc: '2.0', id, method, params });
  return client.answer(id);
};

async function modern(url: string, key: string, method: string, params: Json = {}): Promise<Json> {
  const name = params['name'] ?? params['uri'];
  const headers = {
    ...bearer(key),
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': name }),
  };
  const body = { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: envelope() } };
  return JSON.parse((await http(url, { headers, body })).body) as Json;
}

const namesOf = (answer: Json, list = 'tools'): string[] =>
  ((answer['result'] as Json)[list] as { name: string }[]).map(({ name }) => name);
const unknown = { error: { data: { code: 'SWB_UNKNOWN_NAME' } } };

describe('an upstream that a role does not name', () => {
  const roles = { some: { upstreams: ['a'] }, none: { upstreams: [] } };

  it('is answered like one that does not exist, at its own path', async () => {
    const test = await start(roles);
    const messages = await Promise.all(
      ['b', 'c'].map(async (name) => {
        const url = new URL(`/mcp/${name}`, test.http).href;
        const { status, body } = await http(url, { headers: bearer(test.key('some')), body: {} });
        return [status, body.replace(`\\"${name}\\"`, 'it')];
      }),
    );
    expect(messages[0]).toEqual(messages[1]);
    expect(messages[0]![0]).toBe(404);
    expect(messages[0]![1]).not.toContain('/mcp/b');
    const { status } = await http(test.all.http, { headers: bearer(test.key('none')), body: {} });
    expect(status).toBe(404);
    const { status: unlisted } = await http(test.all.http, { headers: bearer(test.key('')), body: {} });
    expect(unlisted).toBe(404);
  });

  it('is in no list of all, and cannot be called there, in either era', async () => {
    const test = await start(roles);
    const client = await legacy(test.all.ws, test.key('some'));
    const listed = namesOf(await ask(client, 1, 'tools/list'));
    expect(listed.length).toBeGreaterThan(0);
    expect(listed.filter((name) => !name.startsWith('a__'))).toEqual([]);
    expect(await client.call(2, 'b__echo', { text: 'x' })).toMatchObject(unknown);
    const page = await modern(test.all.http, test.key('some'), 'tools/list');
    expect(namesOf(page).filter((name) => !name.startsWith('a__'))).toEqual([]);
    expect(page['result']).toMatchObject({ cacheScope: 'private' });
    const called = await modern(test.all.http, test.key('some'), 'tools/call', { name: 'b__echo', arguments: {} });
    expect(called).toMatchObject(unknown);
    expect(test.gateway.stats.upstreams['b']?.running).toBe(0);
    expect(test.events.filter(({ type }) => type === 'catalogue.missing')).toEqual([]);
    const discovered = (await modern(test.all.http, test.key('some'), 'server/discover'))['result'];
    expect(discovered).toMatchObject({ cacheScope: 'private' });
  });
});

describe('tools that a role does not let through', () => {
  it('are neither listed nor callable; those of several roles add up; deny of one does not take from another', async () => {
    const roles = {
      echo: { tools: { allow: ['echo', 'a__add'] } },
      two: { tools: { allow: ['slow', 'echo'], deny: ['echo'] } },
    };
    const test = await start(roles, { a: servers.demo, b: servers.scripted });
    const url = new URL('/mcp/b', test.ws).href;
    const one = await legacy(url, test.key('echo'));
    expect(namesOf(await ask(one, 1, 'tools/list'))).toEqual(['echo']);
    expect(await one.call(2, 'slow', { ms: 1 })).toMatchObject(unknown);
    const both = await legacy(url, test.key('echo', 'two'));
    expect(namesOf(await ask(both, 1, 'tools/list')).toSorted()).toEqual(['echo', 'slow']);
    expect(textOf(await both.call(2, 'slow', { ms: 1 }))).toBe('done');
    const all = await legacy(test.all.ws, test.key('echo'));
    expect(namesOf(await ask(all, 1, 'tools/list')).toSorted()).toEqual(['a__add', 'a__echo', 'b__echo']);
  });

  it('are not let through by a server that has the name of another in its own, or in its tools', async () => {
    const tools = ['run', 'ci__run', 'x__run'];
    const upstreams = { ci: listed({ tools }), evil: listed({ tools }), ci__x: listed({ tools }) };
    const test = await start({ deploy: { tools: { allow: ['ci__*'] } } }, upstreams);
    const client = await legacy(test.all.ws, test.key('deploy'));
    expect(namesOf(await ask(client, 1, 'tools/list'))).toEqual(['ci__run', 'ci__ci__run']);
    for (const [id, name] of ['evil__ci__run', 'evil__run', 'ci__x__run', 'ci__x__ci__run'].entries()) {
      expect(await client.call(id + 2, name), name).toMatchObject(unknown);
    }
    const evil = await legacy(new URL('/mcp/evil', test.ws).href, test.key('deploy'));
    expect(namesOf(await ask(evil, 1, 'tools/list'))).toEqual([]);
    expect(await evil.call(2, 'ci__run')).toMatchObject(unknown);
    expect(textOf(await client.call(9, 'ci__run'))).toBe('run');
  });

  it('are denied by the name in a merged list and by their own, at every server where no server is named', async () => {
    const tools = ['read', 'drop', 'ci__drop'];
    const upstreams = { ci: listed({ tools }), other: listed({ tools }) };
    const deny = ['ci__drop', '*__read'];
    const test = await start({ some: { tools: { deny } } }, upstreams);
    const client = await legacy(test.all.ws, test.key('some'));
    expect(namesOf(await ask(client, 1, 'tools/list'))).toEqual(['other__drop']);
    expect(await client.call(2, 'ci__drop')).toMatchObject(unknown);
  });

  it('are those that may change something, where it is read-only, in either era', async () => {
    const test = await start({ guest: { readOnly: true } }, { a: servers.demo });
    const every = namesOf(await ask(await legacy(test.ws, test.key('guest')), 1, 'tools/list'));
    expect(every).toContain('add');
    expect(every).not.toContain('note_add');
    const client = await legacy(test.ws, test.key('guest'));
    expect(await client.call(1, 'note_add', { text: 'x' })).toMatchObject(unknown);
    expect((await client.call(2, 'add', { a: 1, b: 2 }))['result']).toMatchObject({ structuredContent: { sum: 3 } });
    const refused = await modern(test.http, test.key('guest'), 'tools/call', {
      name: 'note_add',
      arguments: { text: 'x' },
    });
    expect(refused).toMatchObject(unknown);
    const called = await modern(test.http, test.key('guest'), 'tools/call', { name: 'add', arguments: { a: 2, b: 2 } });
    expect(called['result']).toMatchObject({ structuredContent: { sum: 4 } });
  });
});

describe('resources and prompts that a role does not let through', () => {
  it('are neither listed nor read', async () => {
    const roles = { reader: { resources: { deny: ['*'] }, prompts: { allow: [] } } };
    const test = await start(roles, { a: servers.demo });
    const client = await legacy(test.ws, test.key('reader'));
    expect(((await ask(client, 1, 'resources/list'))['result'] as Json)['resources']).toEqual([]);
    expect(((await ask(client, 2, 'prompts/list'))['result'] as Json)['prompts']).toEqual([]);
    expect(await ask(client, 3, 'resources/read', { uri: 'demo://anything' })).toMatchObject(unknown);
    expect(await ask(client, 4, 'prompts/get', { name: 'anything' })).toMatchObject(unknown);
  });
});

describe('the configuration of roles and tokens', () => {
  it.each([
    [{ roles: { reader: { tool: {} } } }, /roles\.reader/],
    [{ roles: { reader: { limits: { concurrent: 0 } } } }, /roles\.reader\.limits\.concurrent/],
    [{ jwt: { issuer: 'http://issuer.example.com', audience: 'x' } }, /jwt\.issuer: expected https/],
    [{ jwt: { issuer: 'https://issuer.example.com' } }, /jwt\.audience/],
    [{ jwt: { issuer: 'https://issuer.example.com', audience: 'x', secret: 'short' } }, /jwt\.secret: expected 32/],
    [
      { jwt: { issuer: 'https://issuer.example.com', audience: 'x', secret: 's'.repeat(32), algorithms: ['RS256'] } },
      /jwt\.algorithms/,
    ],
    [{ jwt: { issuer: 'https://issuer.example.com', audience: 'x', algorithms: ['none'] } }, /jwt\.algorithms/],
    [{ jwt: { issuer: 'https://issuer.example.com', audience: 'x', algorithms: ['HS256'] } }, /jwt\.algorithms/],
    [{ token: 'guessable' }, /token: expected auto, or 32 characters/],
    [{ keysFile: '/nowhere/keys.json' }, /there is none; make a key/],
  ])('is refused where it is wrong: %j', async (options, message) => {
    await expect(startGateway({ upstreams: { a: servers.demo }, ...(options as object) })).rejects.toThrow(message);
  });

  it('is refused where a server wants the header that keys come in', async () => {
    const keys = testKeys();
    keys.add('ann');
    const upstreams = { a: { ...servers.demo, env: { KEY: '${caller.header:X-API-Key}' } } };
    await expect(startGateway({ upstreams, keysFile: keys.path })).rejects.toThrow(
      /X-API-Key is for Switchboard itself/,
    );
  });
});
