/** `serve --workers`: several processes that clients and operators see as one. */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { EXIT } from '../../src/cli/exit.ts';
import { file, folder, run, served, start } from '../support/command.ts';
import type { Serving } from '../support/command.ts';
import { isAlive, servers } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { childrenOf } from '../support/leftovers.ts';
import { freePort } from '../support/port.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const ADMIN_TOKEN = 'a'.repeat(32);
const LONG = { timeout: 15_000, interval: 100 };

type Session = Record<string, string>;

interface Operated extends Serving {
  admin(line: string, body?: Json): Promise<unknown>;
  /** The process that has this number now. */
  pidOf(worker: number): number;
  call(session: Session, text: string): Promise<string>;
}

async function operate(args: readonly string[], env: Record<string, string> = {}): Promise<Operated> {
  const own = { SWITCHBOARD_ADMIN_TOKEN: ADMIN_TOKEN, XDG_RUNTIME_DIR: folder(), ...env };
  const common = ['serve', '--isolation', 'shared', '--warm', '0', '--rate-limit', 'unlimited'];
  const serving = await served(start([...common, ...args], own));
  const base = new URL(serving.http).origin;
  return {
    ...serving,
    async admin(line, body) {
      const [method = '', path = ''] = line.split(' ');
      const type = body === undefined ? undefined : { 'content-type': 'application/json' };
      const headers = { ...type, authorization: `Bearer ${ADMIN_TOKEN}` };
      const answer = await http(`${base}/admin${path}`, { method, headers, ...(body !== undefined && { body }) });
      return JSON.parse(answer.body) as unknown;
    },
    pidOf: (worker) =>
      Number(serving.log.findLast((line) => line['msg'] === 'worker.started' && line['worker'] === worker)?.['pid']),
    async call(session, text) {
      const { status, body } = await http(serving.http, { headers: session, body: toolCall(text, 'echo', { text }) });
      return `${status} ${body.includes(`"text":"${text}"`) ? text : body}`;
    },
  };
}

const namesOf = (answer: unknown): string[] => (answer as { node: string }[]).map(({ node }) => node).toSorted();
const nodesOf = (status: unknown): string[] =>
  (status as { nodes: { name: string }[] }).nodes.map(({ name }) => name).toSorted();

describe('switchboard serve --workers', { timeout: 90_000 }, () => {
  it('is one for clients and operators, goes on when one of them is killed, and leaves nothing behind', async () => {
    const configuration = (name: string): object => ({ upstreams: { [name]: servers.scripted } });
    const path = file(configuration('default'));
    const [runtime, temporary] = [folder(), folder()];
    const env = { XDG_RUNTIME_DIR: runtime, TMPDIR: temporary };
    const all = await operate(['--port', '0', '--workers', '2', '--config', path], env);
    const { admin, call, log, pidOf, child } = all;
    const runFile = join(runtime, 'switchboard', `${all.port}.json`);
    expect(JSON.parse(readFileSync(runFile, 'utf8'))).toMatchObject({ pid: child.pid, port: all.port });
    await expect.poll(async () => nodesOf(await admin('GET /status')), LONG).toEqual(['worker-1', 'worker-2']);

    const numbers = Array.from({ length: 8 }, (_, index) => index);
    const sessions = await Promise.all(numbers.map(() => openSession(all.http, initializeParams())));
    const sockets = await Promise.all(numbers.map(() => WireClient.session(all.ws)));
    const callAll = (round: string): Promise<string[]> =>
      Promise.all(sessions.map((session, index) => call(session, `${round}-${index}`)));
    for (const round of ['a', 'b', 'c']) {
      expect(await callAll(round)).toEqual(numbers.map((index) => `200 ${round}-${index}`));
      const texts = sockets.map(async (socket, index) =>
        textOf(await socket.call(round, 'echo', { text: `${round}${index}` })),
      );
      expect(await Promise.all(texts)).toEqual(numbers.map((index) => `${round}${index}`));
    }
    // Each of the calls came on a connection of its own, which went to the worker that has its session; none was passed on alone.
    const forwarded = /^switchboard_forwarded_requests_total\{[^}]*\} (\d+)$/gm;
    const scraped = (await http(`${new URL(all.http).origin}/metrics`, { method: 'GET' })).body;
    expect([...scraped.matchAll(forwarded)].map(([, count]) => count)).toEqual([]);

    // `shared` is one process of the server, whichever worker a session is at.
    const pids = async (id: string): Promise<unknown[]> => {
      const answers = sessions.map((headers) => http(all.http, { headers, body: toolCall(id, 'pid') }));
      return [...new Set((await Promise.all(answers)).map(({ body }) => /"text":"(\d+)"/.exec(body)?.[1]))];
    };
    expect(await pids('pid-1')).toEqual([expect.stringMatching(/^\d+$/)]);

    const opened = (await admin('GET /sessions')) as { node: string; transport: string }[];
    expect(opened).toHaveLength(16);
    expect(new Set(namesOf(opened))).toEqual(new Set(['worker-1', 'worker-2']));
    const staying = opened.filter(({ node, transport }) => node === 'worker-1' && transport === 'websocket').length;

    // Whoever takes the connection, operators see the same.
    const origin = new URL(all.http).origin;
    const { url } = (await admin('POST /console-link', { role: 'operator' })) as { url: string };
    const signIn = await http(`${origin}/console/api/sign-in`, {
      headers: { origin },
      body: { link: new URL(url).hash.slice(1) },
    });
    const cookie = String(signIn.headers['set-cookie']).split(';')[0]!;
    for (const _ of numbers) {
      const me = await http(`${origin}/console/api/me`, { method: 'GET', headers: { cookie } });
      expect([me.status, (JSON.parse(me.body) as Json)['role']]).toEqual([200, 'operator']);
    }
    const metrics = (await http(`${origin}/metrics`, { method: 'GET' })).body;
    for (const name of ['worker-1', 'worker-2']) {
      expect(metrics).toMatch(
        new RegExp(`^switchboard_connections_total\\{node="${name}",transport="websocket"\\} \\d+$`, 'm'),
      );
    }

    const killed = pidOf(2);
    const others = pidOf(1);
    process.kill(killed, 'SIGKILL');
    const after = (): Promise<string[]> => callAll('after');
    await expect.poll(after, LONG).toEqual(numbers.map((index) => `200 after-${index}`));
    expect(await pids('pid-2')).toEqual([expect.stringMatching(/^\d+$/)]);
    await expect
      .poll(() => log.find(({ msg }) => msg === 'worker.failed'), LONG)
      .toMatchObject({
        worker: 2,
        pid: killed,
        reason: 'was killed by SIGKILL',
      });
    const alive = await Promise.all(
      sockets.map(async (socket) =>
        'code' in (await Promise.race([socket.closed, socket.call('d', 'echo', {})])) ? 0 : 1,
      ),
    );
    expect(alive.reduce<number>((sum, each) => sum + each, 0)).toBe(staying);
    await expect.poll(() => pidOf(2), LONG).not.toBe(killed);
    await expect.poll(async () => nodesOf(await admin('GET /status')), LONG).toEqual(['worker-1', 'worker-2']);
    expect(pidOf(1)).toBe(others);

    // What is wrong with all of them is said once.
    const taken = await run(['serve', '--port', String(all.port), '--workers', '2', '--config', path], { env });
    expect([taken.code, taken.stdout]).toEqual([EXIT.listen.code, '']);
    expect(taken.stderr.match(/SWB_PORT_IN_USE/g)).toHaveLength(1);

    writeFileSync(path, JSON.stringify(configuration('other')));
    child.kill('SIGHUP');
    await expect
      .poll(() => new Set(log.filter(({ msg }) => msg === 'reloaded').map(({ worker }) => worker)), LONG)
      .toEqual(new Set([1, 2]));

    const workers = [pidOf(1), pidOf(2)];
    const left = workers.flatMap((pid) => [pid, ...childrenOf(pid)]);
    expect(readdirSync(temporary)).toHaveLength(1);
    child.kill('SIGTERM');
    expect(await all.exit).toBe(0);
    await expect.poll(() => left.filter(isAlive), LONG).toEqual([]);
    expect([existsSync(runFile), readdirSync(temporary)]).toEqual([false, []]);
  });

  it('goes on with the sessions of the process that served alone before, lets one worker be replaced, and ends as a whole', async () => {
    const port = String(await freePort());
    const state = { XDG_STATE_HOME: folder() };
    const command = ['--', servers.scripted.command, ...servers.scripted.args];
    const alone = await operate(['--port', port, ...command], state);
    const session = await openSession(alone.http, initializeParams());
    alone.child.kill('SIGTERM');
    expect(await alone.exit).toBe(0);

    const all = await operate(['--port', port, '--workers', '2', ...command], state);
    const { admin, call, log, pidOf } = all;
    await expect.poll(async () => nodesOf(await admin('GET /status')), LONG).toEqual(['worker-1', 'worker-2']);
    const calls = await Promise.all(['a', 'b', 'c', 'd'].map((text) => call(session, text)));
    expect(calls).toEqual(['200 a', '200 b', '200 c', '200 d']);
    expect(namesOf(await admin('GET /sessions'))).toHaveLength(1);

    const [former, other] = [pidOf(2), pidOf(1)];
    await admin('POST /drain?node=worker-2');
    await expect
      .poll(() => log.find(({ msg }) => msg === 'worker.ended'), LONG)
      .toMatchObject({ worker: 2, pid: former });
    await expect.poll(() => pidOf(2), LONG).not.toBe(former);
    expect(pidOf(1)).toBe(other);
    await expect.poll(async () => nodesOf(await admin('GET /status')), LONG).toEqual(['worker-1', 'worker-2']);
    expect(await call(session, 'e')).toBe('200 e');
    const pids = [pidOf(1), pidOf(2)];
    await admin('POST /drain');
    expect(await all.exit).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('is refused with all that cannot be combined', async () => {
    const command = ['--', servers.scripted.command, ...servers.scripted.args];
    const refused = await run([
      'serve',
      '--workers',
      '2',
      '--transport',
      'stdio,all',
      '--store',
      'memory',
      '--sse',
      ...command,
    ]);
    expect(refused.code).toBe(EXIT.config.code);
    for (const option of ['stdin', 'memory', 'sse']) expect(refused.stderr).toMatch(new RegExp(`workers: .*${option}`));
  });

  it('says that one cannot be started, at once or later, shows it in status, and starts it as soon as that works', async () => {
    const broken = file({});
    const env = {
      BROKEN_FORK: broken,
      NODE_OPTIONS: `--require ${fileURLToPath(new URL('../fixtures/broken-fork.cjs', import.meta.url))}`,
    };
    const { admin, log, child, exit } = await operate(
      ['--port', '0', '--workers', '2', '--config', file({ upstreams: { default: servers.scripted } })],
      env,
    );
    const failures = (): unknown[] => log.filter((line) => line['msg'] === 'worker.failed');
    await expect.poll(() => failures().length, LONG).toBeGreaterThan(2);
    expect(failures().slice(0, 2)).toMatchObject([
      {
        worker: 2,
        code: 'SWB_WORKER_FAILED',
        reason: 'Cannot start a worker process: spawn EAGAIN',
        restartInMs: expect.any(Number),
      },
      {
        worker: 2,
        code: 'SWB_WORKER_FAILED',
        reason: expect.stringMatching(/^Cannot start a worker process: spawn .*ENOENT$/),
      },
    ]);
    const problems = async (): Promise<string[]> =>
      ((await admin('GET /health')) as { problems: { text: string }[] }).problems.map(({ text }) => text);
    expect(await problems()).toEqual([
      expect.stringMatching(/^worker-2 does not serve: Cannot start a worker process: spawn /),
    ]);
    rmSync(broken);
    await expect.poll(async () => nodesOf(await admin('GET /status')), LONG).toEqual(['worker-1', 'worker-2']);
    await expect.poll(problems, LONG).toEqual([]);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });
});
