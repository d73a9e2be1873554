/** HTTP over TLS by hand, in either version, and what comes of a handshake. */
import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session, IncomingHttpHeaders, Settings } from 'node:http2';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';

import { ACCEPT } from './http.ts';
import type { HttpAnswer } from './http.ts';
import type { Json } from './wire.ts';

const HEADERS = { 'content-type': 'application/json', accept: ACCEPT };

export function https(
  url: string,
  tls: ConnectionOptions,
  {
    method = 'POST',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string | Json } = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const options = { method, agent: false as const, headers: { ...HEADERS, ...headers }, ...tls };
    const sent = request(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    sent.once('error', reject);
    sent.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** A `fetch` that shows a certificate, which that of Node cannot be told to: what an SDK client is given to get in. */
export const fetchOver =
  (tls: ConnectionOptions): typeof fetch =>
  (input, { method = 'GET', headers, body, signal } = {}) =>
    new Promise((resolve, reject) => {
      const options = {
        method,
        agent: false as const,
        headers: Object.fromEntries(new Headers(headers)),
        ...(signal && { signal }),
        ...tls,
      };
      const sent = request(input as string | URL, options, (response) => {
        const { statusCode: status = 0 } = response;
        // The class takes no body, not even an empty one, with a status that has none.
        const content = status === 204 || status === 304 ? null : (Readable.toWeb(response) as ReadableStream);
        if (content === null) response.resume();
        resolve(new Response(content, { status, headers: response.headers as Record<string, string> }));
      });
      sent.once('error', reject);
      sent.end(body);
    });

/** An HTTP/2 connection that ends with the test. */
export function http2(url: string, tls: ConnectionOptions, settings: Settings = {}): ClientHttp2Session {
  const session = connectHttp2(new URL(url).origin, { ...tls, settings });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return session;
}

export interface Http2Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export function ask(
  session: ClientHttp2Session,
  {
    method = 'POST',
    path = '/mcp',
    headers = {},
    body = '',
  }: { method?: string; path?: string; headers?: Record<string, string>; body?: string | Json } = {},
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': path, ...HEADERS, ...headers });
    let text = '';
    let answer: Http2Answer = { status: 0, headers: {}, body: '' };
    stream.once(
      'response',
      (received) => (answer = { status: Number(received[':status']), headers: received, body: '' }),
    );
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    stream.once('end', () => answer.status > 0 && resolve({ ...answer, body: text }));
    stream.once('close', () => reject(new Error('there was no answer')));
    stream.once('error', reject);
    if (!stream.writableEnded) stream.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** A socket whose handshake the server has accepted: it has said a first word over it. Rejects when the server cuts it. */
export function handshake(port: number, tls: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ...tls });
    onTestFinished(() => void socket.destroy());
    socket.once('secureConnect', () => {
      // With TLS 1.3 a client is done before the server has seen its certificate.
      socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    });
    socket.once('data', () => resolve(socket));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server cut the connection')));
  });
}
