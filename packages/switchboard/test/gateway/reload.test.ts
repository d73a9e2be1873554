/** Another configuration, taken while clients are at work. */
import { describe, expect, it } from 'vitest';

import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { expectEmpty, isAlive, servers, startGateway } from '../support/gateway.ts';
import { listed } from '../support/lists.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';

const named = (value: string): UpstreamOptions => ({ ...servers.scripted, env: { NAME: value } });
const base = { port: 0, rateLimit: 'unlimited' };
const at = (port: number, name: string): string => `ws://127.0.0.1:${port}/mcp/${name}`;
const pidOf = async (client: WireClient, id: number): Promise<number> => Number(textOf(await client.call(id, 'pid')));

describe('another configuration', () => {
  it('starts only the server anew that changed: sessions of the others do not notice', async () => {
    const test = await startGateway({ upstreams: { same: named('1'), other: named('1') } });
    const same = await WireClient.session(at(test.port, 'same'));
    const other = await WireClient.session(at(test.port, 'other'));
    const [samePid, otherPid] = [await pidOf(same, 1), await pidOf(other, 1)];
    const change = test.gateway.reload({ ...base, upstreams: { same: named('1'), other: named('2') } });
    expect(change).toEqual({ added: [], changed: ['other'], removed: [], restartNeeded: [] });
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
    expect(change).toEqual({ added: [], changed: [], removed: [], restartNeeded: ['maxConnections'] });
    expect(test.gateway.settings.maxConnections).toBe(50);
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
