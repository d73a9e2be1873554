// Clients of a load test, each with one call at a time: legacy and modern ones over HTTP, and WebSockets that resume.
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { root } from '../ready.mjs';

const dist = join(root, 'packages/switchboard/dist');
const { CLIENT_DEFAULTS, connectWebSocket } = await import(join(dist, 'transports/websocket/client.js'));

const LEGACY = '2025-11-25';
const MODERN = '2026-07-28';
/** How long a client waits over HTTP; over a WebSocket, which notices itself that nobody is there, after so long nobody will answer. */
const PATIENCE_MS = 10_000;
const HANGS_MS = 30_000;
/** What is counted where a client has lost its patience. */
export const TIMED_OUT = 'timed out';
const RETRY_MS = 100;
/** How often the server looks whether its client is there, and the client whether the server is. */
const PING_MS = 1000;
const KINDS = ['websocket', 'http', 'modern', 'websocket', 'http'];
const agents = [new Agent({ keepAlive: true, maxSockets: Infinity }), new Agent({ keepAlive: false })];

/** @param options.url of an upstream, through the balancer. */
export function makeClient(nth, options) {
  const kind = KINDS[nth % KINDS.length];
  const Kind = kind === 'websocket' ? WebSocketLoad : kind === 'http' ? LegacyLoad : ModernLoad;
  return new Kind(nth, kind, options);
}

class Load {
  name;
  kind;
  ledger;
  url;
  isMovable;
  #options;
  #seq = 0;

  constructor(nth, kind, options) {
    this.name = `${kind} ${nth}`;
    this.kind = kind;
    this.ledger = options.ledger;
    this.url = options.url;
    this.isMovable = options.isMovable;
    this.#options = options;
  }

  /** Calls until the load is off, then leaves. */
  async run(load) {
    const { random, thinkMs } = this.#options;
    await pause(random() * 2 * thinkMs);
    while (load.isOn) {
      if (!(await this.isOpen())) {
        await pause(RETRY_MS);
        continue;
      }
      const text = `${this.name} ${++this.#seq}`;
      const ms = Math.round(random() < 0.05 ? 1000 : 5 + 45 * random());
      const what = `${this.kind} ${this.url.split('/').at(-1)}`;
      const { kind: transport, isMovable } = this;
      const call = { transport, what, isMovable, begun: performance.now(), ms };
      const params = { name: 'count', arguments: { text, ms } };
      const outcome = await Promise.race([this.call(this.#seq, params), pause(HANGS_MS, { failure: 'hangs' })]);
      if (outcome.failure === 'hangs') this.ledger.report(`${text} was neither answered nor failed`);
      if (outcome.text !== undefined && outcome.text !== text) {
        this.ledger.crossed++;
        this.ledger.report(`${text} was answered with ${outcome.text}`);
      } else this.ledger.count(call, outcome.failure);
      await pause(2 * random() * thinkMs);
    }
    await this.leave();
  }

  /** The session has ended although its client did not end it. */
  lose(why) {
    if (!this.isMovable) this.ledger.begunAgain++;
    else {
      this.ledger.lost++;
      this.ledger.report(`${this.name} lost its session: ${why}`);
    }
  }
}

const outcomeOf = ({ result, error }) =>
  result === undefined
    ? { failure: String(error?.data?.code ?? error?.code ?? 'no answer') }
    : { text: result.content[0].text };

class OverHttp extends Load {
  headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

  /** Posts a message. @returns the status, the headers, and the messages that came. */
  post(message, method = 'POST') {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    const agent = agents[Math.floor(Number(this.name.split(' ')[1]) / KINDS.length) % agents.length];
    return new Promise((resolve, reject) => {
      const options = { method, agent, headers: this.headers, signal: AbortSignal.timeout(PATIENCE_MS) };
      const request = httpRequest(this.url, options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
        response.once('error', reject);
        response.once('end', () => resolve({ status: response.statusCode, headers: response.headers, ...read(text) }));
      });
      request.once('error', reject);
      request.end(method === 'POST' ? body : undefined);
    });
  }

  async ask(id, method, params) {
    try {
      const { status, messages } = await this.post({ id, method, params });
      const answers = messages.filter((message) => message.id === id || (message.error && message.id === undefined));
      if (answers.length > 1) this.ledger.doubled++;
      if (status === 404) this.forget(answers[0]);
      // What a balancer says of a node that it cannot use is no JSON.
      if (answers.length === 0) return { failure: status === 200 ? 'cut' : `HTTP ${status}` };
      return outcomeOf(answers[0]);
    } catch (error) {
      return { failure: error.name === 'AbortError' || error.code === 'ABORT_ERR' ? TIMED_OUT : 'cut' };
    }
  }

  forget() {}
}

function read(text) {
  const parts = text.startsWith('{') ? [text] : [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => data);
  try {
    return { messages: parts.map((part) => JSON.parse(part)) };
  } catch {
    return { messages: [] };
  }
}

class LegacyLoad extends OverHttp {
  async isOpen() {
    if (this.headers['mcp-session-id'] !== undefined) return true;
    const clientInfo = { name: this.name, version: '1' };
    const params = { protocolVersion: LEGACY, capabilities: {}, clientInfo };
    try {
      const { status, headers } = await this.post({ id: 0, method: 'initialize', params });
      if (status !== 200) return false;
      this.headers['mcp-session-id'] = headers['mcp-session-id'];
      await this.post({ method: 'notifications/initialized' });
      return true;
    } catch {
      return this.headers['mcp-session-id'] !== undefined;
    }
  }

  call(id, params) {
    return this.ask(id, 'tools/call', params);
  }

  forget(answer) {
    delete this.headers['mcp-session-id'];
    this.lose(JSON.stringify(answer?.error?.message));
  }

  async leave() {
    if (this.headers['mcp-session-id'] !== undefined) await this.post({}, 'DELETE').catch(() => {});
  }
}

class ModernLoad extends OverHttp {
  isOpen() {
    return true;
  }

  call(id, params) {
    Object.assign(this.headers, {
      'mcp-protocol-version': MODERN,
      'mcp-method': 'tools/call',
      'mcp-name': params.name,
    });
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: this.name, version: '1' },
    };
    return this.ask(id, 'tools/call', { ...params, _meta });
  }

  leave() {}
}

class WebSocketLoad extends Load {
  #channel;
  #waiting = new Map();
  /** The last number that it was told in this session; and when each was told, of the server that tells them. */
  #last;
  #told;

  constructor(nth, kind, options) {
    super(nth, kind, options);
    this.url = options.url.replace('http', 'ws');
    this.#told = options.told;
  }

  async isOpen() {
    if (this.#channel !== undefined) return true;
    try {
      const channel = await connectWebSocket(new URL(this.url), { ...CLIENT_DEFAULTS, pingIntervalMs: PING_MS });
      this.#channel = channel;
      channel.start({
        onMessage: (message) => this.#receive(message),
        onBadMessage: () => this.ledger.report(`${this.name} got what is no message`),
        onClose: (reason) => this.#closed(channel, reason),
      });
      const clientInfo = { name: this.name, version: '1' };
      const params = { protocolVersion: LEGACY, capabilities: {}, clientInfo };
      const opened = await this.#ask('initialize', 'initialize', params);
      if (opened.result === undefined) {
        this.#channel = undefined;
        channel.close();
        return false;
      }
      channel.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
      return this.#channel === channel;
    } catch {
      return false;
    }
  }

  async call(id, params) {
    return outcomeOf(await this.#ask(id, 'tools/call', params));
  }

  leave() {
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.close();
  }

  #ask(id, method, params) {
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#channel.send({ jsonrpc: '2.0', id, method, params });
    });
  }

  #receive(message) {
    if ('method' in message) {
      this.#hear(message);
      return;
    }
    const settle = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (settle !== undefined) settle(message);
    else {
      this.ledger.doubled++;
      this.ledger.report(`${this.name} got another answer to ${message.id}`);
    }
  }

  #hear({ method, params }) {
    if (method === 'notifications/switchboard/dropped') this.ledger.dropped++;
    if (method !== 'notifications/message') return;
    const { client, n } = params.data;
    if (client !== this.name) {
      this.ledger.crossed++;
      this.ledger.report(`${this.name} was told what is for ${client}`);
    } else if (this.#last !== undefined && n <= this.#last) {
      this.ledger.disordered++;
      this.ledger.report(`${this.name} was told ${n} after ${this.#last}`);
    } else {
      this.ledger.told++;
      for (let missing = (this.#last ?? n) + 1; missing < n; missing++) {
        this.ledger.missed++;
        const at = this.#told.get(this.name)[missing];
        if (this.ledger.explains(at)) continue;
        this.ledger.unexplained++;
        this.ledger.report(`${this.name} was never told ${missing}, of ${Math.round(at)} ms`);
      }
      this.#last = n;
    }
  }

  #closed(channel, reason) {
    for (const settle of this.#waiting.values()) settle({ error: { code: 'closed' } });
    this.#waiting.clear();
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    // What comes until it is there again is told to nobody.
    this.#last = undefined;
    this.lose(reason);
  }
}
