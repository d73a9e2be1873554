/**
 * WebSocket over HTTP/2 (RFC 8441): an extended CONNECT, made to look like the upgrade of HTTP/1.1 that it stands for, so that whoever
 * answers upgrades need not know over which version one came.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { constants } from 'node:http2';
import type { Http2ServerRequest, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';

import { HTTP_LIMITS } from './limits.ts';

/** Whether a request asks for a WebSocket on its stream, and not for a tunnel or another protocol. */
export const asksForWebSocket = ({ headers }: Http2ServerRequest): boolean => headers[':protocol'] === 'websocket';

/** @returns the request as an upgrade, and what stands in for the socket that it would have come from. */
export function asUpgrade(request: Http2ServerRequest): { request: IncomingMessage; socket: Duplex } {
  const { headers, stream } = request;
  headers[':method'] = 'GET';
  headers.upgrade = 'websocket';
  headers.connection = 'Upgrade';
  // HTTP/2 has no need of a key and an answer to it (section 5.1): this one satisfies who asks for it, and nobody sees the answer.
  headers['sec-websocket-key'] = randomBytes(16).toString('base64');
  return { request: request as never, socket: new StreamSocket(stream) };
}

/** Fields that speak of a connection of HTTP/1.1; a message of HTTP/2 with one of them is malformed (RFC 9113, section 8.2.2). */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'sec-websocket-accept',
  'transfer-encoding',
  'upgrade',
]);

/** A stream of HTTP/2 as a socket: the head of a response of HTTP/1.1 that is written to it leaves as one of HTTP/2. */
class StreamSocket extends Duplex {
  readonly #stream: ServerHttp2Stream;
  /** What of the head was written; nothing when it is complete. */
  #head: Buffer | undefined = Buffer.alloc(0);

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#stream.pause();
  };

  constructor(stream: ServerHttp2Stream) {
    super();
    this.#stream = stream;
    stream.on('data', this.#onData);
    stream.once('end', () => this.push(null));
    stream.on('error', (error) => this.destroy(error));
    // Its end may still have to be read.
    stream.once('close', () => {
      if (!stream.readableEnded) this.destroy();
    });
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    let rest: Buffer = chunk;
    try {
      if (this.#head !== undefined) rest = this.#respond(Buffer.concat([this.#head, chunk]));
    } catch (error) {
      // Between question and answer the client may have reset the stream; Node throws then.
      callback(error as Error);
      return;
    }
    if (rest.length === 0) callback();
    else this.#stream.write(rest, callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'buffer', callback);
  }

  override _final(callback: () => void): void {
    this.#stream.end(callback);
  }

  /** RFC 8441, section 5: what would have reset a connection of TCP resets the stream. */
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const isOrderly = this.writableFinished && error === null;
    // A stream is gone only when all that came on it was read, by whomever.
    this.#stream.off('data', this.#onData).resume();
    this.#stream.close(isOrderly ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL);
    callback(error);
  }

  /** @returns what follows the head. @throws when the stream takes no answer any more. */
  #respond(bytes: Buffer): Buffer {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) {
      this.#head = bytes;
      if (bytes.length > HTTP_LIMITS.headBytes) throw new Error('the head of the response has no end');
      return Buffer.alloc(0);
    }
    this.#head = undefined;
    const headers = headOf(bytes.toString('latin1', 0, end));
    this.#stream.respond(headers);
    return bytes.subarray(end + 4);
  }
}

function headOf(text: string): OutgoingHttpHeaders {
  const [line = '', ...fields] = text.split('\r\n');
  const status = Number(line.split(' ')[1]);
  const headers: OutgoingHttpHeaders = { ':status': status === 101 ? 200 : status };
  for (const field of fields) {
    const colon = field.indexOf(':');
    const [name, value] = [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    if (OF_CONNECTIONS.has(name)) continue;
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat().map(String);
  }
  return headers;
}
