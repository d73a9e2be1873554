/** EnvironmentMCPGateway, "Multi-Client Support": one test for each thing that it names, in its order, done with Switchboard. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, it, onTestFinished } from 'vitest';

import { connect } from '../../src/client.ts';
import type { RequestVisit } from '../../src/callers/hooks.ts';
import type { SessionFacts } from '../../src/callers/session-facts.ts';
import { ended, file, serve } from '../support/command.ts';
import { cli, expectEmpty, isAlive, root, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { childrenOf } from '../support/leftovers.ts';
import { terminal } from '../support/typed.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const start = (): Promise<TestGateway> => startGateway({ upstreams });

/** Two clients with a session each. */
async function pair(test: TestGateway): Promise<[WireClient, WireClient]> {
  return [await WireClient.session(test.ws), await WireClient.session(test.ws)];
}

const pidOf = async (client: WireClient): Promise<number> => Number(textOf(await client.call('pid', 'pid')));

/** A client that says which program it is. */
async function named(url: string, userAgent: string): Promise<WireClient> {
  const client = await WireClient.open(url, { headers: { 'user-agent': userAgent } });
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await client.answer(0);
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return client;
}

describe('EnvironmentMCPGateway: overview', () => {
  it('1. Multiple Claude Code instances connect concurrently, with session isolation and request routing', async () => {
    const here = terminal();
    const { urls } = await here.open('switchboard serve --port 0 -- mcp-switchboard-devenv --root .');
    const url = urls.find((each) => each.startsWith('http'))!;
    const instances = [1, 2, 3].map(async () => {
      const client = new Client({ name: 'claude-code', version: '2.0.0' });
      onTestFinished(() => client.close());
      await client.connect(new StreamableHTTPClientTransport(new URL(url)));
      return client;
    });
    for (const client of await Promise.all(instances)) {
      expect((await client.listTools()).tools.length).toBeGreaterThan(10);
    }
    const sessions = JSON.parse((await here.run('switchboard sessions --json')).stdout) as { id: string }[];
    expect(new Set(sessions.map(({ id }) => id)).size).toBe(3);
  });
});

describe('EnvironmentMCPGateway: session-aware tool execution', () => {
  it('2. SessionContext: session id, user agent, remote address, start and custom metadata', async () => {
    const test = await start();
    test.gateway.registerHooks({ onSession: () => ({ metadata: { team: 'platform' } }) });
    await named(test.ws, 'claude-code/2.0');
    expect(test.gateway.operations.sessions()).toMatchObject([
      {
        id: expect.stringMatching(/.{8,}/),
        userAgent: 'claude-code/2.0',
        address: '127.0.0.1',
        startedAt: expect.any(Number),
        metadata: { team: 'platform' },
      },
    ]);
  });

  it('3. SessionAwareRequest: each request has a unique id, and the session that it belongs to', async () => {
    const test = await start();
    const visits: RequestVisit[] = [];
    test.gateway.registerHooks({ onRequest: (visit) => void visits.push(visit) });
    const clients = await pair(test);
    // The same id at both: the ids of clients are their own.
    await Promise.all(clients.map((client) => client.call(1, 'echo', { text: 'x' })));
    const calls = visits.filter(({ method }) => method === 'tools/call');
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    expect(new Set(calls.map(({ session }) => session)).size).toBe(2);
    expect(calls).toMatchObject([
      { target: 'echo', principal: 'anonymous' },
      { target: 'echo', principal: 'anonymous' },
    ]);
  });

  it('4. Concurrent request tracking and management', async () => {
    const test = await start();
    const [one, other] = await pair(test);
    one.send(toolCall(1, 'never'));
    one.send(toolCall(2, 'never'));
    other.send(toolCall(1, 'never'));
    await expect.poll(() => test.gateway.operations.requests()).toHaveLength(3);
    const { id } = test.gateway.operations.sessions()[0]!;
    const ones = test.gateway.operations.requests().filter(({ session }) => session === id);
    expect(ones).toHaveLength(2);
    expect(test.gateway.operations.cancel(ones[0]!.id)).toBe(true);
    expect(await one.answer(1)).toMatchObject({ error: { data: { code: 'SWB_CANCELLED' } } });
    expect(test.gateway.operations.requests()).toHaveLength(2);
  });

  it('5. Session-specific request isolation', async () => {
    const test = await start();
    const [one, other] = await pair(test);
    one.send({ ...toolCall(1, 'never') });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    other.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    expect(textOf(await other.call(1, 'echo', { text: 'mine' }))).toBe('mine');
    expect(test.gateway.operations.requests()).toHaveLength(1);
    expect(one.received).toEqual([]);
  });

  it('6. Automatic cleanup on session disconnect', async () => {
    const test = await start();
    const [one, other] = await pair(test);
    const pid = await pidOf(one);
    one.send(toolCall(1, 'never'));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    one.socket.close();
    await expect.poll(() => test.gateway.stats).toMatchObject({ connections: 1, exchanges: 0 });
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    other.socket.close();
    await expectEmpty(test);
  });

  it('7. Active request monitoring and cancellation', async () => {
    const { ws, gateway } = await start();
    const client = await WireClient.session(ws);
    client.send(toolCall('long', 'slow', { ms: 60_000 }));
    await expect
      .poll(() => gateway.operations.requests())
      .toMatchObject([{ method: 'tools/call', target: 'slow', state: 'running' }]);
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'long' } });
    await expect.poll(() => gateway.operations.requests()).toEqual([]);
  });
});

describe('EnvironmentMCPGateway: session-aware server architecture', () => {
  it('8. Transport-to-session mapping: an answer leaves by the transport of its session', async () => {
    const test = await start();
    const [overWebSocket, overHttp] = [
      await connect(test.ws, { era: 'legacy' }),
      await connect(test.http, { era: 'legacy' }),
    ];
    const transports = test.gateway.operations.sessions().map(({ transport }) => transport);
    expect(transports.toSorted()).toEqual(['http', 'websocket']);
    const echo = (client: typeof overHttp, text: string): Promise<unknown> =>
      client.callTool({ name: 'echo', arguments: { text } });
    const answers = await Promise.all([echo(overWebSocket, 'by socket'), echo(overHttp, 'by http')]);
    expect(answers).toMatchObject([{ content: [{ text: 'by socket' }] }, { content: [{ text: 'by http' }] }]);
    await Promise.all([overWebSocket.close(), overHttp.close()]);
  });

  it('9. An individual MCP server for each client session', async () => {
    const test = await start();
    const [one, other] = await pair(test);
    const [first, second] = [await pidOf(one), await pidOf(other)];
    expect(first).not.toBe(second);
    expect(await pidOf(one)).toBe(first);
    expect(childrenOf(process.pid)).toEqual(expect.arrayContaining([first, second]));
  });

  it('10. Session lifecycle: connect, active, disconnect', async () => {
    const test = await start();
    const life: string[] = [];
    test.gateway.registerHooks({
      onConnect: () => void life.push('connect'),
      onSession: ({ state }: SessionFacts) => void life.push(state),
      onClose: (_, reason) => void life.push(reason.replace(/ .*/, '')),
    });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo');
    expect(test.gateway.operations.sessions()).toMatchObject([{ state: 'ready', inFlight: 0 }]);
    client.socket.close();
    await expect.poll(() => life).toHaveLength(3);
    expect(life.slice(0, 2)).toEqual(['connect', 'opening']);
    expect(test.events.map(({ type }) => type)).toEqual(expect.arrayContaining(['session.opened', 'session.closed']));
  });
});

describe('EnvironmentMCPGateway: enhanced server implementation', () => {
  it('11. createSessionServer(): a function builds an isolated server for each client', async () => {
    let built = 0;
    const server = (): McpServer => {
      const mine = ++built;
      const mcp = new McpServer({ name: `session server ${mine}`, version: '1' });
      let calls = 0;
      mcp.registerTool('which', {}, () => ({ content: [{ type: 'text', text: `${mine}:${++calls}` }] }));
      return mcp;
    };
    const { ws } = await startGateway({ upstreams: { default: { server } } });
    const clients = [await connect(ws, { era: 'legacy' }), await connect(ws, { era: 'legacy' })];
    const texts: unknown[] = [];
    for (const client of [...clients, ...clients]) {
      texts.push(((await client.callTool({ name: 'which' })).content as { text: string }[])[0]!.text);
    }
    expect(texts[0]).toMatch(/:1$/);
    expect(texts[2]).toBe(String(texts[0]).replace(':1', ':2'));
    expect(new Set(texts).size).toBe(4);
    await Promise.all(clients.map((client) => client.close()));
  });

  it('12. executeToolWithSessionContext(): before a tool runs, its session can be looked at and refused', async () => {
    const test = await start();
    test.gateway.registerHooks({
      onRequest: ({ target, session }) => {
        const facts = test.gateway.operations.sessions().find(({ id }) => id === session);
        if (target === 'crash' && facts?.userAgent !== 'trusted') throw new Error(`not for ${facts?.userAgent}`);
      },
    });
    const client = await named(test.ws, 'curious');
    expect(await client.call(1, 'crash')).toMatchObject({
      error: { message: 'Refused: not for curious', data: { code: 'SWB_REFUSED' } },
    });
    expect(textOf(await client.call(2, 'echo', { text: 'runs' }))).toBe('runs');
  });

  it('13. Session cleanup cancels the active requests of a client that disconnects, and reaches the server', async () => {
    const shared = { ...servers.scripted, isolation: 'shared' as const };
    const test = await startGateway({ upstreams: { default: shared } });
    const [one, other] = await pair(test);
    one.send(toolCall(1, 'slow', { ms: 60_000 }));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    one.socket.terminate();
    await expect.poll(async () => textOf(await other.call('seen', 'seen'))).toContain('notifications/cancelled');
  });

  it('14. getMultiClientMetrics(): sessions and requests, by upstream and transport', async () => {
    const test = await start();
    const [one, other] = await pair(test);
    await one.call(1, 'echo');
    other.send(toolCall(1, 'never'));
    await expect.poll(() => test.gateway.stats).toMatchObject({ connections: 2, exchanges: 1 });
    expect(test.gateway.operations.sessions()).toHaveLength(2);
    const { body } = await http(`http://127.0.0.1:${test.port}/metrics`, { method: 'GET' });
    expect(body).toMatch(/^switchboard_sessions\{.*websocket.*\} 2$/m);
    expect(body).toMatch(/^switchboard_requests_in_flight\{.*\} 1$/m);
    expect(body).toMatch(/^switchboard_requests_total\{.*tools\/call.*\} 1$/m);
  });
});

describe('EnvironmentMCPGateway: architecture improvements', () => {
  it('15. Request results are routed only to the originating client session', async () => {
    const test = await start();
    const clients = await Promise.all(Array.from({ length: 5 }, () => WireClient.session(test.ws)));
    // All use the same ids at the same time, and later calls are answered first.
    const answers = clients.map((client, at) =>
      Promise.all([1, 2, 3].map((id) => client.call(id, 'slow', { ms: 60 - 20 * id, text: `${at}.${id}` }))),
    );
    for (const [at, each] of (await Promise.all(answers)).entries()) {
      expect(each.map(textOf)).toEqual([`${at}.1`, `${at}.2`, `${at}.3`]);
    }
    expect(clients.flatMap(({ received }) => received)).toEqual([]);
  });

  it('16. Session metadata identifies and tracks clients, and is preserved: user agent and remote address', async () => {
    const test = await start();
    await named(test.ws, 'claude-code/2.0');
    const { 'mcp-session-id': id } = (
      await http(test.http, {
        headers: { 'user-agent': 'cursor/3.1' },
        body: { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() },
      })
    ).headers;
    expect(id).toEqual(expect.any(String));
    const facts = test.gateway.operations.sessions().map(({ userAgent, address }) => [userAgent, address]);
    expect(facts).toEqual([
      ['claude-code/2.0', '127.0.0.1'],
      ['cursor/3.1', '127.0.0.1'],
    ]);
  });

  it('17. Automatic request cancellation on client disconnect, over HTTP too when a client just vanishes', async () => {
    const test = await startGateway({ upstreams, absentGrace: '200ms' });
    const headers = await openSession(test.http, initializeParams());
    const gone = new AbortController();
    const { signal } = gone;
    const answer = http(test.http, { headers, body: toolCall(1, 'slow', { ms: 60_000 }), signal });
    await expect.poll(() => test.gateway.operations.requests()).toHaveLength(1);
    gone.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => test.gateway.operations.requests(), { timeout: 10_000 }).toEqual([]);
    // The session itself can be taken up again.
    const back = await http(test.http, { headers, body: toolCall(2, 'echo', { text: 'back' }) });
    expect([back.status, back.body]).toEqual([200, expect.stringContaining('back')]);
  });

  it('18. Concurrent request monitoring across all sessions', async () => {
    const running = await serve(['--', servers.scripted.command, ...servers.scripted.args], {
      XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'],
    });
    const clients = [await WireClient.session(running.ws), await WireClient.session(running.ws)];
    for (const client of clients) client.send(toolCall(1, 'never'));
    const { url, token } = JSON.parse(
      readFileSync(join(process.env['XDG_RUNTIME_DIR']!, 'switchboard', `${running.port}.json`), 'utf8'),
    ) as { url: string; token: string };
    const listed = async (): Promise<Json[]> =>
      JSON.parse(
        (await http(`${url}/requests`, { method: 'GET', headers: { authorization: `Bearer ${token}` } })).body,
      ) as Json[];
    await expect.poll(async () => new Set((await listed()).map(({ session }) => session)).size).toBe(2);
  });

  it('19. Session-specific server cleanup and proper disposal of resources: no process is left', async () => {
    const test = await start();
    const clients = await pair(test);
    const pids = await Promise.all(clients.map(pidOf));
    const grandchild = Number(textOf(await clients[0].call(2, 'grandchild')));
    for (const client of clients) client.socket.terminate();
    for (const pid of [...pids, grandchild]) await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false);
    await expectEmpty(test);
  });

  it('20. Session timeout and cleanup interval configuration: a quiet session ends by itself', async () => {
    const test = await startGateway({ upstreams, idleTimeout: '200ms', sweepInterval: '50ms' });
    expect(test.gateway.settings).toMatchObject({ idleTimeout: 200, sweepInterval: 50 });
    const client = await WireClient.session(test.ws);
    expect(await client.closed).toMatchObject({ code: 3008 });
    await expectEmpty(test);
  });
});

describe('EnvironmentMCPGateway: capabilities verified', () => {
  it('21. Multiple clients connect simultaneously without conflicts', async () => {
    const test = await start();
    const clients = await Promise.all(Array.from({ length: 10 }, () => WireClient.session(test.ws)));
    expect(test.gateway.operations.sessions().map(({ state }) => state)).toEqual(Array(10).fill('ready'));
    const pids = await Promise.all(clients.map(pidOf));
    expect(new Set(pids).size).toBe(10);
  });

  it('22. Session-aware logging', async () => {
    const { ws, log } = await serve(['--log-level', 'debug', '--', servers.scripted.command, ...servers.scripted.args]);
    const clients = [await WireClient.session(ws), await WireClient.session(ws)];
    await Promise.all(clients.map((client) => client.call(1, 'echo')));
    const sessions = (): Set<unknown> =>
      new Set(log.filter(({ msg }) => msg === 'request.ended').map(({ session }) => session));
    await expect.poll(() => sessions().size).toBe(2);
  });

  it('23. Graceful error handling: the crash of one session is an error of its own requests only', async () => {
    const test = await start();
    const [one, other] = await pair(test);
    other.send(toolCall(1, 'slow', { ms: 300, text: 'unharmed' }));
    expect(await one.call(1, 'crash')).toMatchObject({ error: { code: 31_003 } });
    expect(textOf(await other.answer(1))).toBe('unharmed');
    expect(textOf(await one.call(2, 'echo', { text: 'again' }))).toBe('again');
  });
});

describe('EnvironmentMCPGateway: performance characteristics', () => {
  it('24. Session creation waits for the start of no process after the first; the benchmark measures how long it takes', async () => {
    const test = await startGateway({ upstreams, warm: 'auto' });
    const started = (): unknown[] =>
      test.events.flatMap((event) => (event.type === 'member.started' ? [event.pid] : []));
    await WireClient.session(test.ws);
    await expect.poll(() => test.gateway.stats.upstreams['default']!.running).toBe(2);
    const spare = started()[1];
    expect(await pidOf(await WireClient.session(test.ws))).toBe(spare);
    expect(readFileSync(join(root, 'bench/README.md'), 'utf8')).toContain('sessions opened/s');
  });

  it('25. The overhead of routing a tool call is measured by the benchmark, beside a bare echo', async () => {
    const child = spawn(process.execPath, [join(root, 'bench/run.mjs'), '--help']);
    const { code, stdout } = await ended(child);
    expect(code).toBe(0);
    expect(stdout).toMatch(/ws-echo.*ours-ws/);
    expect(readFileSync(join(root, 'bench/README.md'), 'utf8')).toMatch(/\| .*p99.*\n/);
  });

  it('26. Memory scales with active sessions only: those that share a server add no process', async () => {
    const shared = { ...servers.scripted, isolation: 'shared' as const };
    const test = await startGateway({ upstreams: { default: shared } });
    const clients = await Promise.all(Array.from({ length: 20 }, () => WireClient.session(test.ws)));
    const pids = await Promise.all(clients.map(pidOf));
    expect(new Set(pids).size).toBe(1);
    expect(test.gateway.stats.upstreams['default']).toMatchObject({ running: 1 });
    for (const client of clients) client.socket.close();
    await expectEmpty(test, { members: 1 });
  });

  it('27. Ten concurrent sessions, and zero cross-session contamination', async () => {
    const here = terminal();
    const { urls } = await here.open('switchboard serve --port 0 --rate-limit unlimited -- mcp-switchboard-demo');
    const line = `switchboard simulate ${urls[0]} --clients 10 --calls 500 --fail-on 'crossed>0,lost>0,doubled>0'`;
    expect(await here.run(line)).toMatchObject({ code: 0, stdout: expect.stringContaining('0 crossed, 0 lost') });
  });
});

describe('EnvironmentMCPGateway: next implementation phase', () => {
  it('28. Client configuration migration from STDIO to HTTP transport', async () => {
    const entry = { command: process.execPath, args: [servers.demo.args[0]] };
    const config = file({ mcpServers: { 'lucidwonks-environment': entry } });
    const running = await serve(['--config', config]);
    const after = new Client({ name: 'migrated', version: '1' });
    await after.connect(new StreamableHTTPClientTransport(new URL(running.http)));
    const before = new Client({ name: 'before', version: '1' });
    await before.connect(new StdioClientTransport(entry));
    const names = async (client: Client): Promise<string[]> => (await client.listTools()).tools.map(({ name }) => name);
    expect(await names(after)).toEqual(await names(before));
    await Promise.all([after.close(), before.close()]);
  });

  it('29. Dual transport support: STDIO and HTTP at a time', async () => {
    const here = terminal();
    writeFileSync(
      join(here.cwd, 'switchboard.json'),
      JSON.stringify({ port: 0, upstreams: { default: servers.demo } }),
    );
    const args = [cli, 'serve', '--transport', 'stdio,all', '--config', join(here.cwd, 'switchboard.json')];
    const client = new Client({ name: 'stdio', version: '1' });
    onTestFinished(() => client.close());
    const env = { ...(here.env as Record<string, string>), SWITCHBOARD_ADMIN_TOKEN: '' };
    delete (env as Partial<typeof env>)['SWITCHBOARD_ADMIN_TOKEN'];
    const transport = new StdioClientTransport({ command: process.execPath, args, env, stderr: 'pipe' });
    let log = '';
    transport.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()));
    await client.connect(transport);
    await expect.poll(() => log).toMatch(/http:\/\/127\.0\.0\.1:\d+\/mcp/);
    const other = await connect(/http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(log)![0]);
    const add = { name: 'add', arguments: { a: 1, b: 2 } };
    expect(await client.callTool(add)).toMatchObject({ content: [{ text: '3' }] });
    expect(await other.callTool(add)).toMatchObject({ content: [{ text: '3' }] });
    await other.close();
  });

  it('30. Production deployment: health and readiness are told, and an end is graceful', async () => {
    const running = await serve(['--', servers.scripted.command, ...servers.scripted.args]);
    const base = running.http.replace('/mcp', '');
    for (const path of ['/health', '/status', '/healthz', '/readyz'])
      expect((await http(base + path, { method: 'GET' })).status).toBe(200);
    const client = await WireClient.session(running.ws);
    client.send(toolCall(1, 'slow', { ms: 300, text: 'finished' }));
    await new Promise((resolve) => setImmediate(resolve));
    await client.call(2, 'echo');
    running.child.kill('SIGTERM');
    expect(textOf(await client.answer(1))).toBe('finished');
    expect(await running.exit).toBe(0);
    expect(await client.closed).toMatchObject({ code: 1001 });
  });
});
