/** What the built command logs on a terminal and in a pipe. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { EXIT } from '../../src/cli/exit.ts';
import { ended, folder, run, serve, start } from '../support/command.ts';
import type { Ended, Environment } from '../support/command.ts';
import { cli, servers } from '../support/gateway.ts';
import { WireClient } from '../support/wire.ts';

/** A server that wants to clear the terminal, and crashes. */
const RUDE = `process.stderr.write('\\u001b[2J\\u009b2J\\n'); process.exit(3)`;
const RAW = ['\u001b[2J', '\u009b2J'];

const portIn = (text: string): string => /127\.0\.0\.1:(\d+)/.exec(text)?.[1] ?? '';

/** `serve` on a real terminal, until it logged that the server failed. @returns all that the terminal got */
async function onTerminal(env: Environment): Promise<string> {
  const words = [process.execPath, cli, 'serve', '--port', '0', '--', process.execPath, '-e', RUDE];
  const line = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
  const environment = { ...process.env, XDG_RUNTIME_DIR: folder(), FORCE_COLOR: undefined, ...env };
  const child = spawn('script', ['-qec', line, '/dev/null'], { env: environment });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  const steps = [
    // It fails with the server.
    [/Ctrl-C/, () => void WireClient.session(`ws://127.0.0.1:${portIn(text)}/mcp`).catch(() => {})],
    // Ctrl-C.
    [/member\.failed/, () => child.stdin.write('\u0003')],
  ] as const;
  let at = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    text += chunk.toString();
    const [when, act] = steps[at] ?? [];
    if (when?.test(text) !== true) continue;
    at++;
    act?.();
  }
  return text;
}

/** Where it listens, by its banner. */
async function portOf(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const line of createInterface({ input: child.stdout! })) {
    text += line;
    if (line.startsWith('Ctrl-C')) break;
  }
  return portIn(text);
}

describe('the log', { timeout: 60_000 }, () => {
  it.runIf(process.platform === 'linux')('is text on a terminal, where no server can steer it', async () => {
    const coloured = await onTerminal({ NO_COLOR: '' });
    expect(coloured).toMatch(/\d\d:\d\d:\d\d\.\d\d\d\S* \S*INFO \S* listening \S*url=\S*http:/);
    expect(coloured).toContain('\u001b[31mERROR\u001b[0m member.failed');
    const plain = await onTerminal({ NO_COLOR: '1' });
    expect(plain).toMatch(/\d\d:\d\d:\d\d\.\d\d\d ERROR member\.failed upstream=default/);
    for (const raw of RAW) expect(coloured + plain).not.toContain(raw);
  });

  it('is one JSON object per line in a pipe, and text where --log-format says so', async () => {
    const json = await serve(['--', servers.demo.command, ...servers.demo.args]);
    await expect.poll(() => json.log).toContainEqual(expect.objectContaining({ level: 30, msg: 'listening' }));
    const text = await serve(['--log-format', 'text', '--', servers.demo.command, ...servers.demo.args]);
    await expect.poll(text.stderr).toMatch(/^\d\d:\d\d:\d\d\.\d\d\d INFO {2}listening url=http:\S+$/m);
    expect(text.stderr()).not.toContain('\u001b');
  });

  it('of a chat has the same forms', async () => {
    const args = ['chat', '--port', '0', '--offline', '--log-format', 'text', '--'];
    const child = start([...args, servers.demo.command, ...servers.demo.args], { XDG_RUNTIME_DIR: folder() });
    let errors = '';
    child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const port = await portOf(child);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    onTestFinished(() => socket.terminate());
    await expect.poll(() => errors).toMatch(/^\d\d:\d\d:\d\d\.\d\d\d INFO {2}chat\.session\.opened session=/m);
  });
});

describe('logs', { timeout: 60_000 }, () => {
  it('shows and follows the log of a running Switchboard, and ends with its reader or its connection', async () => {
    const env = { XDG_RUNTIME_DIR: folder(), SWITCHBOARD_ADMIN_TOKEN: undefined };
    const serving = await serve(['--', servers.demo.command, ...servers.demo.args], env);
    expect((await run(['logs'], { env })).stdout).toMatch(/^\d\d:\d\d:\d\d\.\d\d\d INFO {2}listening url=http:\S+\n$/);
    const following = start(['logs', '--json', '--lines', '0', '-f', '--level', 'warn'], env);
    const first = once(createInterface({ input: following.stdout! }), 'line');
    const shell = (line: string): Promise<Ended> =>
      ended(spawn('/bin/sh', ['-c', line], { env: { ...process.env, ...env } }));
    const command = `'${process.execPath}' '${cli}'`;
    // Each has its first line soon, and has to notice at a later one that nobody reads any more.
    const heads = ['logs --follow', "events --type 'connection.*'"].map((words) =>
      shell(`${command} ${words} | head -n 1`),
    );
    const headers = { origin: 'http://elsewhere.example\u009b2J' };
    const asking = setInterval(() => void fetch(serving.http, { headers }).catch(() => {}), 50);
    onTestFinished(() => clearInterval(asking));
    const [line] = (await first) as [string];
    expect(JSON.parse(line)).toMatchObject({ level: 40, msg: 'connection.refused' });
    for (const head of await Promise.all(heads)) {
      expect(head).toEqual({ code: 0, stdout: expect.stringMatching(/^.+\n$/), stderr: '' });
    }
    clearInterval(asking);
    const shown = await run(['logs', '--level', 'warn'], { env });
    expect(shown.stdout).toContain(' WARN  connection.refused ');
    expect(shown.stdout).not.toContain('listening');
    expect(shown.stdout).not.toContain('\u009b');
    expect(await run(['logs', '--lines', 'many'], { env })).toMatchObject({
      code: EXIT.usage.code,
      stderr: expect.stringContaining('--lines: expected a number up to 1000, got "many"'),
    });
    const broken = ended(following);
    serving.child.kill('SIGKILL');
    expect(await broken).toMatchObject({
      code: EXIT.unreachable.code,
      stderr: expect.stringContaining('the connection broke'),
    });
  });

  it('shows that of a chat', async () => {
    const env = { XDG_RUNTIME_DIR: folder(), SWITCHBOARD_ADMIN_TOKEN: undefined };
    const child = start(['chat', '--port', '0', '--offline', '--', servers.demo.command, ...servers.demo.args], env);
    const socket = new WebSocket(`ws://127.0.0.1:${await portOf(child)}/chat`);
    onTestFinished(() => socket.terminate());
    await once(socket, 'message');
    expect((await run(['logs'], { env })).stdout).toMatch(/ INFO {2}chat\.session\.opened session=/);
  });
});
