/** Luno, "Multi-Client Support for Luno MCP Server": one test for each thing that it names, in its order, done with Switchboard. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { SignJWT } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { connect } from '../../src/client.ts';
import { startWithKeys } from '../support/access.ts';
import { freePort } from '../support/blocks.ts';
import { TestAuthority } from '../support/certificates.ts';
import { serve } from '../support/command.ts';
import { startCutter } from '../support/cutter.ts';
import { root, servers, startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer } from '../support/keys.ts';
import { terminal } from '../support/typed.ts';
import type { Open, Terminal } from '../support/typed.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };

interface Entry {
  type: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
}

/** The entries for VS Code, whose file may have comments. */
const { servers: vsCode } = JSON.parse(
  readFileSync(join(root, '.vscode/mcp.json'), 'utf8').replaceAll(/^\s*\/\/.*$/gm, ''),
) as { servers: Record<string, Entry> };

/** A stand-in for the exchange, which knows one price. @returns the command of the server that asks it */
async function lunoServer(): Promise<string> {
  const exchange = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://exchange');
    const market = { market_id: 'XBTZAR', base_currency: 'XBT', counter_currency: 'ZAR', trading_status: 'ACTIVE' };
    const scales = { min_price: '10', max_price: '10000000', price_scale: 0, min_volume: '0.0001', max_volume: '100' };
    const markets = { markets: [{ ...market, ...scales, volume_scale: 6 }] };
    const prices = { bid: '1250000', ask: '1250100', last_trade: '1250050', rolling_24_hour_volume: '53.1' };
    const ticker = { pair: 'XBTZAR', status: 'ACTIVE', timestamp: Date.now(), ...prices };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(pathname.endsWith('/markets') ? markets : ticker));
  }).listen(0, '127.0.0.1');
  await once(exchange, 'listening');
  onTestFinished(() => {
    exchange.closeAllConnections();
    exchange.close();
  });
  return `mcp-switchboard-luno --base-url http://127.0.0.1:${(exchange.address() as AddressInfo).port}`;
}

const PRICE = 'XBTZAR: ask 1250100';

interface Luno extends Terminal {
  luno: string;
  /** The address in the words of the line that serves, on a port that is free. */
  port: number;
}

async function lunoDesk(): Promise<Luno> {
  return { ...terminal(), luno: await lunoServer(), port: await freePort() };
}

const call = (url: string): string => `switchboard call ${url} get_ticker --args '{"pair": "XBTZAR"}'`;

async function expectPrice(here: Terminal, url: string, flags = ''): Promise<void> {
  const { code, stdout, stderr } = await here.run(`${call(url)} ${flags}`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout, PRICE).toContain('1250100');
}

/** `switchboard certs` in the folder `certs`, as the paths of the document are. */
const withCertificates = async (here: Luno): Promise<Luno> => {
  expect(await here.run('switchboard certs --out ./certs')).toMatchObject({ code: 0 });
  return here;
};

const isOpen = ({ urls }: Open, url: string): void => expect(urls).toContain(url);

describe('Luno: two transport mechanisms', () => {
  it('1. STDIO transport, for a single client', async () => {
    const here = await lunoDesk();
    const client = new Client({ name: 'stdio', version: '1' });
    onTestFinished(() => client.close());
    const args = ['-c', `switchboard serve --transport stdio -- ${here.luno}`];
    const env = { PATH: here.env['PATH']!, XDG_RUNTIME_DIR: here.cwd };
    await client.connect(new StdioClientTransport({ command: '/bin/sh', args, env, stderr: 'ignore' }));
    const { content } = await client.callTool({ name: 'get_ticker', arguments: { pair: 'XBTZAR' } });
    expect(JSON.stringify(content)).toContain('1250100');
  });

  it('2. WebSockets transport, for multiple clients with security features', async () => {
    const here = await lunoDesk();
    const { urls } = await here.open(`switchboard serve --transport websocket --port ${here.port} -- ${here.luno}`);
    expect(urls.filter((url) => url.startsWith('ws'))).toHaveLength(1);
    const clients = await Promise.all([1, 2, 3].map(() => connect(urls[0]!)));
    const prices = clients.map((each) => each.callTool({ name: 'get_ticker', arguments: { pair: 'XBTZAR' } }));
    for (const price of await Promise.all(prices)) expect(JSON.stringify(price.content)).toContain('1250100');
    await Promise.all(clients.map((client) => client.close()));
    const foreign = new WebSocket(urls[0]!, 'mcp', { origin: 'https://evil.example' });
    const [error] = (await once(foreign, 'error')) as [Error];
    expect(error.message).toContain('403');
  });
});

describe('Luno: transport abstraction layer', () => {
  it('3. One server behind every transport: a base class is not needed to choose one', async () => {
    const test = await startGateway({ upstreams: { default: servers.demo } });
    const [overWebSocket, overHttp] = [await connect(test.ws), await connect(test.http)];
    const overStdio = await connect({
      command: process.execPath,
      args: [servers.demo.args[0]],
    });
    const names = [overWebSocket, overHttp, overStdio].map(async (client) => {
      const { tools } = await client.listTools();
      await client.close();
      return tools.map(({ name }) => name);
    });
    const [first, ...others] = await Promise.all(names);
    for (const other of others) expect(other).toEqual(first);
  });
});

describe('Luno: server configuration options', () => {
  it('4. Command-line arguments for transport selection', async () => {
    const here = await lunoDesk();
    for (const [transport, kinds] of [
      ['websocket', ['ws']],
      ['http', ['http']],
      ['all', ['http', 'ws']],
    ] as const) {
      const running = await here.open(`switchboard serve --transport ${transport} --port 0 -- ${here.luno}`);
      const mcp = running.urls.filter((url) => url.endsWith('/mcp')).map((url) => url.split(':')[0]!);
      expect(mcp.toSorted()).toEqual(kinds);
      running.child.kill();
    }
    expect(await here.run('switchboard serve --transport pigeon -- x')).toMatchObject({ code: 2 });
  });

  it('5. Environment variables for configuration', async () => {
    const here = await lunoDesk();
    const running = await here.open(`switchboard serve -- ${here.luno}`, {
      MCP_TRANSPORT: 'websocket',
      MCP_HOST: 'localhost',
      MCP_PORT: String(here.port),
      MCP_MAX_CONNECTIONS: '50',
      MCP_MAX_MESSAGE_SIZE: '1048576',
      MCP_RATE_LIMIT: '100',
    });
    isOpen(running, `ws://localhost:${here.port}/mcp`);
    const { stdout } = await here.run('switchboard status --json');
    expect(JSON.parse(stdout)).toMatchObject({ state: 'serving' });
    await expectPrice(here, `ws://localhost:${here.port}/mcp`);
  });

  it('6. A VS Code configuration in .vscode/mcp.json, with three servers', () => {
    expect(Object.keys(vsCode)).toEqual([
      'luno-mcp-server-stdio',
      'luno-mcp-server-websocket',
      'luno-mcp-server-websocket-secure',
    ]);
  });
});

describe('Luno: security and rate limiting features', () => {
  it('7. SSL/TLS support for secure WebSocket connections (WSS)', async () => {
    const authority = await TestAuthority.create();
    const { port } = await startGateway({ upstreams, ...authority.tls() });
    const socket = new WebSocket(`wss://localhost:${port}/mcp`, 'mcp', { ca: authority.ca });
    await once(socket, 'open');
    socket.terminate();
    const bare = new WebSocket(`ws://localhost:${port}/mcp`, 'mcp');
    await once(bare, 'error');
    const distrusting = new WebSocket(`wss://localhost:${port}/mcp`, 'mcp');
    const [error] = (await once(distrusting, 'error')) as [Error];
    expect(error.message).toMatch(/certificate|self.signed|unable to verify/);
  });

  it('8. Rate limiting to prevent abuse, of as many requests a minute as configured', async () => {
    const { ws } = await startGateway({ upstreams, rateLimit: 3 });
    const client = await WireClient.session(ws);
    const answers = [await client.call(1, 'echo'), await client.call(2, 'echo'), await client.call(3, 'echo')];
    expect(answers.map((answer) => 'error' in answer)).toEqual([false, false, true]);
    expect(answers[2]).toMatchObject({ id: 3, error: { code: 31005, data: { retryAfterMs: expect.any(Number) } } });
  });

  it('9. Connection limits to prevent resource exhaustion', async () => {
    const { ws } = await startGateway({ upstreams, maxConnections: 2 });
    const clients = [await WireClient.open(ws), await WireClient.open(ws)];
    await expect(WireClient.open(ws)).rejects.toThrow('503');
    clients[0]!.socket.close();
    await clients[0]!.closed;
    await expect
      .poll(() =>
        WireClient.open(ws).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });

  it('10. Maximum message size limits', async () => {
    const { ws } = await startGateway({ upstreams, maxMessageSize: 1_048_576 });
    const client = await WireClient.session(ws);
    const fits = await client.call(1, 'echo', { text: 'x'.repeat(1_000_000) });
    expect(textOf(fits)).toHaveLength(1_000_000);
    client.send(toolCall(2, 'echo', { text: 'x'.repeat(1_048_576) }));
    expect(await client.closed).toMatchObject({ code: 1009 });
  });

  it('11. Connection monitoring, and detailed tracking of each client', async () => {
    const { ws, gateway } = await startGateway({ upstreams });
    const client = await WireClient.open(ws, { headers: { 'user-agent': 'monitored' } });
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.answer(0);
    const [session] = gateway.operations.sessions();
    expect(session).toMatchObject({
      state: expect.stringMatching(/opening|ready/),
      transport: 'websocket',
      client: { name: 'wire', version: '1' },
      address: '127.0.0.1',
      userAgent: 'monitored',
      startedAt: expect.any(Number),
      lastActivity: expect.any(Number),
      traffic: { messagesIn: 1, messagesOut: 1 },
    });
    client.socket.close();
    await expect.poll(() => gateway.operations.sessions()).toEqual([]);
  });
});

describe('Luno: client tools and testing', () => {
  it('12. A basic WebSocket test client', async () => {
    const here = await lunoDesk();
    await here.open(`switchboard serve --transport websocket --host localhost --port ${here.port} -- ${here.luno}`);
    const listed = await here.run(`switchboard call ws://localhost:${here.port}/mcp`);
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('get_ticker') });
    await expectPrice(here, `ws://localhost:${here.port}/mcp`);
  });

  it('13. An enhanced tool that simulates multiple clients', async () => {
    const here = terminal();
    const { urls } = await here.open('switchboard serve --port 0 --rate-limit unlimited -- mcp-switchboard-demo');
    const result = await here.run(`switchboard simulate ${urls[0]} --clients 5 --calls 50 --output result.json`);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining('0 crossed, 0 lost') });
    const json = JSON.parse(readFileSync(join(here.cwd, 'result.json'), 'utf8')) as { clients: unknown };
    expect(JSON.stringify(json)).toContain('"crossed":0');
  });

  it('14. Support for connection keep-alive: an idle client is pinged and stays', async () => {
    const { ws, gateway } = await startGateway({ upstreams, pingInterval: '50ms' });
    const client = await WireClient.session(ws);
    let pings = 0;
    client.socket.on('ping', () => pings++);
    await expect.poll(() => pings).toBeGreaterThan(4);
    expect(gateway.stats.connections).toBe(1);
    expect(textOf(await client.call(1, 'echo', { text: 'still here' }))).toBe('still here');
  });

  it('15. Support for reconnection: a call goes on while its client comes back', async () => {
    const { port, gateway } = await startGateway({ upstreams });
    const cutter = await startCutter(port, () => Infinity);
    const client = await connect(`ws://127.0.0.1:${cutter.port}/mcp`, { era: 'legacy' });
    const answer = client.callTool({ name: 'slow', arguments: { ms: 300, text: 'after the cut' } });
    await expect.poll(() => gateway.stats.exchanges).toBe(1);
    cutter.cutAll();
    await expect.poll(() => cutter.open).toBe(0);
    expect((await answer).content).toEqual([{ type: 'text', text: 'after the cut' }]);
    expect(cutter.open).toBe(1);
    await client.close();
  });
});

describe('Luno: usage', () => {
  it('16. Basic WebSocket server: --transport websocket --host localhost --port 8765', async () => {
    const here = await lunoDesk();
    const line = `switchboard serve --transport websocket --host localhost --port ${here.port} -- ${here.luno}`;
    isOpen(await here.open(line), `ws://localhost:${here.port}/mcp`);
    await expectPrice(here, `ws://localhost:${here.port}/mcp`);
  });

  it('17. With security and rate limiting options: --max-connections 50 --max-message-size 1048576 --rate-limit 100', async () => {
    const here = await lunoDesk();
    const limits = '--max-connections 50 --max-message-size 1048576 --rate-limit 100';
    const line = `switchboard serve --transport websocket --host localhost --port ${here.port} ${limits} -- ${here.luno}`;
    isOpen(await here.open(line), `ws://localhost:${here.port}/mcp`);
    const { url, token } = JSON.parse(readFileSync(join(here.cwd, 'switchboard', `${here.port}.json`), 'utf8')) as {
      url: string;
      token: string;
    };
    const limitsNow = await http(`${url}/limits`, { method: 'GET', headers: bearer(token) });
    expect(JSON.parse(limitsNow.body)).toMatchObject({ maxConnections: 50, maxMessageSize: 1_048_576, rateLimit: 100 });
    await expectPrice(here, `ws://localhost:${here.port}/mcp`);
  });

  it('18. With SSL/TLS encryption: --ssl-cert ./certs/server.crt --ssl-key ./certs/server.key', async () => {
    const here = await withCertificates(await lunoDesk());
    await here.run('cp certs/server.pem certs/server.crt && cp certs/server-key.pem certs/server.key');
    const tls = '--ssl-cert ./certs/server.crt --ssl-key ./certs/server.key';
    const line = `switchboard serve --transport websocket --host localhost --port ${here.port} ${tls} -- ${here.luno}`;
    isOpen(await here.open(line), `wss://localhost:${here.port}/mcp`);
    await expectPrice(here, `wss://localhost:${here.port}/mcp`, '--ca certs/ca.pem');
  });

  it('19. A single client with monitoring: --mode single --duration 60', async () => {
    const here = terminal();
    const { urls } = await here.open('switchboard serve --port 0 -- mcp-switchboard-demo');
    const shown = await here.run(`switchboard simulate ${urls[0]} --mode single --duration 2`);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('1 client') });
  });

  it('20. Multiple clients at a time: --mode multi --clients 3 --duration 60', async () => {
    const here = terminal();
    const { urls } = await here.open('switchboard serve --port 0 --rate-limit unlimited -- mcp-switchboard-demo');
    const line = `switchboard simulate ${urls[0]} --mode multi --clients 3 --duration 2 --rate 20`;
    expect(await here.run(line)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^3 clients/) });
  });
});

describe('Luno: security features implemented', () => {
  it('21. Secure WebSocket connections with certificates of configurable paths, and no fall-back without them', async () => {
    const here = await withCertificates(await lunoDesk());
    const env = { SSL_CERT_PATH: 'certs/server.pem', SSL_KEY_PATH: 'certs/server-key.pem' };
    const line = `switchboard serve --transport websocket --host localhost --port ${here.port} -- ${here.luno}`;
    isOpen(await here.open(line, env), `wss://localhost:${here.port}/mcp`);
    const missing = await here.run(line, { ...env, SSL_CERT_PATH: 'certs/none.pem' });
    expect(missing).toMatchObject({ code: expect.any(Number), stdout: '' });
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain('none.pem');
  });

  it('22. Per-client request rate limiting: one client uses up its own allowance only', async () => {
    const test = await startWithKeys({ rateLimit: 2 });
    const [ann, ben] = [await connect(test.ws, { token: test.ann }), await connect(test.ws, { token: test.ben })];
    const use = (client: typeof ann): Promise<unknown> =>
      client.callTool({ name: 'echo', arguments: { text: 'x' } }).catch(({ code }: { code: number }) => code);
    let last: unknown;
    for (let n = 0; n < 5 && last !== 31_005; n++) last = await use(ann);
    expect(last).toBe(31_005);
    expect(await use(ben)).toMatchObject({ content: [{ text: 'x' }] });
    await Promise.all([ann.close(), ben.close()]);
  });

  it('23. A configurable limit, by default 100 requests per minute', async () => {
    const defaults = await startGateway({ upstreams, rateLimit: undefined });
    expect(defaults.gateway.settings.rateLimit).toBe(100);
    const configured = await startGateway({ upstreams, rateLimit: 250 });
    expect(configured.gateway.settings.rateLimit).toBe(250);
  });

  it('24. Automatic tracking and enforcement', async () => {
    const { ws, gateway, events } = await startGateway({ upstreams, rateLimit: 2 });
    const client = await WireClient.session(ws);
    await client.call(1, 'echo');
    for (let id = 2; id < 5; id++) {
      expect(await client.call(id, 'echo')).toMatchObject({ error: { data: { code: 'SWB_RATE_LIMITED' } } });
    }
    expect(gateway.operations.sessions()).toHaveLength(1);
    expect(JSON.stringify(events)).toContain('SWB_RATE_LIMITED');
  });

  it('25. A maximum of connections, by default 50 clients', async () => {
    const shared = { ...servers.demo, isolation: 'shared' as const };
    const { ws, gateway } = await startGateway({ upstreams: { default: shared } });
    expect(gateway.settings.maxConnections).toBe(50);
    await Promise.all(Array.from({ length: 50 }, () => WireClient.open(ws)));
    await expect(WireClient.open(ws)).rejects.toThrow('503');
    expect(gateway.stats.connections).toBe(50);
  });

  it('26. Message size limits prevent memory attacks', async () => {
    const { ws, gateway } = await startGateway({ upstreams, maxMessageSize: '1MiB' });
    const [attacker, other] = [await WireClient.open(ws), await WireClient.session(ws)];
    const piece = Buffer.alloc(256 * 1024, 'x');
    attacker.socket.send(piece, { fin: false, binary: false });
    for (let n = 0; n < 400 && attacker.socket.readyState === WebSocket.OPEN; n++) {
      attacker.socket.send(piece, { fin: false, binary: false });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await attacker.closed).toMatchObject({ code: expect.any(Number) });
    expect(textOf(await other.call(1, 'echo', { text: 'fine' }))).toBe('fine');
    expect(gateway.stats.connections).toBe(1);
  });

  it('27. Queue size controls', async () => {
    const queue = { maxQueueMessages: 5, maxQueueSize: '1MiB' } as const;
    const { ws, gateway } = await startGateway({ upstreams, ...queue });
    const [slow, other] = [await WireClient.session(ws), await WireClient.session(ws)];
    slow.socket.pause();
    for (let id = 1; id <= 60; id++) slow.send(toolCall(id, 'big', { bytes: 500_000 }));
    await expect.poll(() => gateway.stats.connections, { timeout: 20_000 }).toBe(1);
    expect(textOf(await other.call(1, 'echo', { text: 'fine' }))).toBe('fine');
  });

  it('28. Connection monitoring and statistics logging', async () => {
    const running = await serve(['--stats-interval', '1s', '--', servers.demo.command, ...servers.demo.args]);
    const client = await WireClient.session(running.ws);
    await client.call(1, 'add', { a: 1, b: 2 });
    const lines = (): Json[] => running.log.filter(({ msg }) => msg === 'statistics');
    await expect.poll(lines, { timeout: 10_000 }).toContainEqual(
      expect.objectContaining({
        clients: 1,
        errors: 0,
        bytesIn: expect.any(Number),
        bytesOut: expect.any(Number),
        busiest: expect.objectContaining({ tool: 'add', calls: 1 }),
      }),
    );
  });

  it('29. Rate limit status reporting, over WebSocket and over HTTP', async () => {
    const { ws, http: url } = await startGateway({ upstreams, rateLimit: 4 });
    const client = await WireClient.session(ws);
    const answer = await client.call(1, 'echo', { text: 'x' }, { 'switchboard/allowance': true });
    expect(answer).toMatchObject({
      result: { _meta: { 'switchboard/allowance': { limit: 4, remaining: 2, resetMs: expect.any(Number) } } },
    });
    const opened = await http(url, {
      body: { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() },
    });
    expect(opened.headers).toMatchObject({
      'ratelimit-policy': '"default";q=4;w=60',
      ratelimit: expect.stringMatching(/^"default";r=3;t=\d+$/),
    });
  });
});

describe('Luno: VS Code integration', () => {
  /** Starts an entry as VS Code does, with the stand-in for the exchange and the port that is free. */
  async function expectTicker(here: Luno, entry: Entry): Promise<void> {
    // VS Code knows no other type of a command.
    expect(entry.type).toBe('stdio');
    const there = (text: string): string =>
      text
        .replaceAll('${workspaceFolder}/certs', join(here.cwd, 'certs'))
        .replaceAll('${workspaceFolder}', root)
        .replace(/^876[56]$/, String(here.port));
    const client = new Client({ name: 'Visual Studio Code', version: '1.120.0' });
    onTestFinished(() => client.close());
    const [, ...standIn] = here.luno.split(' ');
    const own = Object.entries(entry.env ?? {}).map(([name, value]) => [name, there(value)]);
    const env = { PATH: here.env['PATH']!, XDG_RUNTIME_DIR: here.cwd, ...(Object.fromEntries(own) as object) };
    const args = [...entry.args.map(there), ...standIn];
    await client.connect(
      new StdioClientTransport({ command: entry.command, args, env, cwd: here.cwd, stderr: 'ignore' }),
    );
    const { content } = await client.callTool({ name: 'get_ticker', arguments: { pair: 'XBTZAR' } });
    expect(JSON.stringify(content)).toContain('1250100');
  }

  it('30. The entry luno-mcp-server-stdio', async () => {
    await expectTicker(await lunoDesk(), vsCode['luno-mcp-server-stdio']!);
  });

  it('31. The entry luno-mcp-server-websocket, which further clients can use', async () => {
    const here = await lunoDesk();
    await expectTicker(here, vsCode['luno-mcp-server-websocket']!);
    await expectPrice(here, `ws://127.0.0.1:${here.port}/mcp`);
  });

  it('32. The entry luno-mcp-server-websocket-secure, with environment variables that include SSL paths', async () => {
    const here = await withCertificates(await lunoDesk());
    const entry = vsCode['luno-mcp-server-websocket-secure']!;
    expect(Object.keys(entry.env!)).toEqual(['SSL_CERT_PATH', 'SSL_KEY_PATH']);
    await expectTicker(here, entry);
    await expectPrice(here, `wss://localhost:${here.port}/mcp`, '--ca certs/ca.pem');
  });
});

describe('Luno: next steps', () => {
  it('33. Client authentication mechanisms: API keys and JWT', async () => {
    const secret = randomBytes(32).toString('hex');
    const jwt = { issuer: 'https://id.example', audience: 'https://luno.example', secret };
    const test = await startWithKeys({ jwt });
    const token = await new SignJWT({ sub: 'cleo' })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(jwt.issuer)
      .setAudience(jwt.audience)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(Buffer.from(secret));
    for (const [shown, principal] of [
      [test.ann, 'ann'],
      [token, expect.stringContaining('cleo')],
    ]) {
      const client = await connect(test.ws, { token: shown });
      expect(test.gateway.operations.sessions()).toMatchObject([{ principal }]);
      await client.close();
      await expect.poll(() => test.gateway.stats.connections).toBe(0);
    }
    await expect(connect(test.ws)).rejects.toThrow('401');
    await expect(connect(test.ws, { token: `${token}x` })).rejects.toThrow('401');
  });

  it('34. SSL client certificates for mutual TLS', async () => {
    const authority = await TestAuthority.create();
    const shown = await authority.client('ann');
    const tls = { ...authority.tls(), tlsClientCa: authority.path('ca.pem') };
    const { port, gateway } = await startGateway({ upstreams, ...tls });
    const client = await connect(`wss://localhost:${port}/mcp`, { tls: shown });
    expect(gateway.operations.sessions()).toMatchObject([{ principal: expect.stringContaining('ann') }]);
    await client.close();
    await expect(connect(`wss://localhost:${port}/mcp`, { tls: { ca: authority.ca } })).rejects.toMatchObject({
      code: 'SWB_CONNECT_FAILED',
    });
  });

  it('35. HTTP/REST transport as another option', async () => {
    const here = await lunoDesk();
    await here.open(`switchboard serve --port ${here.port} -- ${here.luno}`);
    const base = `http://127.0.0.1:${here.port}/rest/default`;
    const { stdout } = await here.run(`curl -s --noproxy '*' ${base}/tools/get_ticker --json '{"pair": "XBTZAR"}'`);
    expect(JSON.parse(stdout)).toMatchObject({ isError: false, structuredContent: { ask: '1250100' } });
    const { tools } = JSON.parse((await http(`${base}/tools`, { method: 'GET' })).body) as {
      tools: { name: string }[];
    };
    expect(tools.map(({ name }) => name)).toContain('get_ticker');
  });

  it('36. Persistent connection state to track sessions', async () => {
    const { port, gateway } = await startGateway({ upstreams });
    const cutter = await startCutter(port, () => Infinity);
    const client = await connect(`ws://127.0.0.1:${cutter.port}/mcp`, { era: 'legacy' });
    const [before] = gateway.operations.sessions();
    cutter.bytes = () => 1;
    cutter.cutAll();
    await expect.poll(() => gateway.operations.sessions()[0]?.state).toBe('away');
    cutter.bytes = () => Infinity;
    await expect.poll(() => gateway.operations.sessions()[0]?.state).toBe('ready');
    expect(gateway.operations.sessions()).toMatchObject([{ id: before!.id, startedAt: before!.startedAt }]);
    await client.close();
  });

  it('37. WebSocket ping/pong frames for connection health monitoring', async () => {
    const { ws, gateway } = await startGateway({ upstreams, pingInterval: '50ms' });
    const healthy = await WireClient.session(ws);
    await expect.poll(() => gateway.operations.sessions()[0]?.traffic?.latencyMs).toBeGreaterThan(0);
    const dead = new WebSocket(ws, 'mcp', { autoPong: false });
    await once(dead, 'open');
    dead.on('error', () => {});
    const [code] = (await once(dead, 'close')) as [number];
    expect(code).toBe(1006);
    expect(textOf(await healthy.call(1, 'echo', { text: 'healthy' }))).toBe('healthy');
  });
});
