/** A port that somebody else has opened for Switchboard, as systemd does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';

import { takeInheritedSocket } from '../../src/cli/inherited-socket.ts';
import { cli, servers } from '../support/gateway.ts';
import { WireClient, textOf } from '../support/wire.ts';

/** Starts `serve` as systemd does: in the process that `LISTEN_PID` names, with a socket that listens as descriptor 3. */
async function serveOn(host: string, flags: readonly string[] = []) {
  const socket = createServer().listen(0, host);
  await once(socket, 'listening');
  const { port } = socket.address() as AddressInfo;
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  const words = [process.execPath, cli, 'serve', ...flags, '--', servers.scripted.command, ...servers.scripted.args];
  const child = spawn('/bin/sh', ['-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', 'sh', ...words], {
    stdio: ['ignore', 'pipe', 'pipe', fd],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  // From here on only the child has it.
  socket.close();
  return { child, port };
}

const socketsOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return [];
    }
  });

describe('serve with a socket that is open already', () => {
  it('serves on it, says where that is, and gives it to no server', async () => {
    const { child, port } = await serveOn('127.0.0.1', ['--port', '1', '--warm', '0']);
    let banner = '';
    for await (const line of createInterface({ input: child.stdout! })) {
      banner += `${line}\n`;
      if (line.startsWith('Ctrl-C')) break;
    }
    expect(banner).toContain(`http://127.0.0.1:${port}/mcp`);
    const client = await WireClient.session(`ws://127.0.0.1:${port}/mcp`);
    expect(textOf(await client.call(1, 'echo', { text: 'x' }))).toBe('x');
    const listening = readlinkSync(`/proc/${child.pid!}/fd/3`);
    const pid = Number(textOf(await client.call(2, 'pid')));
    expect(listening).toMatch(/^socket:/);
    expect(socketsOf(pid)).not.toContain(listening);
    client.socket.terminate();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('refuses one that others can reach, whatever its host says', async () => {
    const { child } = await serveOn('0.0.0.0', ['--host', '127.0.0.1']);
    let stderr = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    expect(await once(child, 'close')).toEqual([4, null]);
    expect(stderr).toContain('SWB_PUBLIC_BIND');
  });
});

describe('the variables of a socket', () => {
  it.each<[string, NodeJS.ProcessEnv, number | undefined]>([
    ['are for this process', { LISTEN_PID: '7', LISTEN_FDS: '1', LISTEN_FDNAMES: 'x' }, 3],
    ['are for another process', { LISTEN_PID: '8', LISTEN_FDS: '1' }, undefined],
    ['are not there', {}, undefined],
  ])('count where they %s, and no child gets them', (_, variables, fd) => {
    const environment = { ...variables, PATH: '/bin' };
    expect(takeInheritedSocket(environment, 7)).toBe(fd);
    expect(environment).toEqual({ PATH: '/bin' });
  });

  it('are refused where they name several sockets', () => {
    expect(() => takeInheritedSocket({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 7)).toThrow(/hands over 2 sockets/);
  });
});
