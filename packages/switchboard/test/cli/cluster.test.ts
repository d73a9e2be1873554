/** `switchboard cluster up`: several nodes, a Redis and a balancer, started and ended by one command. */
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';

import { haproxyConfig, nginxConfig } from '../../src/cli/cluster/balancer.ts';
import { oneInstalled } from '../../src/cli/cluster/installed.ts';
import { EXIT } from '../../src/cli/exit.ts';
import { folder, run, start } from '../support/command.ts';
import { isAlive, root, servers } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { childrenOf } from '../support/leftovers.ts';
import { freePort } from '../support/port.ts';
import { initializeParams, toolCall } from '../support/wire.ts';

const command = ['--', servers.scripted.command, ...servers.scripted.args];

interface Found {
  url: string;
  nodes: { name: string; pid: number; url: string }[];
  balancer: string;
}

describe('switchboard cluster up', { timeout: 90_000 }, () => {
  it('serves at one address by several nodes, tells when one is killed, and ends all of it with Ctrl-C', async () => {
    const env = { XDG_RUNTIME_DIR: folder(), TMPDIR: folder() };
    const port = String(await freePort());
    const child = start(['cluster', 'up', '2', '--port', port, '--isolation', 'shared', '--json', ...command], env);
    const told: string[] = [];
    createInterface({ input: child.stderr! }).on('line', (line) => told.push(line));
    let text = '';
    for await (const chunk of child.stdout!) {
      text += String(chunk);
      if (text.endsWith('}\n')) break;
    }
    const { url, nodes, balancer } = JSON.parse(text) as Found;
    expect(url).toBe(`http://127.0.0.1:${port}/mcp`);
    expect([nodes.map(({ name }) => name), balancer]).toEqual([['a', 'b'], 'haproxy']);
    const session = await openSession(url, initializeParams());
    const calls = ['1', '2', '3', '4'].map((id) =>
      http(url, { headers: session, body: toolCall(id, 'echo', { text: id }) }),
    );
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);

    const started = childrenOf(child.pid!);
    expect(started.length).toBeGreaterThanOrEqual(4);
    process.kill(nodes[1]!.pid, 'SIGKILL');
    await expect.poll(() => told, { timeout: 10_000 }).toContain('switchboard: node b was killed by SIGKILL');
    const exit = once(child, 'exit');
    child.kill('SIGINT');
    expect(await exit).toEqual([0, null]);
    await expect.poll(() => [...started, nodes[0]!.pid].filter(isAlive), { timeout: 10_000 }).toEqual([]);
    expect(readdirSync(env.TMPDIR)).toEqual([]);
  });

  it('says that a server cannot start before the first client comes, and prints commands as they are called here', async () => {
    const env = { XDG_RUNTIME_DIR: folder(), TMPDIR: folder() };
    const port = String(await freePort());
    const child = start(['cluster', 'up', '2', '--port', port, '--', process.execPath, 'no-such-server.mjs'], env);
    let [printed, told] = ['', ''];
    child.stdout!.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (told += chunk.toString()));
    await expect
      .poll(() => told, { timeout: 30_000 })
      .toMatch(/switchboard: default cannot be used: .*Cannot find module '.*no-such-server\.mjs'/);
    expect(printed).toMatch(/^See them: {2}(?:npx mcp-switchboard|node \S+) status --url http:/m);
    const exit = once(child, 'exit');
    child.kill('SIGINT');
    expect(await exit).toEqual([0, null]);
  });

  it('says what has to be installed, and what is wrong, before it starts anything', async () => {
    expect(() => oneInstalled(['no-such-server', 'nor-this'], 'sudo apt install it', { PATH: '/nowhere' })).toThrow(
      'cluster up needs no-such-server or nor-this, which is not installed here: sudo apt install it',
    );
    expect(oneInstalled(['no-such-server', 'sh'], '', { PATH: '/bin' })).toEqual({ name: 'sh', path: '/bin/sh' });
    const many = await run(['cluster', 'up', '99', ...command]);
    expect([many.code, many.stderr]).toEqual([
      EXIT.usage.code,
      expect.stringContaining('expected from 2 to 9 nodes, got "99"'),
    ]);
  });

  it('has balancers that are set as the recipes of the example', () => {
    const nodes = ['a', 'b', 'c'].map((name, index) => ({ name, port: 8701 + index }));
    const lines = (text: string): string[] =>
      text
        .replaceAll(/#.*$/gm, '')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '');
    const recipe = (name: string): string => readFileSync(join(root, 'examples/cluster', name), 'utf8');
    const ports = { PORT: 8700, PORT_A: 8701, PORT_B: 8702, PORT_C: 8703 };
    const named = Object.entries(ports).reduce(
      (text, [name, port]) => text.replaceAll(`\${${name}}`, String(port)),
      recipe('haproxy.cfg'),
    );
    expect(lines(haproxyConfig({ port: 8700, nodes }))).toEqual(lines(named));
    expect(lines(nginxConfig({ port: 8700, nodes }, '/x')).join('\n')).toContain(
      lines(recipe('nginx.conf')).join('\n'),
    );
  });
});
