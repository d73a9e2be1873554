/** Another configuration, taken while clients are at work. */
import { describe, expect, it } from 'vitest';

import type { ConfigurationInput } from '../../src/gateway/configuration.ts';
import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { expectEmpty, isAlive, servers, startGateway } from '../support/gateway.ts';
import { listed } from '../support/lists.ts';
import { initialize, startWithKeys } from '../support/access.ts';
import { bearer } from '../support/keys.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';

const named = (value: string): UpstreamOptions => ({ ...servers.scripted, env: { NAME: value } });
const base = { port: 0, rateLimit: 'unlimited', warm: 0, connectRateLimit: 'unlimited' } as const;
const at = (port: number, name: string): string => `ws://127.0.0.1:${port}/mcp/${name}`;
const pidOf = async (client: WireClient, id: number): Promise<number> => Number(textOf(await client.call(id, 'pid')));

describe('another configuration', () => {
  it('starts only the server again that changed: sessions of the others do not notice', async () => {
    const test = await startGateway({ upstreams: { same: named('1'), other: named('1') } });
    const same = await WireClient.session(at(test.port, 'same'));
    const other = await WireClient.session(at(test.port, 'other'));
    const [samePid, otherPid] = [await pidOf(same, 1), await pidOf(other, 1)];
    const change = test.gateway.reload({ ...base, upstreams: { same: named('1'), other: named('2') } });
    expect(change).toEqual({ added: [], changed: ['other'], removed: [], applied: [], restartNeeded: [] });
    expect(await other.closed).toEqual({ code: 1012, reason: 'the configuration was changed' });
    const again = await WireClient.session(at(test.port, 'other'));
    expect(await pidOf(again, 1)).not.toBe(otherPid);
    expect(textOf(await again.call(2, 'environment', { name: 'NAME' }))).toBe('2');
    expect(await pidOf(same, 2)).toBe(samePid);
    await expect.poll(() => isAlive(otherPid)).toBe(false);
    expect(test.events.filter(({ type }) => type === 'reloaded')).toEqual([{ type: 'reloaded', ...change }]);
  });

  it('lets a call that is under way end before its session is closed', async () => {
    const test = await startGateway({ upstreams: { same: named('1'), other: named('1') } });
    const client = await WireClient.session(at(test.port, 'other'));
    const slow = client.call(1, 'slow', { ms: 400 });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    test.gateway.reload({ ...base, upstreams: { same: named('1'), other: named('2') } });
    expect(textOf(await slow)).toBe('done');
    expect(await client.closed).toMatchObject({ code: 1012 });
  });

  it('waits for such a call no longer than drainTimeout', async () => {
    const test = await startGateway({ upstreams: { a: named('1'), b: named('1') }, drainTimeout: '100ms' });
    const client = await WireClient.session(at(test.port, 'a'));
    client.send(toolCall(1, 'never'));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    test.gateway.reload({ ...base, drainTimeout: '100ms', upstreams: { a: named('2'), b: named('1') } });
    expect(await client.closed).toMatchObject({ code: 1012 });
    await expectEmpty(test);
  });

  it('puts what is new where the configuration has it, as a start with it would', async () => {
    const upstreams = { b: listed({ tools: ['x'] }), c: listed({ tools: ['x'] }) };
    const test = await startGateway({ upstreams });
    test.gateway.reload({ ...base, upstreams: { a: listed({ tools: ['x'] }), ...upstreams } });
    const client = await WireClient.session(`ws://127.0.0.1:${test.port}/mcp`);
    client.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    const { tools } = (await client.answer(1))['result'] as { tools: { name: string }[] };
    expect(tools.map(({ name }) => name)).toEqual(['a__x', 'b__x', 'c__x']);
  });

  it('adds and removes servers: who is at one that was removed is closed with 1001', async () => {
    const test = await startGateway({ upstreams: { old: named('1'), kept: named('1') } });
    const old = await WireClient.session(at(test.port, 'old'));
    const change = test.gateway.reload({ ...base, upstreams: { kept: named('1'), fresh: named('1') } });
    expect(change).toMatchObject({ added: ['fresh'], changed: [], removed: ['old'] });
    expect(await old.closed).toMatchObject({ code: 1001 });
    await expect(WireClient.open(at(test.port, 'old'))).rejects.toThrow('404');
    const fresh = await WireClient.session(at(test.port, 'fresh'));
    expect(await pidOf(fresh, 1)).toBeGreaterThan(0);
    expect(Object.keys(test.gateway.stats.upstreams).toSorted()).toEqual(['fresh', 'kept']);
  });

  it('names the settings that count only after a start', async () => {
    const test = await startGateway({ upstreams: { a: named('1') } });
    const change = test.gateway.reload({ ...base, maxConnections: 7, upstreams: { a: named('1') } });
    expect(change).toEqual({ added: [], changed: [], removed: [], applied: [], restartNeeded: ['maxConnections'] });
    expect(test.gateway.settings.maxConnections).toBe(50);
  });

  describe('with other roles', () => {
    const upstreams = { a: servers.scripted, b: servers.scripted };
    const begin = async (roles: NonNullable<ConfigurationInput['roles']>) => {
      const test = await startWithKeys({ upstreams, roles });
      const reload = (next: ConfigurationInput['roles']) =>
        test.gateway.reload({ ...base, keysFile: test.keys.path, upstreams, ...(next && { roles: next }) });
      const ann = await WireClient.open(at(test.port, 'a'), { headers: bearer(test.ann) });
      ann.send(initialize);
      await ann.answer(0);
      return { test, ann, reload };
    };

    it('holds for who is connected from the next request on, and says to list again', async () => {
      const { ann, reload } = await begin({ default: { tools: { allow: ['echo'] } } });
      expect(await ann.call(1, 'pid')).toHaveProperty('error');
      const change = reload({ default: { tools: { allow: ['pid'] } } });
      expect(change).toMatchObject({ changed: [], applied: ['roles'], restartNeeded: [] });
      expect(await ann.notification('notifications/tools/list_changed')).toBeDefined();
      expect(Number(textOf(await ann.call(2, 'pid')))).toBeGreaterThan(0);
      expect(await ann.call(3, 'echo', { text: 'x' })).toHaveProperty('error');
    });

    it('closes who has no access to a server any more, and lets others in', async () => {
      const { test, ann, reload } = await begin({ default: { upstreams: ['a'] } });
      await expect(WireClient.open(at(test.port, 'b'), { headers: bearer(test.ben) })).rejects.toThrow('404');
      reload({ default: { upstreams: ['b'] } });
      expect(await ann.closed).toMatchObject({ code: 1001, reason: expect.stringContaining('your role') });
      expect((await WireClient.open(at(test.port, 'b'), { headers: bearer(test.ben) })).socket.readyState).toBe(1);
    });

    it('closes who is anonymous where that is no role any more', async () => {
      const { test, ann, reload } = await begin({ anonymous: {}, default: {} });
      const nobody = await WireClient.session(at(test.port, 'a'));
      reload({ default: {} });
      expect(await nobody.closed).toMatchObject({ code: 3000 });
      expect(textOf(await ann.call(1, 'echo', { text: 'x' }))).toBe('x');
      await expect(WireClient.open(at(test.port, 'a'))).rejects.toThrow('401');
    });

    it('needs a restart where there were none, or are none any more', async () => {
      const { reload } = await begin({ default: {} });
      expect(reload(undefined)).toMatchObject({ applied: [], restartNeeded: ['roles'] });
    });
  });

  it('that is wrong changes nothing, and says all that is wrong', async () => {
    const test = await startGateway({ upstreams: { a: named('1') } });
    const client = await WireClient.session(test.ws);
    const pid = await pidOf(client, 1);
    const bad = { a: named('2'), b: { url: 'ftp://x' } as UpstreamOptions };
    expect(() => test.gateway.reload({ ...base, maxConnections: 0, upstreams: bad })).toThrow(
      /maxConnections: expected .*upstreams\.b\.url/,
    );
    expect(await pidOf(client, 2)).toBe(pid);
    expect(Object.keys(test.gateway.stats.upstreams)).toEqual(['a']);
  });

  it('is refused when Switchboard is ending, as nobody would end what it started', async () => {
    const test = await startGateway({ upstreams: { a: named('1') } });
    await test.gateway.close();
    expect(() => test.gateway.reload({ ...base, upstreams: { a: { ...named('2'), warm: 1 } } })).toThrow(
      'Switchboard is shutting down',
    );
  });

  it('brings other times for requests to those who are there', async () => {
    const test = await startGateway({ upstreams: { a: servers.scripted, b: servers.scripted } });
    test.gateway.reload({
      ...base,
      upstreams: { a: { ...servers.scripted, requestTimeout: '100ms' }, b: servers.scripted },
    });
    const client = await WireClient.session(at(test.port, 'a'));
    expect(await client.call(1, 'never')).toMatchObject({ error: { data: { code: 'SWB_TIMEOUT' } } });
  });
});
