/** What nobody would send over HTTP/2: requests, WebSockets on streams (RFC 8441), and frames where they do not belong. */
import { END_HEADERS, END_STREAM, PREFACE, TYPE, blockOf, frameOf } from './http2-frames.mjs';

const FIELDS = [
  ['content-type', 'application/json'],
  ['accept', 'application/json, text/event-stream'],
  ['accept', '*/*'],
  ['origin', 'null'],
  ['mcp-session-id', 'x'],
  ['mcp-protocol-version', '2026-07-28'],
  ['last-event-id', '1--1'],
  ['sec-websocket-version', '13'],
  ['sec-websocket-version', '99'],
  ['sec-websocket-key', 'AAAA'],
  ['sec-websocket-protocol', 'mcp'],
  ['sec-websocket-protocol', ',,,'],
  ['sec-websocket-extensions', 'permessage-deflate; server_max_window_bits=99'],
];
/** With these a request is malformed, or another one than it seems. */
const MALFORMED = [
  ['content-length', '5'],
  ['host', 'evil.example'],
  ['connection', 'upgrade'],
  ['transfer-encoding', 'chunked'],
  ['upgrade', 'websocket'],
  ['te', 'gzip'],
  ['Upper', 'case'],
  ['', 'no name'],
  [':path', '/again'],
  [':status', '200'],
];

/** @returns what makes the frames of one connection, as bytes. */
export function createHttp2({ next, below, pick, some, mutate }, message, webSocketFrame, target) {
  const head = (pseudo) => {
    const session = next() < 0.3 ? [['mcp-session-id', target.session]] : [];
    const more = [...session, ...some(2, () => pick(FIELDS)), ...(next() < 0.1 ? [pick(MALFORMED)] : [])];
    const fields = [...pseudo.filter(() => next() < 0.99), ...more];
    return blockOf(next() < 0.03 ? fields.toReversed() : fields);
  };
  const common = [
    [':scheme', 'https'],
    [':authority', 'localhost'],
  ];
  const data = (stream, bytes, flags = 0) => frameOf(TYPE.data, flags, stream, bytes.subarray(0, 16_384));

  function request(stream) {
    const method = pick(['POST', 'POST', 'GET', 'DELETE', 'OPTIONS', 'CONNECT']);
    const path = pick(['/mcp', '/mcp', '/mcp/x', '/', '*', '', '/mcp?%00', '/healthz']);
    const block = head([
      [':method', method],
      [':path', path],
      ...common,
      ['content-type', 'application/json'],
      ['accept', 'application/json, text/event-stream'],
    ]);
    if (next() < 0.3) return [frameOf(TYPE.headers, END_HEADERS | END_STREAM, stream, block)];
    return [frameOf(TYPE.headers, END_HEADERS, stream, block), data(stream, Buffer.from(message()), END_STREAM)];
  }

  function webSocket(stream) {
    const block = head([
      [':method', 'CONNECT'],
      [':protocol', pick(['websocket', 'websocket', 'websocket', 'connect-udp', ''])],
      [':path', pick(['/mcp', '/mcp', '/mcp', '/x', ''])],
      ...common,
      ['sec-websocket-version', '13'],
      ['sec-websocket-protocol', pick(['mcp', 'mcp', 'mcp.r1', 'mcp.r1, mcp'])],
    ]);
    const frames = some(6, () => data(stream, next() < 0.7 ? webSocketFrame() : mutate(webSocketFrame())));
    const end = pick([
      [],
      [],
      [data(stream, Buffer.alloc(0), END_STREAM)],
      [frameOf(TYPE.reset, 0, stream, Buffer.from([0, 0, 0, pick([0, 1, 8])]))],
    ]);
    return [frameOf(TYPE.headers, END_HEADERS, stream, block), ...frames, ...end];
  }

  /** A frame of any kind, where it does not belong. */
  const stray = () =>
    frameOf(
      pick([...Object.values(TYPE), 2, 5, 10, 255]),
      below(256),
      below(12),
      Buffer.from(some(40, () => below(256))),
    );

  return function connection() {
    const settings = next() < 0.3 ? some(3, () => [0, below(10), 0, 0, pick([0, 0, 1, 255]), below(256)]) : [];
    const streams = some(8, () => pick([request, webSocket, webSocket]));
    const frames = streams.flatMap((make, at) => make(at * 2 + 1));
    for (let n = next() < 0.25 ? below(4) : 0; n > 0; n--) frames.splice(below(frames.length + 1), 0, stray());
    const all = [PREFACE, frameOf(TYPE.settings, 0, 0, Buffer.from(settings.flat())), ...frames];
    return next() < 0.2 ? mutate(Buffer.concat(all)) : Buffer.concat(all);
  };
}
