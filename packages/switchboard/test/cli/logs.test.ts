/** What the built command logs on a terminal and in a pipe. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { folder, serve, start } from '../support/command.ts';
import type { Environment } from '../support/command.ts';
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
