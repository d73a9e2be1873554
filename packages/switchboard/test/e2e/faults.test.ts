/** Kills things, and looks at what remains. The gateway is the built command, in a process of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';

import { cli, isAlive, servers } from '../support/gateway.ts';
import { childrenOf, openFiles } from '../support/leftovers.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';

const { command, args } = servers.scripted;

interface Running {
  child: ChildProcess;
  ws: string;
}

async function serve(...flags: string[]): Promise<Running> {
  const child = spawn(
    process.execPath,
    [cli, 'serve', '--port', '0', '--log-level', 'error', ...flags, '--', command, ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout })) {
    const ws = /ws:\/\/\S+/.exec(line)?.[0];
    if (ws !== undefined) return { child, ws };
  }
  throw new Error('it ended without an address');
}

describe.each(['session', 'shared'])('kill -9, isolation %s', (isolation) => {
  it('of a server in the middle of a call fails that call at once, and the next one works', async () => {
    const { ws } = await serve('--isolation', isolation);
    const client = await WireClient.session(ws);
    const pid = Number(textOf(await client.call(1, 'pid')));
    client.send(toolCall(2, 'never'));
    await client.call(3, 'echo');
    const killedAt = performance.now();
    process.kill(pid, 'SIGKILL');
    const { error } = (await client.answer(2)) as { error: { code: number; message: string } };
    expect(error).toMatchObject({ code: 31003, message: expect.stringContaining('SIGKILL') });
    expect(performance.now() - killedAt).toBeLessThan(1000);
    expect(textOf(await client.call(4, 'echo', { text: 'next' }))).toBe('next');
  });

  it('of a client in the middle of a call cancels its calls, and leaves no process and no socket', async () => {
    const { child, ws } = await serve('--isolation', isolation);
    const before = await WireClient.session(ws);
    const pid = Number(textOf(await before.call(1, 'pid')));
    const withClient = openFiles(child.pid!);
    before.socket.close();
    await expect.poll(() => openFiles(child.pid!), { timeout: 8000 }).toBeLessThan(withClient);
    if (isolation === 'session') await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
    const [sockets, children] = [openFiles(child.pid!), childrenOf(child.pid!).length];

    const script = `
      const { WebSocket } = await import('ws');
      const socket = new WebSocket(${JSON.stringify(ws)}, ['mcp']);
      const send = (message) => socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
      socket.on('open', () => send({ id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'doomed', version: '1' } } }));
      socket.once('message', () => {
        send({ method: 'notifications/initialized' });
        for (let id = 1; id <= 5; id++) send({ id, method: 'tools/call', params: { name: 'slow', arguments: { ms: 60000 } } });
        send({ id: 6, method: 'tools/call', params: { name: 'pid' } });
        socket.on('message', () => console.log('ready'));
      });`;
    const doomed = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(doomed.stdout, 'data');
    doomed.kill('SIGKILL');
    await expect.poll(() => openFiles(child.pid!), { timeout: 8000 }).toBe(sockets);
    await expect.poll(() => childrenOf(child.pid!).length, { timeout: 8000 }).toBe(children);
    if (isolation === 'shared') {
      const witness = await WireClient.session(ws);
      const cancelled = async (): Promise<number> => {
        const seen = JSON.parse(textOf(await witness.call(1, 'seen'))) as string[];
        return seen.filter((method) => method === 'notifications/cancelled').length;
      };
      await expect.poll(cancelled).toBe(5);
    }
  });

  it('of Switchboard itself takes every server and what they started with it', async () => {
    const { child, ws } = await serve('--isolation', isolation, '--warm', '1');
    const clients = [await WireClient.session(ws), await WireClient.session(ws)];
    const pids: number[] = [];
    for (const client of clients) {
      pids.push(Number(textOf(await client.call(1, 'pid'))), Number(textOf(await client.call(2, 'grandchild'))));
      await client.call(3, 'stubborn');
    }
    pids.push(...childrenOf(child.pid!));
    expect(pids.every(isAlive)).toBe(true);
    const ends = clients.map((client) => client.closed);
    child.kill('SIGKILL');
    expect((await Promise.all(ends)).map(({ code }) => code)).toEqual([1006, 1006]);
    for (const pid of pids) await expect.poll(() => isAlive(pid), { timeout: 8000 }).toBe(false);
  });

  it('is not needed: SIGTERM ends everything and exits with 0', async () => {
    const { child, ws } = await serve('--isolation', isolation, '--warm', '1');
    const client = await WireClient.session(ws);
    await client.call(1, 'grandchild');
    const pids = childrenOf(child.pid!);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect((await client.closed).code).toBe(1001);
    expect(await exited).toEqual([0, null]);
    for (const pid of pids) await expect.poll(() => isAlive(pid), { timeout: 8000 }).toBe(false);
  });
});
