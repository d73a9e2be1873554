/** What must not get out: secrets of Switchboard and of callers, to children, remote servers, logs, URLs and strangers. */
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';

import { servers, startGateway } from '../support/gateway.ts';
import { http, openSession, stream } from '../support/http.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A legacy server over HTTP that answers each request with what `answer` makes of it. */
const remote = (
  seen: IncomingMessage[],
  answer: (message: Json, response: Parameters<RequestListener>[1]) => void,
): Promise<string> =>
  serve((request, response) => {
    seen.push(request);
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const message = (body === '' ? {} : JSON.parse(body)) as Json;
      const { id, method } = message;
      if (method === 'initialize') {
        const result = {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'r', version: '1' },
        };
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ jsonrpc: '2.0', id, result }));
      } else if (id === undefined) response.writeHead(request.method === 'POST' ? 202 : 405).end();
      else answer(message, response);
    });
  });

describe('a secret', () => {
  it('of Switchboard does not reach a child, which has the documented variables and its own', async () => {
    const child = { ...servers.scripted, env: { OWN: 'mine' } };
    const environment = {
      ...process.env,
      CANARY_TOKEN: 'canary',
      NODE_OPTIONS: '--title=canary',
      LD_PRELOAD: '/canary.so',
    };
    const { ws } = await startGateway({ upstreams: { default: child }, environment });
    const client = await WireClient.session(ws);
    const of = async (name: string): Promise<string> => textOf(await client.call(name, 'environment', { name }));
    expect([await of('CANARY_TOKEN'), await of('NODE_OPTIONS'), await of('LD_PRELOAD'), await of('OWN')]).toEqual([
      '',
      '',
      '',
      'mine',
    ]);
    expect(await of('PATH')).toBe(process.env['PATH']);
  });

  it('of a caller does not reach a remote server: neither its Authorization nor its cookies, keys or session', async () => {
    const seen: IncomingMessage[] = [];
    const url = await remote(seen, ({ id }, response) => {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } }));
    });
    const { http: address } = await startGateway({ upstreams: { default: { url: `${url}/mcp` } } });
    const headers = {
      authorization: 'Bearer canary',
      cookie: 'a=canary',
      'x-api-key': 'canary',
      'proxy-authorization': 'Basic canary',
    };
    const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
    const opened = await http(address, { headers, body: initialize });
    const session = String(opened.headers['mcp-session-id']);
    await http(address, {
      headers: { ...headers, 'mcp-session-id': session },
      body: { jsonrpc: '2.0', method: 'notifications/initialized' },
    });
    const answer = await http(address, { headers: { ...headers, 'mcp-session-id': session }, body: toolCall(1, 'x') });
    expect(answer.status).toBe(200);
    expect(seen.length).toBeGreaterThan(2);
    const sent = JSON.stringify(seen.map(({ url: path, rawHeaders }) => [path, rawHeaders]));
    expect(sent).not.toContain('canary');
    expect(sent).not.toContain(session);
  });

  it('is in no event: no session id, token, header or argument', async () => {
    const test = await startGateway({ upstreams, isolation: 'shared' });
    const session = await openSession(test.http, initializeParams());
    const headers = { ...session, authorization: 'Bearer canary-token', cookie: 'canary-cookie=1' };
    await http(test.http, { headers, body: toolCall(1, 'echo', { text: 'canary-argument' }) });
    await http(`${test.http}?access_token=canary-query`, { headers, body: toolCall(2, 'nothing') });
    await http(test.http, { headers: { ...headers, 'mcp-session-id': 'canary-session' }, body: toolCall(3, 'echo') });
    const told = JSON.stringify(test.events);
    expect(told).not.toMatch(/canary-(token|cookie|argument|query|session)/);
    expect(told).not.toContain(session['mcp-session-id']);
  });

  it('that opens a session cannot be guessed: 200 ids share no bits, and have 128 each', async () => {
    const { http: url } = await startGateway({ upstreams, isolation: 'shared', maxConnections: 250 });
    const ids: string[] = [];
    for (let n = 0; n < 200; n++) ids.push(String((await openSession(url, initializeParams()))['mcp-session-id']));
    const bytes = ids.map((id) => Buffer.from(id, 'base64url'));
    expect(new Set(ids).size).toBe(200);
    expect(bytes.every(({ length }) => length === 16)).toBe(true);
    // Each bit is set in about half of them: beyond six standard deviations it would not be random.
    for (let bit = 0; bit < 128; bit++) {
      const set = bytes.filter((id) => ((id[bit >> 3]! >> (bit & 7)) & 1) === 1).length;
      expect(Math.abs(set - 100), `bit ${bit}`).toBeLessThan(43);
    }
  });
});

describe('an event stream', () => {
  it.each(['other-1', '1--1', '1-9007199254740993', '../1-1', '__proto__-1', 'session-99999', ''])(
    'of another session is not replayed for the Last-Event-ID %j',
    async (id) => {
      const { http: url } = await startGateway({ upstreams, isolation: 'shared' });
      const [mine, theirs] = [await openSession(url, initializeParams()), await openSession(url, initializeParams())];
      await http(url, { headers: theirs, body: toolCall(1, 'log', { text: 'canary' }) });
      const answer = await stream(url, { headers: { ...mine, 'last-event-id': id } });
      expect([200, 400]).toContain(answer.status);
      await http(url, { headers: mine, body: toolCall(2, 'echo', { text: 'x' }) });
      expect(JSON.stringify(answer.received)).not.toContain('canary');
      answer.destroy();
    },
  );
});

describe('a remote server', () => {
  it('that redirects is not followed, with or without credentials, and the canary gets no hit', async () => {
    const hits: string[] = [];
    const canary = await serve((request, response) => {
      hits.push(request.url ?? '');
      response.end();
    });
    for (const status of [301, 302, 303, 307, 308]) {
      const seen: IncomingMessage[] = [];
      const url = await remote(seen, (_message, response) =>
        response.writeHead(status, { location: `${canary}/stolen` }).end(),
      );
      const { http: address } = await startGateway({
        upstreams: { default: { url, headers: { authorization: 'Bearer own' } } },
      });
      const answer = await http(address, {
        headers: await openSession(address, initializeParams()),
        body: toolCall(1, 'x'),
      });
      expect(answer.body).toContain('SWB_UPSTREAM_UNAVAILABLE');
    }
    const listing = await startGateway({
      upstreams: {
        default: { url: await serve((_request, response) => response.writeHead(307, { location: canary }).end()) },
      },
    });
    await http(listing.http, { body: { jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() } });
    expect(hits).toEqual([]);
  });

  it('that sends a compression bomb has it taken for what it is: the call fails, and the memory stays', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, ' '));
    for (const encoding of ['gzip', 'br', 'gzip, gzip, gzip', 'deflate']) {
      const url = await remote([], (_message, response) =>
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding }).end(bomb),
      );
      const { http: address } = await startGateway({ upstreams: { default: { url } } });
      const session = await openSession(address, initializeParams());
      const before = process.memoryUsage().rss;
      const answer = await http(address, { headers: session, body: toolCall(1, 'x') });
      expect(answer.body).toContain('SWB_UPSTREAM_UNAVAILABLE');
      expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    }
  });

  it('whose address has a scheme of its own is refused before anything is asked', async () => {
    for (const url of [
      'file:///etc/passwd',
      'gopher://127.0.0.1/',
      'data:text/plain,x',
      'ftp://127.0.0.1',
      'unix:/run/x',
      'javascript:0',
    ]) {
      await expect(startGateway({ upstreams: { default: { url } } }), url).rejects.toMatchObject({
        code: 'SWB_CONFIG_INVALID',
      });
    }
  });
});

describe('a command', () => {
  it('is not read by a shell, nor are its arguments: not by sh, not by cmd.exe', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'switchboard-shell-'));
    const words = [
      `$(touch ${folder}/a)`,
      `; touch ${folder}/b`,
      `\`touch ${folder}/c\``,
      `| touch ${folder}/d`,
      `& echo x > ${folder}\\e`,
      '%PATH%',
      '^&',
      `"&touch ${folder}/f&"`,
      '!x!',
      `\n touch ${folder}/g`,
      '*',
      '~',
      '> out',
    ];
    const [script] = servers.scripted.args;
    const echo = `process.argv.splice(1,0,${JSON.stringify(script)}); globalThis.words=process.argv.slice(2); process.env.WORDS=JSON.stringify(globalThis.words); await import(${JSON.stringify(script)})`;
    const { ws } = await startGateway({
      upstreams: {
        default: { command: process.execPath, args: ['--input-type=module', '-e', echo, '--', ...words], cwd: folder },
      },
    });
    const client = await WireClient.session(ws);
    const seen = textOf(await client.call(1, 'environment', { name: 'WORDS' }));
    expect(JSON.parse(seen)).toEqual(words);
    expect(readdirSync(folder)).toEqual([]);
    const { ws: second } = await startGateway({ upstreams: { default: { command: `touch ${folder}/h; echo` } } });
    const other = await WireClient.open(second);
    other.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    expect(await other.answer(1)).toMatchObject({ error: { data: { code: 'SWB_COMMAND_NOT_FOUND' } } });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a port', () => {
  it('is opened on this machine only, and is the one that was announced', async () => {
    const { port } = await startGateway({ upstreams });
    await expect(startGateway({ upstreams, host: '0.0.0.0' })).rejects.toMatchObject({ code: 'SWB_PUBLIC_BIND' });
    await expect(startGateway({ upstreams, host: '::' })).rejects.toMatchObject({ code: 'SWB_PUBLIC_BIND' });
    const socket = connect(port, '127.0.0.2');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });
});
