/** HTTP by hand: one request, and whatever comes back, also when it is no proper HTTP. */
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';

import type { Json } from './wire.ts';

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What a connection needs beside its URL: an authority to trust, an address to come from. */
export type Connection = Pick<RequestOptions, 'localAddress'> & { ca?: string };

const requestFor = (url: string): typeof httpRequest => (url.startsWith('https:') ? httpsRequest : httpRequest);

export const ACCEPT = 'application/json, text/event-stream';

/** Sends a request and reads the answer to its end; the signal hangs up. */
export function http(
  url: string,
  {
    method = 'POST',
    headers = {},
    body = '',
    signal,
    connection = {},
  }: {
    method?: string;
    headers?: Record<string, string>;
    body?: string | Json;
    signal?: AbortSignal;
    connection?: Connection;
  },
): Promise<HttpAnswer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const defaults: Record<string, string> =
    method === 'POST' ? { 'content-type': 'application/json', accept: ACCEPT } : {};
  const options = {
    method,
    headers: { ...defaults, ...headers },
    agent: false as const,
    ...(signal && { signal }),
    ...connection,
  };
  return new Promise((resolve, reject) => {
    const request = requestFor(url)(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.on('error', reject);
    request.end(text);
  });
}

/** Writes bytes to a port and reads what comes until the other side closes. */
export function raw(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('close', () => resolve(text));
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve(text) : reject(error)));
  });
}

/** An event stream, read message by message. */
export interface EventStream {
  status: number;
  next(): Promise<Json>;
  received: Json[];
  /** The ids of the events, in order. */
  ids: string[];
  closed: Promise<void>;
  destroy(): void;
}

export function stream(
  url: string,
  {
    method = 'GET',
    headers = {},
    body = '',
    connection = {},
  }: { method?: string; headers?: Record<string, string>; body?: string | Json; connection?: Connection },
): Promise<EventStream> {
  const received: Json[] = [];
  const ids: string[] = [];
  const waiting: ((message: Json) => void)[] = [];
  return new Promise((resolve, reject) => {
    const defaults: Record<string, string> =
      method === 'POST' ? { 'content-type': 'application/json', accept: ACCEPT } : { accept: 'text/event-stream' };
    const options = { method, headers: { ...defaults, ...headers }, agent: false as const, ...connection };
    const request = requestFor(url)(url, options, (response) => {
      let buffer = '';
      response.setEncoding('utf8');
      response.on('error', () => {});
      response.on('data', (chunk: string) => {
        buffer += chunk;
        for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n')) {
          const data = /^data: (.*)$/m.exec(buffer.slice(0, end))?.[1];
          const id = /^id: (.*)$/m.exec(buffer.slice(0, end))?.[1];
          if (id !== undefined) ids.push(id);
          buffer = buffer.slice(end + 2);
          if (data === undefined || data === '') continue;
          const message = JSON.parse(data) as Json;
          const waiter = waiting.shift();
          if (waiter === undefined) received.push(message);
          else waiter(message);
        }
      });
      resolve({
        status: response.statusCode ?? 0,
        received,
        ids,
        next: () => {
          const first = received.shift();
          return first === undefined ? new Promise((done) => waiting.push(done)) : Promise.resolve(first);
        },
        closed: new Promise((done) => response.once('close', done)),
        destroy: () => request.destroy(),
      });
    });
    request.on('error', reject);
    request.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** Opens a legacy session over HTTP; gives what its further requests must carry. */
export async function openSession(
  url: string,
  params: Json,
  connection: Connection = {},
): Promise<Record<string, string>> {
  const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params };
  const { status, headers, body } = await http(url, { body: initialize, connection });
  if (status !== 200) throw new Error(`initialize was answered with ${status}: ${body}`);
  const session = { 'mcp-session-id': String(headers['mcp-session-id']), 'mcp-protocol-version': '2025-11-25' };
  const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
  await http(url, { headers: session, body: initialized, connection });
  return session;
}
