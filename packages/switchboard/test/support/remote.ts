/** A remote MCP server by hand: what it answers over HTTP is up to the test, or to one of `test/interop/servers`. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

import type { Json } from './wire.ts';

/** What arrived, with its body read. */
export interface Visit {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  /** The message; empty where there is no body. */
  message: { id?: unknown; method?: string; params?: Json };
  request: IncomingMessage;
  response: ServerResponse;
  /** Answers with JSON. */
  json(status: number, body: Json, headers?: OutgoingHttpHeaders): void;
  /** Answers with plain text. */
  text(status: number, body?: string, headers?: OutgoingHttpHeaders): void;
  /** Answers with an event stream, which stays open. */
  stream(first?: string): ServerResponse;
}

export interface RemoteServer {
  server: Server;
  url: string;
  port: number;
  visits: Visit[];
  /** The visits with this HTTP method or MCP method. */
  of(method: string): Visit[];
}

/** @param form whether bodies are no JSON. */
export async function remote(
  serve: (visit: Visit) => unknown,
  {
    port = 0,
    options = {},
    form = false,
  }: { port?: number; options?: { keepAliveTimeout?: number }; form?: boolean } = {},
): Promise<RemoteServer> {
  const visits: Visit[] = [];
  const server = createServer(options, (request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.once('end', () => {
      const visit: Visit = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        message: body === '' || form ? {} : (JSON.parse(body) as Visit['message']),
        request,
        response,
        json(status, value, headers) {
          response.writeHead(status, { 'content-type': 'application/json', ...headers });
          response.end(JSON.stringify({ jsonrpc: '2.0', ...value }));
        },
        text: (status, value = '', headers = {}) => void response.writeHead(status, headers).end(value),
        stream(first = ':\n\n') {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write(first);
          return response;
        },
      };
      visits.push(visit);
      serve(visit);
    });
  }).listen(port, '127.0.0.1');
  onTestFinished(() => (server.close(), server.closeAllConnections()));
  await once(server, 'listening');
  const found = (server.address() as AddressInfo).port;
  return {
    server,
    port: found,
    url: `http://127.0.0.1:${found}/mcp`,
    visits,
    of: (method) => visits.filter((visit) => visit.method === method || visit.message.method === method),
  };
}

/** The result of a plain legacy server with one tool, `echo`; nothing for what it does not know. */
export function resultOf({ method, params }: Visit['message'], version = '2025-11-25'): Json | undefined {
  switch (method) {
    case 'initialize':
      return { protocolVersion: version, capabilities: { tools: {} }, serverInfo: { name: 'remote', version: '1' } };
    case 'ping':
      return {};
    case 'tools/list':
      return { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] };
    case 'tools/call': {
      const { text = '' } = (params?.['arguments'] ?? {}) as { text?: string };
      return { content: [{ type: 'text', text }] };
    }
    default:
      return undefined;
  }
}

/** Answers as a plain legacy server without sessions does. */
export function plain(visit: Visit): void {
  const { method, message } = visit;
  const result = resultOf(message);
  if (method !== 'POST') visit.text(405);
  else if (message.id === undefined) visit.text(202);
  else if (result === undefined)
    visit.json(200, { id: message.id, error: { code: -32601, message: 'Method not found' } });
  else visit.json(200, { id: message.id, result });
}
