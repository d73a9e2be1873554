/** Attacks of servers: hostile children over stdio, and hostile remote ones over HTTP, in both eras, with honest clients. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';

import { root } from '../ready.mjs';
import { createHostile } from './hostile.mjs';
import { ENVELOPE } from './odd.mjs';
import { Target } from './target.mjs';

/** Longer than the time limit of requests. */
const PATIENCE_MS = 15_000;
const CALLS_AT_A_TIME = 20;
const REQUESTS = [
  ['tools/call', { name: 'echo', arguments: { a: 'x' } }],
  ['tools/call', { name: 'echo', arguments: {}, _meta: { progressToken: 1 } }],
  ['tools/list', {}],
  ['prompts/list', {}],
  ['prompts/get', { name: 'p' }],
  ['resources/list', {}],
  ['resources/templates/list', {}],
  ['resources/read', { uri: 'test://a' }],
  ['resources/subscribe', { uri: 'test://a' }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'p' }, argument: { name: 'a', value: 'x' } }],
  ['logging/setLevel', { level: 'debug' }],
];
const rules = { tools: { deny: ['x'] }, resources: { deny: ['secret:*'] }, timeouts: { echo: '2s' } };

/** @returns what was done, and what is wrong since; nothing if it lives. */
export async function attackAsServers(dice, seconds) {
  const seed = () => dice.below(2 ** 31);
  const remotes = await Promise.all(['legacy', 'modern'].map((era) => remote(seed(), era)));
  const child = (ERA, more) => ({
    command: process.execPath,
    args: [join(root, 'scripts/fuzz/hostile.mjs')],
    env: { ERA, SEED: String(seed()) },
    ...more,
  });
  const upstreams = {
    legacy: child('legacy', rules),
    own: child('legacy', { isolation: 'session' }),
    modern: child('modern', rules),
    legacyHttp: { url: remotes[0].url, ...rules },
    modernHttp: { url: remotes[1].url },
  };
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-fuzz-'));
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ upstreams, requestTimeout: '1s', answerTimeout: '1s' }));
  const target = new Target(dice, false, [], ['--config', config]);
  await target.ready();
  const paths = ['', ...Object.keys(upstreams).map((name) => `/${name}`)];
  const clients = paths.flatMap((path) =>
    [false, true].map((modern) => new HonestClient(`ws://127.0.0.1:${target.port}/mcp${path}`, modern, dice)),
  );
  const until = Date.now() + seconds * 1000;
  let fault;
  let answered = 0;
  try {
    while (Date.now() < until && fault === undefined) {
      const faults = await Promise.all(clients.map((client) => client.round()));
      answered += clients.length * CALLS_AT_A_TIME;
      fault = target.hasEnded ? 'Switchboard has ended' : faults.find((each) => each !== undefined);
      target.startMb ||= target.residentMb;
      const grown = target.residentMb - target.startMb;
      if (grown > 300) fault ??= `it grew from ${target.startMb.toFixed()} MB by ${grown.toFixed()}`;
    }
    return { did: `${answered} requests to hostile servers`, fault };
  } finally {
    for (const client of clients) client.close();
    await target.end();
    for (const { server } of remotes) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true });
  }
}

/** A hostile server of Streamable HTTP. */
async function remote(seed, era) {
  const respond = createHostile(seed, era);
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      if (body === '') {
        response.writeHead(405).end();
        return;
      }
      const message = JSON.parse(body);
      const lines = respond(message);
      if (lines.length === 0) response.writeHead(202).end();
      else if (lines.length === 1) response.writeHead(200, { 'content-type': 'application/json' }).end(lines[0]);
      else {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(lines.map((line) => `event: message\ndata: ${line}\n\n`).join(''));
      }
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { server, url: `http://127.0.0.1:${server.address().port}/mcp` };
}

/** A client that asks for what there is, and answers what it is asked. */
class HonestClient {
  #url;
  #modern;
  #dice;
  #socket;
  #id = 0;
  #waiting = new Map();
  #fault;

  constructor(url, modern, dice) {
    this.#url = url;
    this.#modern = modern;
    this.#dice = dice;
  }

  close() {
    this.#socket?.terminate();
  }

  /** @returns what is wrong; nothing when every request was answered, however. */
  async round() {
    if (this.#socket?.readyState !== WebSocket.OPEN) await this.#open();
    const calls = Array.from({ length: CALLS_AT_A_TIME }, () => this.#ask(...this.#dice.pick(REQUESTS)));
    await Promise.all(calls);
    return this.#fault;
  }

  #ask(method, params) {
    const id = ++this.#id;
    const asked = this.#modern ? { ...params, _meta: { ...params._meta, ...ENVELOPE } } : params;
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params: asked }));
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#fault ??= `${method} at ${this.#url} went ${PATIENCE_MS} ms without an answer`;
        resolve();
      }, PATIENCE_MS);
      this.#waiting.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #open() {
    const socket = new WebSocket(this.#url, ['mcp']);
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const settle of this.#waiting.values()) settle();
      this.#waiting.clear();
    });
    socket.on('message', (data) => {
      const text = Buffer.from(data).toString();
      if (text.includes('"reference":"')) this.#fault ??= `an internal error: ${text.slice(0, 1000)}`;
      let message;
      try {
        message = JSON.parse(text);
      } catch {
        this.#fault ??= `no JSON: ${text.slice(0, 1000)}`;
        return;
      }
      const { id, method } = message;
      if (method === undefined) {
        this.#waiting.get(id)?.();
        this.#waiting.delete(id);
      } else if (id !== undefined) socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'decline' } }));
    });
    await new Promise((resolve) => socket.once('open', resolve).once('close', resolve));
    if (this.#modern) return;
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: ENVELOPE['io.modelcontextprotocol/clientCapabilities'],
    };
    await this.#ask('initialize', { ...params, clientInfo: { name: 'honest', version: '1' } });
  }
}
