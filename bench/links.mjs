/** The ways to a target. Each gives {send, close}: send takes one JSON text, answers arrive at onmessage. */
import { spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import { Client, Pool } from 'undici';
import WebSocket from 'ws';
import { lines } from './lines.mjs';

/** @param localAddress where it comes from: one address has too few ports for very many */
export async function ws({ url, localAddress }, onmessage) {
  const socket = new WebSocket(url, 'mcp', { perMessageDeflate: false, skipUTF8Validation: true, localAddress });
  socket.on('message', (data) => onmessage(JSON.parse(data.toString())));
  await new Promise((done, fail) => socket.once('open', done).once('error', fail));
  socket.on('error', () => {});
  return { send: (text) => void socket.send(text), pause: () => socket.pause(), close: () => socket.terminate() };
}

export function pipe({ command }, onmessage) {
  const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  lines(child.stdout, (line) => onmessage(JSON.parse(line)));
  let corked = false;
  const uncork = () => {
    corked = false;
    child.stdin.uncork();
  };
  const send = (text) => {
    if (!corked) {
      corked = true;
      child.stdin.cork();
      process.nextTick(uncork);
    }
    child.stdin.write(text + '\n');
  };
  return { send, close: () => child.stdin.end(), pid: child.pid };
}

/** The messages in what a response brings. Nothing is parsed before a blank line ends it, so that 1 MiB events stay linear. */
function reader({ headers }, onmessage) {
  const decoder = new StringDecoder();
  let parts = [];
  if (!headers['content-type']?.startsWith('text/event-stream')) {
    return {
      data: (chunk) => parts.push(decoder.write(chunk)),
      end: () => parts.length > 0 && onmessage(JSON.parse(parts.join(''))),
    };
  }
  let tail = '';
  const flush = () => {
    const blocks = parts.join('').split(/\r?\n\r?\n/);
    parts = [];
    for (const block of blocks) {
      const data = block.split(/\r?\n/).filter((line) => line.startsWith('data:'));
      const text = data.map((line) => line.slice(5).trimStart()).join('\n');
      if (text) onmessage(JSON.parse(text));
    }
  };
  const data = (chunk) => {
    const text = decoder.write(chunk);
    parts.push(text);
    tail = (tail + text).slice(-4);
    if (tail.endsWith('\n\n') || tail.endsWith('\r\n\r\n')) flush();
  };
  return { data, end: flush };
}

const pools = new Map();
const versions = { 'mcp-protocol-version': '2025-11-25', accept: 'application/json, text/event-stream' };
// What a response takes is the target's to decide; the load generator has limits of its own for that.
const patient = { headersTimeout: 0, bodyTimeout: 0 };

/** As many connections as there are calls in flight, one call at a time on each. */
const newPool = (origin) => new Pool(origin, { connections: null, pipelining: 1, ...patient });

/** That of all clients together. */
function poolOf(origin) {
  if (!pools.has(origin)) pools.set(origin, newPool(origin));
  return pools.get(origin);
}

/** A modern request belongs to no session: nothing is opened, and nothing closed. */
export function modern({ url }, onmessage) {
  const { origin, pathname } = new URL(url);
  const pool = poolOf(origin);
  const headers = {
    ...versions,
    'content-type': 'application/json',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'echo',
  };
  const send = (body) =>
    new Promise((done, fail) => {
      let read;
      let status;
      pool.dispatch(
        { method: 'POST', path: pathname, body, headers },
        {
          onRequestStart() {},
          onResponseStart(_controller, statusCode, received) {
            status = statusCode;
            if (statusCode < 400) read = reader({ headers: received }, onmessage);
          },
          onResponseData: (_controller, chunk) => read?.data(chunk),
          onResponseEnd: () => process.nextTick(() => (status < 400 ? done(read.end()) : fail(status))),
          onResponseError: (_controller, error) => fail(error),
        },
      );
    });
  return { send, close() {} };
}

/**
 * @param via where calls go once the session is open. @param quiet opens no standing stream. @param own has connections of its own, as a
 * client in a process of its own; a proxy has its connections for all clients
 */
export function http({ url, via = url, quiet = false, own = false }, onmessage) {
  const { origin, pathname } = new URL(url);
  const pool = own ? newPool(origin) : poolOf(origin);
  const callPool = via === url ? pool : poolOf(new URL(via).origin);
  let session;
  let stream;
  /** Resolves with the head of the response when it has ended, or, of a stream, when it has begun. */
  const ask = (
    method,
    headers,
    { body = null, over = session === undefined ? pool : callPool, onhead = () => {} } = {},
  ) =>
    new Promise((done, fail) => {
      let head;
      let read;
      const id = session === undefined ? {} : { 'mcp-session-id': session };
      over.dispatch(
        { method, path: pathname, body, headers: { ...versions, ...id, ...headers } },
        {
          onRequestStart() {},
          onResponseStart(_controller, statusCode, received) {
            head = { statusCode, headers: received };
            session ??= received['mcp-session-id'];
            if (statusCode < 400) read = reader(head, onmessage);
            onhead(head);
          },
          onResponseData: (_controller, chunk) => read?.data(chunk),
          onResponseEnd() {
            // The pool frees the connection after this; a next call made before that would open another one.
            if (head.statusCode < 400) process.nextTick(() => done(read.end()));
            else fail(head.statusCode);
          },
          onResponseError: (_controller, error) => fail(error),
        },
      );
    });
  const send = (body) => ask('POST', { 'content-type': 'application/json' }, { body });
  /** The standing stream for what the server says by itself, as every SDK client opens it. */
  const listen = () =>
    quiet ||
    new Promise((done) => {
      stream = new Client(origin, patient);
      ask('GET', { accept: 'text/event-stream' }, { over: stream, onhead: done }).then(done, done);
    });
  const close = async () => {
    await stream?.destroy();
    await ask('DELETE', {}).catch(() => {});
    if (own) await pool.destroy();
  };
  return { send, listen, close };
}
