// A legacy MCP server over HTTP, in the process of a load test: counts how often each call reaches it, and tells each client numbers, one
// after the other.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

export class RemoteServer {
  url;
  /** How often each call came, by its text. */
  reached = new Map();
  /** When which number was told to a client, by its name. */
  told = new Map();
  /** Sessions, by their ids; of several of one client the newest is told things. */
  #sessions = new Map();
  #newest = new Map();
  #server;
  #timer;

  /** @param everyMs between two numbers. */
  static async start({ everyMs }) {
    const remote = new RemoteServer();
    remote.#server = createServer((request, response) => remote.#serve(request, response)).listen(0, '127.0.0.1');
    // What hangs on a node that hangs must not keep a connection of others waiting.
    remote.#server.keepAliveTimeout = 60_000;
    await once(remote.#server, 'listening');
    remote.url = `http://127.0.0.1:${remote.#server.address().port}/`;
    remote.#timer = setInterval(() => remote.#tell(), everyMs);
    return remote;
  }

  /** How many sessions are open. */
  get size() {
    return this.#sessions.size;
  }

  close() {
    clearInterval(this.#timer);
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #serve(request, response) {
    const session = this.#sessions.get(request.headers['mcp-session-id']);
    if (request.method === 'GET' && session !== undefined) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      session.stream = response;
      response.once('close', () => {
        if (session.stream === response) session.stream = undefined;
      });
    } else if (request.method === 'DELETE' && session !== undefined) {
      this.#sessions.delete(session.id);
      session.stream?.end();
      response.writeHead(204).end();
    } else if (request.method === 'POST') this.#receive(request, response, session);
    else response.writeHead(404).end();
  }

  #receive(request, response, session) {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.once('end', () => {
      const { id, method, params } = JSON.parse(body);
      const answer = (what, headers = {}) => {
        response.writeHead(200, { 'content-type': 'application/json', ...headers });
        response.end(JSON.stringify({ jsonrpc: '2.0', id, ...what }));
      };
      if (method === 'initialize') {
        const opened = { id: randomUUID(), client: params.clientInfo.name, stream: undefined };
        this.#sessions.set(opened.id, opened);
        this.#newest.set(opened.client, opened);
        const capabilities = { tools: {}, logging: {} };
        const serverInfo = { name: 'remote', version: '1' };
        answer(
          { result: { protocolVersion: params.protocolVersion, capabilities, serverInfo } },
          { 'mcp-session-id': opened.id },
        );
      } else if (session === undefined) response.writeHead(404).end();
      else if (id === undefined) response.writeHead(202).end();
      else if (method === 'tools/call') {
        const { text, ms } = params.arguments;
        this.reached.set(text, (this.reached.get(text) ?? 0) + 1);
        setTimeout(() => answer({ result: { content: [{ type: 'text', text }] } }), ms);
      } else if (method === 'ping' || method === 'logging/setLevel') answer({ result: {} });
      else answer({ error: { code: -32601, message: 'unknown' } });
    });
  }

  #tell() {
    for (const [client, { stream }] of this.#newest) {
      if (stream === undefined || stream.destroyed) continue;
      const times = this.told.get(client) ?? [];
      this.told.set(client, times);
      const data = { client, n: times.length };
      times.push(performance.now());
      const note = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data } };
      stream.write(`data: ${JSON.stringify(note)}\n\n`);
    }
  }
}
