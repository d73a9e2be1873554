/** WebSocket on a bare TCP socket: frames are made and read byte by byte here, so that they can be wrong in every way. */
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';

import { servers, startGateway } from './gateway.ts';
import type { TestGateway } from './gateway.ts';
import { WireClient, initializeParams, textOf } from './wire.ts';
import type { Json } from './wire.ts';

export const OP = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;
/** The reserved bits, as {@link FrameShape.rsv} takes them. */
export const RSV = { 1: 0b100, 2: 0b010, 3: 0b001 } as const;

export interface FrameShape {
  /** @default text */
  opcode?: number;
  /** @default true */
  fin?: boolean;
  /** The three reserved bits. @default 0 */
  rsv?: number;
  /** @default true, as a client must */
  masked?: boolean;
  payload?: string | Buffer;
  /** The length that the header tells, where it is not that of the payload. */
  declared?: number | bigint;
}

/** One frame as a client sends it (RFC 6455, section 5.2). */
export function frame(shape: FrameShape = {}): Buffer {
  const { opcode = OP.text, fin = true, rsv = 0, masked = true, payload = '' } = shape;
  const body = Buffer.from(payload);
  const mask = masked ? randomBytes(4) : Buffer.alloc(0);
  if (masked) for (let at = 0; at < body.length; at++) body[at]! ^= mask[at % 4]!;
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  return Buffer.concat([Buffer.from([first]), lengthOf(shape.declared ?? body.length, masked), mask, body]);
}

function lengthOf(length: number | bigint, masked: boolean): Buffer {
  const bit = masked ? 0x80 : 0;
  if (length < 126) return Buffer.from([bit | Number(length)]);
  if (length < 0x10000) return Buffer.from([bit | 126, Number(length) >> 8, Number(length) & 0xff]);
  const bytes = Buffer.alloc(9);
  bytes[0] = bit | 127;
  bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

/** The payload of a close frame. */
export function closeBody(code: number, reason: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

/** One message in several frames, one for each part. */
export function fragments(parts: readonly (string | Buffer)[], opcode: number = OP.text): Buffer[] {
  return parts.map((payload, n) =>
    frame({ opcode: n === 0 ? opcode : OP.continuation, fin: n === parts.length - 1, payload }),
  );
}

export interface UpgradeShape {
  method?: string;
  version?: string;
  /** Replaces headers of the proper request, by their exact names; undefined leaves one out. */
  headers?: Readonly<Record<string, string | undefined>>;
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPTED = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** The opening handshake as a client sends it. */
export function upgradeRequest({ method = 'GET', version = '1.1', headers = {} }: UpgradeShape = {}): string {
  const all: Record<string, string | undefined> = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Protocol': 'mcp',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return `${method} /mcp HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n`;
}

export interface ServerFrame {
  opcode: number;
  fin: boolean;
  rsv: number;
  masked: boolean;
  payload: Buffer;
}

export interface Ending {
  /** Of the close frame; 1005 when it had none, 1006 when no close frame came. */
  code: number;
  reason: string;
  /** How many frames came after the close frame. */
  afterwards: number;
}

export interface FrameClientOptions extends UpgradeShape {
  /** Sent in the same write as the upgrade request. */
  head?: Buffer;
  /** Whether pings are answered with pongs, and a close with a close. @default true */
  polite?: boolean;
}

export class FrameClient {
  readonly socket: Socket;
  /** The head of the answer to the upgrade. */
  head = '';
  /** Frames that nobody has asked for yet. */
  readonly received: ServerFrame[] = [];
  /** Once the socket has ended, and not just when the close frame has come. */
  readonly ended: Promise<Ending>;
  readonly #polite: boolean;
  readonly #onHead: Promise<void>;
  #buffer: Buffer = Buffer.alloc(0);
  #waiting: {
    matches: (frame: ServerFrame) => boolean;
    resolve: (frame: ServerFrame) => void;
    reject: (error: Error) => void;
  }[] = [];
  #ending: Ending | undefined;

  private constructor(port: number, bytes: string | Buffer, polite: boolean) {
    this.#polite = polite;
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const { socket } = this;
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    this.#onHead = new Promise((resolve, reject) => {
      socket.on('data', (chunk) => {
        this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
        if (this.head === '' && !this.#takeHead()) return;
        resolve();
        for (let next = this.#takeFrame(); next !== undefined; next = this.#takeFrame()) this.#take(next);
      });
      socket.once('close', () => reject(new Error('the socket ended before the upgrade was answered')));
    });
    socket.once('end', () => polite && socket.end());
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        this.#ending ??= { code: 1006, reason: '', afterwards: 0 };
        resolve(this.#ending);
        for (const { reject } of this.#waiting) reject(new Error(`the socket ended (${this.#ending.code})`));
        this.#waiting = [];
      });
    });
    socket.write(bytes);
  }

  /** @throws {Error} unless the upgrade is answered with a proper 101. */
  static async open(port: number, { head, polite = true, ...shape }: FrameClientOptions = {}): Promise<FrameClient> {
    const request = Buffer.from(upgradeRequest(shape));
    const client = new FrameClient(port, head === undefined ? request : Buffer.concat([request, head]), polite);
    await client.#onHead;
    const proper =
      client.head.startsWith('HTTP/1.1 101 ') && client.head.includes(`Sec-WebSocket-Accept: ${ACCEPTED}\r\n`);
    if (!proper) throw new Error(`not upgraded: ${client.head}`);
    return client;
  }

  /** Opens a legacy session. */
  static async session(port: number, options: FrameClientOptions = {}): Promise<FrameClient> {
    const client = await FrameClient.open(port, options);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.answer(0);
    client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return client;
  }

  /** Writes bytes, whatever they are, in one packet as far as they fit. */
  write(...bytes: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** Writes bytes one by one, each in a packet of its own. */
  async dribble(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      // oxlint-disable-next-line no-await-in-loop -- the next one must not join it
      await new Promise<void>((resolve) => this.socket.write(Buffer.from([byte]), () => resolve()));
    }
  }

  /** Writes the same bytes again and again, as fast as they are taken, until there were so many or the socket ends. */
  async flood(bytes: Buffer, total: number): Promise<number> {
    const { socket } = this;
    let written = 0;
    while (written < total && socket.writable) {
      written += bytes.length;
      if (socket.write(bytes)) continue;
      // oxlint-disable-next-line no-await-in-loop -- as fast as they are taken
      await new Promise<void>((resolve) => {
        const go = (): void => {
          socket.off('drain', go).off('close', go);
          resolve();
        };
        socket.once('drain', go).once('close', go);
      });
    }
    return written;
  }

  send(message: Json): void {
    this.write(frame({ payload: JSON.stringify(message) }));
  }

  /** The first frame that matches, received already or still to come; rejects when the socket ends before. */
  next(matches: (frame: ServerFrame) => boolean): Promise<ServerFrame> {
    const at = this.received.findIndex(matches);
    if (at !== -1) return Promise.resolve(this.received.splice(at, 1)[0]!);
    if (this.socket.destroyed) return Promise.reject(new Error('the socket has ended'));
    return new Promise((resolve, reject) => this.#waiting.push({ matches, resolve, reject }));
  }

  frame(opcode: number): Promise<ServerFrame> {
    return this.next((each) => each.opcode === opcode);
  }

  /** The next message. */
  async message(): Promise<Json> {
    return read(await this.frame(OP.text));
  }

  /** The answer to a request. */
  async answer(id: unknown): Promise<Json> {
    return read(await this.next((each) => each.opcode === OP.text && read(each)['id'] === id));
  }

  #takeHead(): boolean {
    const end = this.#buffer.indexOf('\r\n\r\n');
    if (end === -1) return false;
    this.head = this.#buffer.subarray(0, end + 4).toString('latin1');
    this.#buffer = this.#buffer.subarray(end + 4);
    return true;
  }

  #takeFrame(): ServerFrame | undefined {
    const bytes = this.#buffer;
    if (bytes.length < 2) return undefined;
    const short = bytes[1]! & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start) return undefined;
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < start + length) return undefined;
    this.#buffer = bytes.subarray(start + length);
    return {
      opcode: bytes[0]! & 0x0f,
      fin: (bytes[0]! & 0x80) !== 0,
      rsv: (bytes[0]! >> 4) & 0b111,
      masked: (bytes[1]! & 0x80) !== 0,
      payload: bytes.subarray(start, start + length),
    };
  }

  #take(next: ServerFrame): void {
    if (this.#ending !== undefined) this.#ending.afterwards++;
    if (next.opcode === OP.close) {
      const code = next.payload.length < 2 ? 1005 : next.payload.readUInt16BE(0);
      this.#ending ??= { code, reason: next.payload.subarray(2).toString(), afterwards: 0 };
    }
    if (this.#polite && next.opcode === OP.ping) this.write(frame({ opcode: OP.pong, payload: next.payload }));
    if (this.#polite && next.opcode === OP.close) {
      this.write(frame({ opcode: OP.close, payload: next.payload.subarray(0, 2) }));
    }
    const at = this.#waiting.findIndex(({ matches }) => matches(next));
    if (at === -1) this.received.push(next);
    else this.#waiting.splice(at, 1)[0]!.resolve(next);
  }
}

const read = ({ payload }: ServerFrame): Json => JSON.parse(payload.toString()) as Json;

/** Served without an upstream and before `initialize`, so that it tells only whether the wire works. */
export const ping = (id: unknown): Json => ({ jsonrpc: '2.0', id, method: 'ping' });
export const pingText = (id: unknown, padding = 0): string =>
  JSON.stringify({ ...ping(id), params: { _meta: { pad: 'x'.repeat(padding) } } });
export const textFrame = (payload: string | Buffer): Buffer => frame({ payload });
export const closedWith = (code: number): unknown => expect.objectContaining({ code, afterwards: 0 });

/** The largest message in a {@link scene}. */
export const LIMIT: number = 64 * 1024;
/** What the process may grow by, whatever is sent: the clients of these tests are part of it. */
const MAX_GROWTH = 96 * 1024 * 1024;

export interface Scene extends TestGateway {
  /** A client that does nothing wrong; all share one server. */
  witness: WireClient;
  /**
   * The end of every test: whatever one client did, the witness was served meanwhile and is served after it.
   *
   * @param left how many clients remain, with the witness.
   */
  expectUnharmed(left?: number): Promise<void>;
}

/** How clients reach a gateway otherwise than directly: with which options it starts, and where they find it then. */
export interface Way {
  options: Record<string, unknown>;
  reach(test: TestGateway): Promise<Pick<TestGateway, 'port' | 'ws'>>;
}

export async function scene(options: Record<string, unknown> = {}, way?: Way): Promise<Scene> {
  const upstreams = { default: servers.scripted };
  const gateway = await startGateway({
    upstreams,
    isolation: 'shared',
    maxMessageSize: LIMIT,
    ...way?.options,
    ...options,
  });
  const test = { ...gateway, ...(await way?.reach(gateway)) };
  const witness = await WireClient.session(test.ws);
  const rss = process.memoryUsage().rss;
  const during = witness.call('during', 'slow', { ms: 20, text: 'during' });
  return {
    ...test,
    witness,
    expectUnharmed: async (left = 1) => {
      expect(textOf(await during)).toBe('during');
      expect(textOf(await witness.call('after', 'echo', { text: 'after' }))).toBe('after');
      await expect.poll(() => test.gateway.stats.connections, { timeout: 10_000 }).toBe(left);
      await expect.poll(() => test.gateway.stats.exchanges, { timeout: 10_000 }).toBe(0);
      expect(process.memoryUsage().rss - rss).toBeLessThan(MAX_GROWTH);
      expect(test.events.filter(({ type }) => type === 'failed')).toEqual([]);
    },
  };
}

/** The witness shares the server with the client that is gone. */
export async function expectCancelled(witness: WireClient): Promise<void> {
  let n = 0;
  await expect
    .poll(async () => JSON.parse(textOf(await witness.call(`seen ${n++}`, 'seen'))) as string[])
    .toContain('notifications/cancelled');
}
