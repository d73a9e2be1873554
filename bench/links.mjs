/** The ways to a target. Each gives {send, close}: send takes one JSON text, answers arrive at onmessage. */
import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import WebSocket from 'ws';
import { lines } from './lines.mjs';

export async function ws({ url }, onmessage) {
  const socket = new WebSocket(url, 'mcp', { perMessageDeflate: false, skipUTF8Validation: true });
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

/** Events of a stream, joined when a blank line ends the text so far, so that 1 MiB events stay linear. */
function events(response, onmessage) {
  let parts = [];
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
  response.on('data', (chunk) => {
    parts.push(chunk);
    tail = (tail + chunk).slice(-4);
    if (tail.endsWith('\n\n') || tail.endsWith('\r\n\r\n')) flush();
  });
  response.on('end', flush);
}

function whole(response, onmessage) {
  const parts = [];
  response.on('data', (chunk) => parts.push(chunk));
  // The agent frees the socket one tick after the end; a next call made before that would open another one.
  response.on('end', () => process.nextTick(() => parts.length > 0 && onmessage(JSON.parse(parts.join('')))));
}

const agent = new Agent({ keepAlive: true });
const versions = { 'mcp-protocol-version': '2025-11-25', accept: 'application/json, text/event-stream' };

export function http({ url }, onmessage) {
  const { hostname, port, pathname } = new URL(url);
  let session;
  let stream;
  const ask = (method, headers, over = agent) => {
    const id = session === undefined ? {} : { 'mcp-session-id': session };
    const options = { hostname, port, path: pathname, method, agent: over };
    return request({ ...options, headers: { ...versions, ...id, ...headers } });
  };
  const send = (text) =>
    new Promise((done, fail) => {
      const length = Buffer.byteLength(text);
      const call = ask('POST', { 'content-type': 'application/json', 'content-length': length });
      call.on('error', fail).on('response', (response) => {
        session ??= response.headers['mcp-session-id'];
        response.setEncoding('utf8').on('end', done).on('error', fail);
        if (response.statusCode >= 400) return void response.resume().on('end', () => fail(response.statusCode));
        const stream = response.headers['content-type']?.startsWith('text/event-stream');
        (stream ? events : whole)(response, onmessage);
      });
      call.end(text);
    });
  /** The standing stream for what the server says by itself, as every SDK client opens it. */
  const listen = () =>
    new Promise((done) => {
      stream = ask('GET', { accept: 'text/event-stream' }, new Agent());
      stream.on('error', done).on('response', (response) => {
        if (response.statusCode === 200)
          events(
            response.setEncoding('utf8').on('error', () => {}),
            onmessage,
          );
        else response.resume();
        done();
      });
      stream.end();
    });
  const close = () => {
    stream?.destroy();
    return new Promise((done) => {
      const call = ask('DELETE', {});
      call.on('error', done).on('response', (response) => response.resume().on('end', done));
      call.end();
    });
  };
  return { send, listen, close };
}
