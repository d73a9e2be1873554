/** The built command, as a user runs it. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';

import { EXIT } from '../../src/cli/exit.ts';
import { file, run, start } from '../support/command.ts';
import { startCutter } from '../support/cutter.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { WireClient, initializeParams, toolCall } from '../support/wire.ts';

describe('switchboard', () => {
  it('tells its version, and what it can do', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    for (const command of ['serve', 'connect', 'call', 'chat', 'simulate']) {
      const { code, stdout } = await run(['help', command]);
      expect([code, stdout]).toEqual([0, expect.stringContaining(`Usage: switchboard ${command}`)]);
    }
  });

  it.each([
    ['an unknown command', ['surf'], EXIT.usage.code, "unknown command 'surf'"],
    ['an unknown flag', ['serve', '--prot', '1'], EXIT.usage.code, '--port'],
    ['no server', ['serve'], EXIT.usage.code, 'give its command after --'],
    [
      'a port that is none',
      ['serve', '--port', '99999', '--', 'x'],
      EXIT.usage.code,
      '--port: expected a whole number from 0 to 65535, got "99999"',
    ],
    [
      'a size that is none',
      ['serve', '--max-message-size', 'big', '--', 'x'],
      EXIT.usage.code,
      '--max-message-size: expected a size',
    ],
    [
      'an isolation that is none',
      ['serve', '--isolation', 'some', '--', 'x'],
      EXIT.usage.code,
      '--isolation: expected session, principal, shared or pool, got "some"',
    ],
    ['a shell without completion', ['completion', 'tcsh'], EXIT.usage.code, '"tcsh"; expected bash, zsh, fish'],
    ['a file that is not there', ['serve', '--config', '/nowhere.json'], EXIT.config.code, '/nowhere.json'],
    ['a public address', ['serve', '--host', '0.0.0.0', '--port', '0', '--', 'node'], EXIT.listen.code, '--insecure'],
    [
      'a chat whose model is not named',
      ['chat', '--model-url', 'http://127.0.0.1:1/v1', '--', 'node'],
      EXIT.config.code,
      'say which one, with --model',
    ],
    [
      'a block of the chat that is wrong',
      ['chat', '--config', file('{ "upstreams": { "x": { "command": "x" } }, "chat": { "modle": "m" } }')],
      EXIT.config.code,
      'modle',
    ],
    [
      'a chat at a public address',
      ['chat', '--host', '0.0.0.0', '--port', '0', '--', 'node'],
      EXIT.listen.code,
      '--insecure',
    ],
    ['no URL', ['call', 'localhost'], EXIT.usage.code, 'expected a URL'],
    ['arguments that are no object', ['call', 'ws://127.0.0.1:1/', 'x', '--args', '[1]'], EXIT.usage.code, '--args'],
    ...['x', '0', '-5', '1000d'].map(
      (time) =>
        [
          `the timeout ${time}`,
          ['call', 'ws://127.0.0.1:1/', 'x', `--timeout=${time}`],
          EXIT.usage.code,
          `--timeout: expected a duration of up to 24 days such as 90s, 5m or 2h, got "${time}"`,
        ] as [string, string[], number, string],
    ),
    ['a program that is not there', ['serve', 'nosuch'], EXIT.unreachable.code, '"nosuch" was not found'],
    ['help for what is no command', ['help', 'serv'], EXIT.usage.code, 'Did you mean "serve"?'],
    ['a level that is none', ['connect', 'ws://127.0.0.1:1/', '--log-level', 'loud'], EXIT.usage.code, 'loud'],
    ['a drain that takes no time', ['drain', '--timeout', 'now'], EXIT.usage.code, '--timeout: expected'],
    ['nobody there', ['call', 'ws://127.0.0.1:9/mcp'], EXIT.unreachable.code, 'ECONNREFUSED'],
    ['nobody there, by HTTP', ['call', 'http://127.0.0.1:9/mcp'], EXIT.unreachable.code, 'http://127.0.0.1:9/mcp'],
  ])('says what is wrong with %s', async (_, args, code, message) => {
    const ended = await run(args);
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr).toMatch(/^switchboard: .*\(SWB_\w+\)$/ms);
    expect(ended.stderr).not.toContain('    at ');
  });

  it('says which port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);
    const ended = await run(['serve', '--port', port, '--', 'node']);
    expect(ended.code).toBe(EXIT.listen.code);
    expect(ended.stderr).toContain(`127.0.0.1:${port}; choose another with --port`);
  });
});

describe('switchboard serve', () => {
  it('shares the servers of a file that another program wrote, and takes settings from file, environment and flags', async () => {
    const config = file(`{
      // as in other programs' files
      "mcpServers": {
        "one": { "type": "stdio", "command": "${process.execPath}", "args": ["\${SERVER}"], "env": { "X": "\${env:UNSET:-y}" }, "autoApprove": [] },
        "off": { "command": "x", "disabled": true },
      },
      "maxConnections": 7, "port": 1, "theme": "dark",
    }`);
    const child = start(['serve', '--config', config, '--port', '0'], {
      SERVER: servers.scripted.args[0],
      SWITCHBOARD_MAX_CONNECTIONS: '9',
    });
    let stderr = '';
    child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout! })) {
      lines.push(line);
      if (line.startsWith('Ctrl-C')) break;
    }
    expect(lines[0]).toBe('Switchboard is serving, for up to 9 clients:');
    const ws = /ws:\/\/\S+/.exec(lines.join('\n'))![0];
    const client = await WireClient.session(ws);
    expect(await client.call(1, 'echo', { text: 'x' })).toHaveProperty('result');
    expect(stderr).toContain('mcpServers.off is disabled and left out');
    expect(stderr).toContain('left alone: mcpServers.one.autoApprove, theme');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('names file, line and key of everything that is wrong in a file', async () => {
    const config = file(`{
  "upstreams": {
    "a": { "command": 5 },
    "b": { "url": "ftp://x" },
    "c": { "command": "x", "env": { "KEY": "\${input:key}" } },
    "d": {},
    "bad name": { "command": "x" },
    "e": { "command": "x", "args": ["\${env:SURELY_UNSET}"] },
  },
  "prot": 5,
  "warm": -1
}`);
    const { code, stderr } = await run(['serve', '--config', config]);
    expect(code).toBe(EXIT.config.code);
    for (const [line, key, what] of [
      [3, 'upstreams.a.command', 'expected string'],
      [4, 'upstreams.b.url', 'expected a URL with http, https, ws or wss'],
      [5, 'upstreams.c.env.KEY', '${input:key} asks a person'],
      [6, 'upstreams.d', 'expected one of command or url, got neither'],
      [7, 'upstreams.bad name', 'the name must be'],
      [8, 'upstreams.e.args.0', 'SURELY_UNSET is not set'],
      [10, 'prot', 'unknown option'],
      [11, 'warm', 'from 0 to 100'],
    ]) {
      expect(stderr).toMatch(
        new RegExp(
          `config\\.jsonc:${line}: ${String(key).replaceAll('.', '\\.')}: .*${String(what).replace(/[$(){}]/g, '\\$&')}`,
        ),
      );
    }
    const broken = await run(['serve', '--config', file('{\n  "port": 1,\n  "upstreams": {{\n}')]);
    expect(broken.stderr).toMatch(/config\.jsonc:3: \w+ in the JSON/);
  });

  it('serves one client on stdin and stdout the old way, with nothing else on stdout, and ends with it', async () => {
    const input = [
      { jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() },
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      toolCall(2, 'echo', { text: 'old way' }),
    ];
    const child = start([
      'serve',
      '--transport',
      'stdio',
      '--log-level',
      'trace',
      '--',
      servers.scripted.command,
      ...servers.scripted.args,
    ]);
    const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    for (const message of input) child.stdin!.write(`${JSON.stringify(message)}\n`);
    expect(JSON.parse((await answers.next()).value as string)).toMatchObject({
      id: 1,
      result: { serverInfo: { name: 'scripted' } },
    });
    expect(JSON.parse((await answers.next()).value as string)).toMatchObject({
      id: 2,
      result: { content: [{ text: 'old way' }] },
    });
    child.stdin!.write('nonsense\n');
    expect(JSON.parse((await answers.next()).value as string)).toMatchObject({ error: { code: -32700 } });
    child.stdin!.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('serves stdin and the network at once: stdout has nothing but the protocol, and its end ends no other client', async () => {
    const child = start([
      'serve',
      '--transport',
      'stdio,all',
      '--port',
      '0',
      '--',
      servers.scripted.command,
      ...servers.scripted.args,
    ]);
    let ws = '';
    for await (const line of createInterface({ input: child.stderr! })) {
      const url = (JSON.parse(line) as { url?: string }).url;
      if (url === undefined) continue;
      ws = url.replace('http', 'ws');
      break;
    }
    let stdout = '';
    child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    const answer = `${JSON.stringify({ jsonrpc: '2.0', id: 'a', result: {} })}\n`;
    child.stdin!.write(`${JSON.stringify({ jsonrpc: '2.0', id: 'a', method: 'ping' })}\n`);
    await expect.poll(() => stdout).toBe(answer);
    const client = await WireClient.session(ws);
    const { port } = new URL(ws);
    // The client on stdio starts it again, as it does after its own restart.
    const again = await run(['serve', '--transport', 'stdio,all', '--port', port, '--', 'node']);
    expect([again.code, again.stdout]).toEqual([EXIT.listen.code, '']);
    expect(again.stderr).toContain(`let this client start "switchboard connect ws://127.0.0.1:${port}/mcp"`);
    child.stdin!.end();
    expect(await client.call(1, 'echo', { text: 'x' })).toHaveProperty('result');
    const other = await WireClient.session(ws);
    expect(await other.call(1, 'echo', { text: 'y' })).toHaveProperty('result');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(stdout).toBe(answer);
  });

  it('keeps message bodies and session ids out of its log', async () => {
    const child = start([
      'serve',
      '--port',
      '0',
      '--log-level',
      'trace',
      '--',
      servers.scripted.command,
      ...servers.scripted.args,
    ]);
    let log = '';
    child.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()));
    let url = '';
    for await (const line of createInterface({ input: child.stdout! })) {
      url ||= /http:\/\/\S+/.exec(line)?.[0] ?? '';
      if (line.startsWith('Ctrl-C')) break;
    }
    const { openSession, http } = await import('../support/http.ts');
    const session = await openSession(url, initializeParams());
    await http(url, { headers: session, body: toolCall(1, 'echo', { text: 'canary-body' }) });
    await expect.poll(() => log).toContain('request.ended');
    expect(log).not.toContain('canary-body');
    expect(log).not.toContain(session['mcp-session-id']);
  });
});

describe('traces of switchboard serve', () => {
  const serve = ['serve', '--port', '0', '--', servers.scripted.command, ...servers.scripted.args];

  async function notesOf(env: Record<string, string>): Promise<string> {
    const child = start(serve, env);
    let notes = '';
    child.stderr!.on('data', (chunk: Buffer) => (notes += chunk.toString()));
    for await (const line of createInterface({ input: child.stdout! })) if (line.startsWith('Ctrl-C')) break;
    child.kill('SIGTERM');
    await once(child, 'close');
    return notes;
  }

  it('are asked for by the variables of OpenTelemetry; without its SDK it says what to install, and serves', async () => {
    const notes = await notesOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    expect(notes).toContain(
      'OTEL_EXPORTER_OTLP_ENDPOINT is set, but no traces are sent: install @opentelemetry/sdk-node',
    );
  });

  it('are not asked for where the SDK is switched off', async () => {
    const notes = await notesOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' });
    expect(notes).not.toContain('OTEL');
  });
});

describe('switchboard call', () => {
  it.each(['ws', 'http'] as const)('lists tools and calls one with progress, over %s', async (scheme) => {
    const test = await startGateway({ upstreams: { default: servers.demo } });
    const listed = await run(['call', test[scheme]]);
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('add(a, b)') });
    const counted = await run(['call', test[scheme], 'count', '--args', '{"to": 3, "delayMs": 20}']);
    expect(counted).toMatchObject({ code: 0, stdout: 'Counted to 3.\n' });
    expect(counted.stderr).toContain('[2/3]');
    const added = await run(['call', test[scheme], 'add', '--args', '{"a":1,"b":2}', '--json']);
    expect(JSON.parse(added.stdout)).toMatchObject({ structuredContent: { sum: 3 } });
    const wrong = await run(['call', test[scheme], 'add', '--args', '{"a":"one"}']);
    expect(wrong.code).toBe(EXIT.tool.code);
  });

  it('lets no control character of a server reach the terminal', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const { stdout } = await run(['call', test.ws, 'echo', '--args', JSON.stringify({ text: 'a\u001b[2Jb\rc' })]);
    expect(stdout).toBe('a\uFFFD[2Jb\uFFFDc\n');
  });
});

describe('switchboard call, where something is not there', () => {
  it('says which tool was meant, and what the server said', async () => {
    const test = await startGateway({ upstreams: { default: servers.demo } });
    expect(await run(['call', test.http, 'ad', '--args', '{"a":1,"b":2}'])).toMatchObject({
      code: EXIT.failed.code,
      stdout: '',
      stderr: expect.stringMatching(
        /^switchboard: .*there is no tool "ad".* Did you mean "add"\? \(SWB_UNKNOWN_NAME\)\n$/,
      ),
    });
  });

  it('says why the server cannot serve, as the answer to the first request does', async () => {
    const test = await startGateway({
      upstreams: { default: { command: process.execPath, args: ['-e', 'process.exit(3)'] } },
    });
    expect(await run(['call', test.http])).toMatchObject({
      code: EXIT.unreachable.code,
      stderr: expect.stringContaining('HTTP status 502: The upstream server is not available: exited with code 3'),
    });
  });

  it('ends when the connection is cut, and says that the call may have run', async () => {
    const test = await startGateway({ upstreams: { default: servers.demo } });
    const cutter = await startCutter(test.port, () => Infinity);
    const words = ['call', `http://127.0.0.1:${cutter.port}/mcp`, 'count', '--args', '{"to":1000,"delayMs":100}'];
    const child = start(words);
    let shown = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (shown += text));
    await once(child.stderr!, 'data');
    const closed = once(child, 'close');
    cutter.bytes = () => 1;
    cutter.cutAll();
    expect(await closed).toEqual([EXIT.failed.code, null]);
    expect(shown).toContain('may or may not have been processed (SWB_CONNECTION_LOST)');
  });

  it('ends a call that takes longer than its timeout, and cannot be asked without a terminal', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const slow = await run(['call', test.ws, 'slow', '--args', '{"ms": 20000}', '--timeout', '300ms']);
    expect(slow).toMatchObject({
      code: EXIT.failed.code,
      stderr: expect.stringContaining('raise --timeout (SWB_TIMEOUT)'),
    });
    // A server that knows so can do without; this one asks all the same.
    const asked = await run(['call', test.ws, 'ask', '--args', '{"message": "who?"}']);
    expect(asked).toMatchObject({ code: 0, stdout: expect.stringMatching(/-3260[01]/), stderr: '' });
  });
});

describe('switchboard connect', () => {
  it('goes on when the server behind the address was away', async () => {
    const first = await startGateway({ upstreams: { default: servers.scripted } });
    const child = start(['connect', first.ws, '--log-level', 'silent']);
    const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const ask = async (message: object): Promise<object> => {
      child.stdin!.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
      for (;;) {
        const answer = JSON.parse((await answers.next()).value as string) as { id?: unknown };
        if ('id' in answer) return answer;
      }
    };
    await ask({ id: 1, method: 'initialize', params: initializeParams() });
    child.stdin!.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
    expect(await ask(toolCall(2, 'echo', { text: 'x' }))).toHaveProperty('result');
    await first.gateway.close();
    // Before or after the socket is known to be gone.
    const away = JSON.stringify(await ask(toolCall(3, 'echo', { text: 'x' })));
    expect(away).toMatch(/SWB_CONNECT_FAILED|SWB_UPSTREAM_EXITED/);
    const second = await startGateway({ upstreams: { default: servers.scripted }, port: first.port });
    expect(second.port).toBe(first.port);
    await expect.poll(() => ask(toolCall(4, 'echo', { text: 'x' })), { timeout: 10_000 }).toHaveProperty('result');
    child.stdin!.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
