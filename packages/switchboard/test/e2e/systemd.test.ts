/** Switchboard as a service of a real `systemd --user`, which runs in namespaces of its own: nothing of this machine's is touched. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';

import { makeHome } from '../support/adopt.ts';
import { ended } from '../support/command.ts';
import type { Ended } from '../support/command.ts';
import { cli, root, servers } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { freePort } from '../support/port.ts';
import { envelope, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const RUNTIME = '/run/user/0';
/** Where the home and this repository are for the service, which has a /tmp of its own. */
const [HOME, REPOSITORY] = ['/srv', '/opt/'];
const there = (path: string): string => path.replace(root, REPOSITORY);

/** Starts systemd for a home. @returns what runs a command beside it */
async function startSystemd(home: string) {
  const env = { PATH: process.env['PATH'], HOME, XDG_RUNTIME_DIR: RUNTIME };
  const script = `mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system ${RUNTIME} &&
    mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount --bind ${home} ${HOME} && mount --bind ${root} ${REPOSITORY} && echo ready && exec 3>&- &&
    /usr/lib/systemd/systemd --user --log-target=console & wait`;
  const args = ['--mount', '--pid', '--fork', '--cgroup', '--mount-proc', 'sh', '-c', script];
  const holder = spawn('unshare', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  holder.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  // With the first process of its namespace everything in it ends.
  const children = (): string[] =>
    readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8').trim().split(' ');
  const lines = createInterface({ input: holder.stdout });
  const line = await new Promise((resolve) => lines.once('line', resolve).once('close', () => resolve(complaint)));
  expect(line).toBe('ready');
  const [first] = children();
  onTestFinished(async () => {
    const end = once(holder, 'exit');
    process.kill(Number(first), 'SIGKILL');
    await end;
  });
  const run = (...words: string[]): Promise<Ended> =>
    ended(spawn('nsenter', ['-t', first!, '-m', '-p', '-C', ...words], { env }));
  await expect
    .poll(async () => (await run('systemctl', '--user', 'is-system-running')).stdout, { timeout: 10_000 })
    .toBe('running\n');
  return run;
}

it('is installed, killed, restarted, changed and removed', async () => {
  const home = makeHome();
  const port = await freePort();
  const secret = 's3cret-of-the-service';
  const config = {
    port,
    warm: 0,
    upstreams: {
      default: { command: process.execPath, args: servers.scripted.args.map(there), env: { CANARY: '${env:CANARY}' } },
    },
  };
  home.write(home.configPath, config);
  home.write('.config/switchboard/environment', `CANARY=${secret}\n`, 0o600);
  const before = home.all();
  const run = await startSystemd(home.path);
  const service = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(process.execPath, there(cli), 'service', ...words);
    expect([code, stderr], stdout).toEqual([0, '']);
    return stdout;
  };
  const pidOf = async (): Promise<string> =>
    (await run('systemctl', '--user', 'show', '--property=MainPID', '--value', 'switchboard.service')).stdout.trim();
  const echo = async (text: string): Promise<string> => {
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' };
    const body = toolCall(1, 'echo', { text }, envelope());
    return textOf(JSON.parse((await http(`http://127.0.0.1:${port}/mcp`, { headers, body })).body) as Json);
  };

  expect(await service('install', '--socket')).toContain('switchboard.service: written. Switchboard runs');
  expect(await echo('installed')).toBe('installed');
  const first = await pidOf();
  const about = await run('cat', `/proc/${first}/status`, `/proc/${first}/mountinfo`, `/proc/${first}/environ`);
  expect(about.stdout).toMatch(/^NoNewPrivs:\t1$/m);
  expect(about.stdout).toMatch(/^Seccomp:\t2$/m);
  // The whole file system is read-only, but for the home.
  expect(about.stdout).toMatch(/^\S+ \S+ \S+ \S+ \/ ro\b/m);
  expect(about.stdout).toMatch(/^\S+ \S+ \S+ \S+ \/srv rw\b/m);
  expect(about.stdout).toMatch(/^\S+ \S+ \S+ \S+ \/tmp rw\b/m);
  expect(about.stdout).toContain(`CANARY=${secret}`);
  const files = readdirSync(join(home.path, '.config/systemd/user'));
  for (const name of files.filter((each) => /\.(?:service|socket)$/.test(each))) {
    expect(home.read(`.config/systemd/user/${name}`)).not.toContain(secret);
  }

  await run('kill', '-KILL', first);
  // The socket stays open: the call waits for the next start.
  expect(await echo('killed')).toBe('killed');
  expect(await pidOf()).not.toBe(first);

  home.write(home.configPath, { ...config, drainTimeout: '20s' });
  const second = await pidOf();
  const [, text] = await Promise.all([service('install', '--socket'), echo('while it restarts')]);
  expect(text).toBe('while it restarts');
  expect(await pidOf()).not.toBe(second);
  expect(await echo('changed')).toBe('changed');

  await service('uninstall');
  await expect(echo('removed')).rejects.toThrow('ECONNREFUSED');
  const { stdout } = await run('systemctl', '--user', 'list-units', '--all', '--plain', '--no-legend', 'switchboard*');
  expect(stdout).toBe('');
  home.write(home.configPath, config);
  const left = Object.keys(home.all()).filter((name) => before[name] !== home.all()[name]);
  // What `serve` keeps itself is not of the service.
  expect(left.filter((name) => !/^\.(?:cache|local\/state\/switchboard)\//.test(name))).toEqual([]);
});
