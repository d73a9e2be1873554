/** How the built command takes another configuration, and how it ends. */
import { renameSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { file, serve } from '../support/command.ts';
import type { Serving } from '../support/command.ts';
import { isAlive, servers } from '../support/gateway.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';

const configuration = (names: Record<string, string>): object => ({
  upstreams: Object.fromEntries(
    Object.entries(names).map(([name, value]) => [name, { ...servers.scripted, env: { NAME: value } }]),
  ),
});

const logged = ({ log }: Serving, message: string): object[] => log.filter(({ msg }) => msg === message);
const pidOf = async (client: WireClient, id: number): Promise<number> => Number(textOf(await client.call(id, 'pid')));

describe('switchboard serve --config', () => {
  it.each([
    ['is told by SIGHUP', (path: string, text: string): void => writeFileSync(path, text)],
    ['is written', (path: string, text: string): void => writeFileSync(path, text)],
    [
      'is replaced, as editors do',
      (path: string, text: string): void => {
        writeFileSync(`${path}.new`, text);
        renameSync(`${path}.new`, path);
      },
    ],
  ])('starts what changed again when the file %s, and nothing else', async (how, write) => {
    const path = file(configuration({ same: '1', other: '1' }));
    const serving = await serve(['--config', path]);
    const same = await WireClient.session(`${serving.ws}/same`);
    const other = await WireClient.session(`${serving.ws}/other`);
    const pid = await pidOf(same, 1);
    write(path, JSON.stringify(configuration({ same: '1', other: '2', third: '1' })));
    if (how.includes('SIGHUP')) serving.child.kill('SIGHUP');
    expect(await other.closed).toMatchObject({ code: 1012 });
    expect(logged(serving, 'reloaded')[0]).toMatchObject({ added: ['third'], changed: ['other'], removed: [] });
    expect(await pidOf(same, 2)).toBe(pid);
    const third = await WireClient.session(`${serving.ws}/third`);
    expect(textOf(await third.call(1, 'environment', { name: 'NAME' }))).toBe('1');
    serving.child.kill('SIGTERM');
    expect(await serving.exit).toBe(0);
  });

  it('says what is wrong with another file, and goes on as before', async () => {
    const path = file(configuration({ only: '1' }));
    const serving = await serve(['--config', path]);
    const client = await WireClient.session(serving.ws);
    const pid = await pidOf(client, 1);
    writeFileSync(path, '{\n  "upstreams": { "only": { "command": 5 } }\n}');
    await expect.poll(() => logged(serving, 'reload.failed'), { timeout: 10_000 }).not.toEqual([]);
    expect(logged(serving, 'reload.failed')[0]).toMatchObject({
      reason: expect.stringContaining('config.jsonc:2: upstreams.only.command: '),
    });
    expect(await pidOf(client, 2)).toBe(pid);
  });

  it('says which settings need a start', async () => {
    const path = file({ ...configuration({ only: '1' }), maxConnections: 9 });
    const serving = await serve(['--config', path]);
    writeFileSync(path, JSON.stringify({ ...configuration({ only: '1' }), maxConnections: 10 }));
    await expect
      .poll(() => logged(serving, 'reloaded'), { timeout: 10_000 })
      .toMatchObject([{ restartNeeded: ['maxConnections'] }]);
  });
});

describe('switchboard serve, told to end', () => {
  it('lets a call that is running end, closes with 1001, and ends with 0 and without children', async () => {
    const serving = await serve(['--', servers.scripted.command, ...servers.scripted.args]);
    const client = await WireClient.session(serving.ws);
    const pid = await pidOf(client, 1);
    const slow = client.call(2, 'slow', { ms: 700 });
    client.send({ jsonrpc: '2.0', id: 3, method: 'ping' });
    await client.answer(3);
    serving.child.kill('SIGTERM');
    await expect.poll(() => logged(serving, 'draining')).toHaveLength(1);
    expect(await client.call(4, 'echo', {})).toMatchObject({ error: { data: { code: 'SWB_SHUTTING_DOWN' } } });
    expect(textOf(await slow)).toBe('done');
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(await serving.exit).toBe(0);
    expect(isAlive(pid)).toBe(false);
  });

  it('ends at once at a second signal, and its children with it', async () => {
    const serving = await serve(['--', servers.scripted.command, ...servers.scripted.args]);
    const client = await WireClient.session(serving.ws);
    const pid = await pidOf(client, 1);
    client.send(toolCall(2, 'never'));
    client.send({ jsonrpc: '2.0', id: 3, method: 'ping' });
    await client.answer(3);
    serving.child.kill('SIGTERM');
    await expect.poll(() => logged(serving, 'draining')).toHaveLength(1);
    serving.child.kill('SIGTERM');
    expect(await serving.exit).toBe(1);
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });
});
