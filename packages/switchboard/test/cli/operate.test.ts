/** The commands for operators against a `switchboard serve` that runs, all of them the built command. */
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';

import { EXIT } from '../../src/cli/exit.ts';
import { orphanedGuards } from '../../src/cli/doctor.ts';
import { duration, size } from '../../src/cli/table.ts';
import { freePort } from '../support/blocks.ts';
import { file, folder, run, serve, start } from '../support/command.ts';
import type { Ended, Serving } from '../support/command.ts';
import { servers } from '../support/gateway.ts';
import { WireClient, initializeParams, toolCall } from '../support/wire.ts';

interface Operated extends Serving {
  env: { XDG_RUNTIME_DIR: string; SWITCHBOARD_ADMIN_TOKEN: undefined };
  /** Where it notes that it runs. */
  runFile: string;
  switchboard(...args: string[]): Promise<Ended>;
}

async function operate(
  args: readonly string[] = ['--', servers.scripted.command, ...servers.scripted.args],
): Promise<Operated> {
  const env = { XDG_RUNTIME_DIR: folder(), SWITCHBOARD_ADMIN_TOKEN: undefined };
  const serving = await serve(args, env);
  const runFile = join(env.XDG_RUNTIME_DIR, 'switchboard', `${serving.port}.json`);
  return { ...serving, env, runFile, switchboard: (...words) => run(words, { env }) };
}

const okay = (stdout: unknown): object => ({ code: 0, stdout, stderr: '' });

// Each command is a process of its own, and a machine with two cores needs its time.
describe('the commands for operators', { timeout: 90_000 }, () => {
  it('find the Switchboard of the same user by themselves, by a file that nobody else can read and that goes with it', async () => {
    const { env, runFile, switchboard, child, exit, port } = await operate();
    expect(statSync(runFile).mode & 0o777).toBe(0o600);
    expect(statSync(join(env.XDG_RUNTIME_DIR, 'switchboard')).mode & 0o777).toBe(0o700);
    expect(JSON.parse(readFileSync(runFile, 'utf8'))).toMatchObject({
      url: `http://127.0.0.1:${port}/admin`,
      pid: child.pid,
    });
    expect(await switchboard('status')).toMatchObject(okay(expect.stringContaining('is serving')));
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(existsSync(runFile)).toBe(false);
    expect(await switchboard('status')).toMatchObject({
      code: EXIT.unreachable.code,
      stdout: '',
      stderr: expect.stringContaining('no Switchboard of this user runs here; start one with switchboard serve'),
    });
  });

  it('show the noted token to the address that noted it, and to none that only has its port', async () => {
    const { switchboard, port } = await operate();
    const heard: string[] = [];
    const stranger = createServer((socket) => socket.on('data', (data) => heard.push(data.toString())));
    stranger.listen(port, '::1');
    await once(stranger, 'listening');
    onTestFinished(() => void stranger.close());
    expect(await switchboard('status', '--url', `http://[::1]:${port}`)).toMatchObject({
      code: EXIT.unauthorized.code,
      stderr: expect.stringContaining('give the token of'),
    });
    expect(await switchboard('status', '--url', `http://localhost:${port}`)).toMatchObject(
      okay(expect.stringContaining('is serving')),
    );
    expect(heard).toEqual([]);
  });

  it('do not trust a file that others could have read, and clear away what one that was killed has left', async () => {
    const { env, runFile, switchboard, child, exit } = await operate();
    chmodSync(runFile, 0o644);
    expect(await switchboard('status')).toMatchObject({ code: EXIT.unreachable.code });
    chmodSync(runFile, 0o600);
    child.kill('SIGKILL');
    await exit;
    expect(existsSync(runFile)).toBe(true);
    expect(await switchboard('status')).toMatchObject({ code: EXIT.unreachable.code });
    expect(readdirSync(join(env.XDG_RUNTIME_DIR, 'switchboard'))).toEqual([]);
  });

  it('want to be told which one where several run, and what its token is where none is known', async () => {
    const one = await operate();
    const two = await serve(['--', servers.scripted.command, ...servers.scripted.args], one.env);
    const both = await one.switchboard('status');
    expect(both).toMatchObject({ code: EXIT.usage.code, stdout: '' });
    expect(both.stderr).toMatch(/^switchboard: Several Switchboards run here: \n/);
    expect(both.stderr).toContain('\nChoose one with its --url (SWB_SEVERAL_RUN)\n');
    for (const { port, child } of [one, two]) {
      expect(both.stderr).toMatch(
        new RegExp(
          `--url http://127\\.0\\.0\\.1:${port} +process ${child.pid}, for \\d+m?s: default \\(node scripted-server.mjs\\)`,
        ),
      );
    }
    expect(await one.switchboard('status', '--url', two.http)).toMatchObject({ code: 0 });
    const stranger = { XDG_RUNTIME_DIR: folder() };
    const untold = await run(['status', '--url', two.http], { env: stranger });
    expect(untold).toMatchObject({
      code: EXIT.unauthorized.code,
      stderr: expect.stringContaining('SWITCHBOARD_ADMIN_TOKEN'),
    });
    const wrong = await run(['status', '--url', two.http, '--token', 'wrong'], { env: stranger });
    const refused = {
      code: EXIT.unauthorized.code,
      stdout: '',
      stderr: expect.stringContaining('this is not the token of the admin API (SWB_UNAUTHORIZED)'),
    };
    expect(wrong).toEqual(refused);
    two.child.kill('SIGTERM');
    await two.exit;
    // Also where the right one is noted.
    expect(await one.switchboard('status', '--token', 'wrong')).toEqual(refused);
    const remote = await run(['status', '--url', 'http://203.0.113.7:1', '--token', 'x'], { env: stranger });
    expect(remote).toMatchObject({
      code: EXIT.usage.code,
      stderr: expect.stringContaining('an address of this machine'),
    });
  });

  it('take the token from the environment, which serve does too', async () => {
    const token = 'a-token-of-my-own.0123456789';
    const env = { XDG_RUNTIME_DIR: folder(), SWITCHBOARD_ADMIN_TOKEN: token };
    const { http } = await serve(['--', servers.scripted.command, ...servers.scripted.args], env);
    const elsewhere = { ...env, XDG_RUNTIME_DIR: folder() };
    expect(await run(['status', '--url', http], { env: elsewhere })).toMatchObject({ code: 0 });
  });

  it('show sessions and requests, cancel and kick', async () => {
    const { ws, switchboard } = await operate();
    expect(await switchboard('sessions')).toEqual(okay('no clients are connected\n'));
    expect(await switchboard('requests')).toEqual(okay('no requests are under way\n'));
    const client = await WireClient.session(ws);
    for (const id of [1, 2, 3]) client.send(toolCall(id, 'slow', { ms: 60_000 }));
    const sessions = JSON.parse((await switchboard('sessions', '--json')).stdout) as { id: string }[];
    const [session] = sessions;
    expect(sessions).toMatchObject([{ state: 'ready', client: { name: 'wire' } }]);
    const table = (await switchboard('sessions')).stdout.split('\n');
    expect(table[0]).toMatch(/^session +state +principal +upstream +transport +era +client +running +left +age +quiet/);
    expect(table[1]).toMatch(
      new RegExp(`^${session!.id} +ready +anonymous +default +websocket +legacy +wire 1 +3 +(\\S+ +)?\\d`),
    );
    const requests = JSON.parse((await switchboard('requests', '--json')).stdout) as { id: string }[];
    expect(requests).toHaveLength(3);
    const shown = await switchboard('requests');
    expect(shown.stdout).toMatch(/^request +state +method +target +upstream/);
    expect(shown.stdout).toContain(requests[2]!.id);
    const [first] = requests;
    expect(await switchboard('cancel', first!.id, '--reason', 'too long')).toEqual(
      okay(`request ${first!.id} was cancelled\n`),
    );
    expect(await client.answer(1)).toMatchObject({ error: { message: 'An operator cancelled the request: too long' } });
    expect(await switchboard('cancel', '--session', session!.id)).toEqual(okay('2 requests cancelled\n'));
    const nobody = await switchboard('cancel', '--session', 'nope');
    expect([nobody.code, nobody.stderr]).toEqual([EXIT.failed.code, expect.stringContaining('no session "nope"')]);
    expect(await switchboard('cancel', first!.id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no request'),
    });
    expect(await switchboard('cancel')).toMatchObject({ code: EXIT.usage.code });
    // The beginning of the id is enough, where no other one has it.
    expect(await switchboard('kick', session!.id.slice(0, 6), '--reason', 'enough')).toEqual(
      okay(`session ${session!.id} was ended\n`),
    );
    expect(await client.closed).toEqual({ code: 1008, reason: 'enough' });
  });

  it('say which nodes of a cluster did not do what all were to do', async () => {
    const error = 'The node that owns the session or the server cannot be reached';
    const asked = createHttpServer((_, response) => response.end(JSON.stringify({ nodes: { a: {}, b: { error } } })));
    asked.listen(0, '127.0.0.1');
    await once(asked, 'listening');
    onTestFinished(() => void asked.close());
    const url = `http://127.0.0.1:${(asked.address() as AddressInfo).port}`;
    expect(await run(['restart', 'demo', '--url', url, '--token', 'x'.repeat(43)])).toMatchObject({
      stderr: `not done by b: ${error}\n`,
    });
  });

  it('show, check and restart upstreams', async () => {
    const { ws, switchboard } = await operate([
      '--isolation',
      'shared',
      '--',
      servers.demo.command,
      ...servers.demo.args,
    ]);
    await WireClient.session(ws);
    const before = JSON.parse((await switchboard('upstreams', '--json')).stdout) as { members: { pid: number }[] }[];
    const { pid } = before[0]!.members[0]!;
    const table = (await switchboard('upstreams')).stdout;
    expect(table).toMatch(/^upstream \/ pid +isolation +state/);
    expect(table).toMatch(/^default +shared +ready +0\+0/m);
    expect(table).toMatch(new RegExp(`^ {2}${pid} +ready +0`, 'm'));
    expect(await switchboard('check', 'default')).toMatchObject(
      okay(expect.stringMatching(/^default is well: .*\d+ tools/)),
    );
    expect(await switchboard('restart', 'default')).toEqual(okay('default was restarted\n'));
    const after = JSON.parse((await switchboard('upstreams', '--json')).stdout) as typeof before;
    expect(after[0]!.members.some((member) => member.pid !== pid)).toBe(true);
    expect(await switchboard('restart', 'other')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there are: default'),
    });
  });

  it('broadcast, reload and drain', async () => {
    const config = file({ upstreams: { one: servers.scripted } });
    const { ws, switchboard, exit } = await operate(['--config', config]);
    const client = await WireClient.session(ws);
    const say = ['broadcast', 'notifications/message', '--params', '{"level":"warning","data":"soon"}'];
    expect(await switchboard(...say)).toEqual(okay('it was sent to 1 client\n'));
    expect(await client.notification('notifications/message')).toMatchObject({ params: { data: 'soon' } });
    expect(await switchboard(...say, '--group', 'blue')).toEqual(okay('it was sent to 0 clients\n'));
    expect(await switchboard('broadcast', 'x', '--params', '[]')).toMatchObject({ code: EXIT.usage.code });
    expect(await switchboard('reload')).toEqual(okay('no server changed\n'));
    writeFileSync(config, JSON.stringify({ upstreams: { one: { command: 5 } } }));
    expect(await switchboard('reload')).toMatchObject({
      code: EXIT.config.code,
      stderr: expect.stringContaining('upstreams.one.command'),
    });
    expect(await switchboard('drain', '--timeout', '5s')).toEqual(okay('it ends when what is under way has ended\n'));
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(await exit).toBe(0);
  });

  it('print events as they happen', async () => {
    const { ws, env, switchboard } = await operate();
    const watching = start(['events', '--type', 'session.*'], env);
    const lines = createInterface({ input: watching.stdout! })[Symbol.asyncIterator]();
    const first = lines.next();
    // That somebody watches cannot be seen from outside, so clients come until one was.
    let line: string | undefined;
    void first.then(({ value }) => (line = value as string));
    await expect
      .poll(async () => (await WireClient.session(ws), line), { timeout: 10_000, interval: 300 })
      .toBeDefined();
    expect(line).toMatch(/^\d{4}-\S+Z session\.opened session=\S+ upstream=default principal=anonymous/);
    watching.kill('SIGINT');
    expect(await switchboard('events', '--url', 'http://127.0.0.1:9', '--token', 'x')).toMatchObject({
      code: EXIT.unreachable.code,
    });
  });

  it('say nothing secret, and let no control character of a client reach the terminal', async () => {
    const canary = 'canary-0123456789abcdef-0123456789';
    const config = file({
      upstreams: {
        child: { ...servers.scripted, env: { KEY: canary, OWN: '${caller.header:X-Own}' } },
        remote: { url: 'http://127.0.0.1:9/mcp', headers: { 'x-key': canary } },
      },
    });
    const serving = await operate(['--config', config]);
    const { token } = JSON.parse(readFileSync(serving.runFile, 'utf8')) as { token: string };
    const client = await WireClient.open(`${serving.ws}/child`, { headers: { 'x-own': canary } });
    const params = { ...initializeParams(), clientInfo: { name: 'evil\u001b[2J', version: '1' } };
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    await client.answer(0);
    client.send(toolCall(1, 'slow', { ms: 60_000, text: canary }));
    const said: Ended[] = [];
    for (const words of [['status'], ['sessions'], ['requests'], ['upstreams'], ['check', 'remote'], ['reload']]) {
      said.push(await serving.switchboard(...words), await serving.switchboard(...words, '--json'));
    }
    said.push(await run(['doctor', '--config', config], { env: serving.env }));
    const everything = said.map(({ stdout, stderr }) => stdout + stderr).join('\n') + serving.stderr();
    expect(everything).toContain('evil');
    expect(everything).not.toContain(canary);
    expect(everything).not.toContain(token);
    // oxlint-disable-next-line no-control-regex -- what is looked for
    expect(everything).not.toMatch(/\u001b/);
  });
});

describe('switchboard doctor', { timeout: 60_000 }, () => {
  const check = async (args: readonly string[], env: Record<string, string> = {}): Promise<Record<string, unknown>> => {
    const { code, stdout } = await run(['doctor', '--json', ...args], {
      env: { XDG_RUNTIME_DIR: folder(), SWITCHBOARD_PORT: '0', ...env },
    });
    const findings = JSON.parse(stdout) as { check: string; state: string; detail: string }[];
    return Object.assign(Object.fromEntries(findings.map((each) => [each.check, `${each.state} ${each.detail}`])), {
      code,
    });
  };

  it('looks at this machine, the file, every server and the port', async () => {
    const config = file({
      upstreams: { demo: servers.demo, own: { ...servers.scripted, env: { K: '${caller.header:X-K}' } } },
    });
    const found = await check(['--config', config]);
    expect(found).toMatchObject({
      code: 0,
      Node: expect.stringMatching(/^ok Switchboard \d/),
      memory: expect.stringMatching(/^(ok|warning) .* free of /),
      'open files': expect.stringMatching(/^(ok|warning) \S+ may be open/),
      orphans: expect.any(String),
      configuration: expect.stringMatching(/^ok .*demo, own$/),
      'upstream demo': expect.stringMatching(/^ok .*modern 2026-07-28, \d+ tools/),
      'upstream own': expect.stringMatching(/^warning not tried: /),
      port: 'ok none is fixed',
    });
    expect(await run(['doctor', '--config', config], { env: { SWITCHBOARD_PORT: '0' } })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^check +state +finding\n/),
    });
  });

  it('says what fails, with the exit code of the first', async () => {
    const broken = await check(['--', process.execPath, '-e', 'process.exit(3)']);
    expect(broken).toMatchObject({
      code: EXIT.unreachable.code,
      'upstream default': expect.stringContaining('failed'),
    });
    expect(String(broken['upstream default'])).toContain('exited with code 3');
    const invalid = await check(['--config', file('{ "upstreams": { "a": {} } }')]);
    expect(invalid).toMatchObject({ code: EXIT.config.code, configuration: expect.stringContaining('config.jsonc:1') });
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);
    expect(await check([], { SWITCHBOARD_PORT: port })).toMatchObject({
      code: EXIT.listen.code,
      port: expect.stringContaining('EADDRINUSE'),
    });
  });

  it('shows the last twenty lines of a server that failed', async () => {
    const source = "for (let n = 1; n <= 30; n++) console.error('line ' + n); null.x";
    const { stdout, stderr } = await run(['doctor', '--', process.execPath, '-e', source], {
      env: { XDG_RUNTIME_DIR: folder(), SWITCHBOARD_PORT: '0' },
    });
    const shown = stderr
      .slice(stderr.indexOf('The last lines that it wrote to stderr:'))
      .trimEnd()
      .split('\n')
      .slice(1);
    expect(shown).toHaveLength(20);
    expect(shown.at(-1)).toMatch(/^ {4}Node\.js v/);
    expect(stderr).toContain("its last words on stderr: TypeError: Cannot read properties of null (reading 'x')\n");
    expect(stdout).not.toContain('line 1\n');
  });

  it('says of a server that it is Switchboard itself, or one that runs', async () => {
    const { env, port, child } = await operate();
    const own = file({ port: 9123, mcpServers: { me: { url: 'http://localhost:9123/mcp' } } });
    const message = 'http://localhost:9123/mcp is the address of this Switchboard, which cannot be its own upstream';
    expect(await check(['--config', own], { SWITCHBOARD_PORT: '9123' })).toMatchObject({
      code: EXIT.config.code,
      'upstream me': expect.stringContaining(`failed ${message}`),
    });
    const running = file({ mcpServers: { other: { url: `http://127.0.0.1:${port}/mcp` } } });
    expect(await check(['--config', running], env as never)).toMatchObject({
      'upstream other': expect.stringMatching(
        new RegExp(`the Switchboard that runs as process ${child.pid}: .* it is its own upstream`),
      ),
    });
  });

  it('knows the port of a Switchboard that runs', async () => {
    const { env, port, child } = await operate();
    const found = await check([], { ...env, SWITCHBOARD_PORT: String(port) } as never);
    expect(found).toMatchObject({ code: 0, port: expect.stringContaining(`process ${child.pid}`) });
  });

  it('knows the port of a Switchboard whose admin API has a port of its own', async () => {
    const { command, args } = servers.scripted;
    const { env, port, child } = await operate(['--admin-port', String(await freePort()), '--', command, ...args]);
    const found = await check([], { ...env, SWITCHBOARD_PORT: String(port) } as never);
    expect(found).toMatchObject({ code: 0, port: expect.stringContaining(`process ${child.pid}`) });
  });

  it('finds the guard of a Switchboard that was killed, and no other', () => {
    const guard = '/bin/sh -c script switchboard-orphan-guard';
    const listing = (first: string): string =>
      `    1     0 ${first}\n   10     1 node app.js\n   11    10 ${guard}\n   12     1 ${guard}\n`;
    expect(orphanedGuards(listing('/sbin/init'))).toEqual([12]);
    // In a container Switchboard may be the first process itself.
    expect(orphanedGuards(listing('node switchboard serve'))).toEqual([]);
  });
});

describe('what people read', () => {
  it('has durations and sizes in units of their kind', () => {
    expect([0, 45, 999, 1000, 61_000, 200_000, 7_500_000, 270_000_000].map(duration)).toEqual([
      '0ms',
      '45ms',
      '999ms',
      '1s',
      '1m 1s',
      '3m 20s',
      '2h 5m',
      '3d 3h',
    ]);
    expect([0, 512, 1024, 4_194_304, 5e9].map(size)).toEqual(['0 B', '512 B', '1.0 KiB', '4.0 MiB', '4.7 GiB']);
  });
});
