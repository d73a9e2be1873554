/**
 * A large successful answer that is handed on without being parsed: between peers of one era nothing in it changes but the id,
 * and parsing and writing a megabyte costs a hundred times more than finding where the id stands. Whoever does look into
 * `result` gets it parsed then.
 */
import { isUtf8 } from 'node:buffer';

import type { JsonObject, RpcId } from './jsonrpc.ts';

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b]);
const CLOSING: ReadonlySet<number> = new Set([0x7d, 0x5d]);

export class LazyResult {
  readonly jsonrpc = '2.0';
  readonly id: RpcId;
  readonly #bytes: Buffer;
  readonly #idStart: number;
  readonly #idEnd: number;

  private constructor(bytes: Buffer, idStart: number, idEnd: number, id: RpcId) {
    this.#bytes = bytes;
    this.#idStart = idStart;
    this.#idEnd = idEnd;
    this.id = id;
  }

  /**
   * Takes the bytes of one message for a lazy answer.
   *
   * @returns nothing when they are anything else than a plain answer: a request, an error, an id that is no integer, a key twice,
   * brackets that do not match. Such a message is for the parser, which tells what is wrong with it.
   */
  static from(bytes: Buffer): LazyResult | undefined {
    if (!isUtf8(bytes)) return undefined;
    const members = topLevelMembers(bytes);
    if (members === undefined || members.size !== 3) return undefined;
    const [id, result, version] = [members.get('id'), members.get('result'), members.get('jsonrpc')];
    if (id === undefined || result === undefined || version === undefined) return undefined;
    const digits = bytes.toString('latin1', id.start, id.end).trim();
    const isPlain =
      /^\d{1,15}$/.test(digits) && bytes.toString('latin1', version.start, version.end).trim() === '"2.0"';
    if (
      !isPlain ||
      !bytes
        .toString('latin1', result.start, result.start + 8)
        .trimStart()
        .startsWith('{')
    )
      return undefined;
    return new LazyResult(bytes, id.start, id.end, Number(digits));
  }

  /** @throws {SyntaxError} when what looked like JSON from outside is none inside. */
  get result(): JsonObject {
    return (JSON.parse(this.#bytes.toString('utf8')) as { result: JsonObject }).result;
  }

  /** How many bytes the whole answer has, as it came. */
  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Whether a key of this name may stand anywhere in it; a plain search, far cheaper than to parse it. */
  mentions(key: string): boolean {
    return this.#bytes.includes(`"${key}"`);
  }

  /** The same answer to another request. */
  answering(id: RpcId): LazyResult {
    return new LazyResult(this.#bytes, this.#idStart, this.#idEnd, id);
  }

  toBytes(): Buffer {
    const id = typeof this.id === 'bigint' ? String(this.id) : JSON.stringify(this.id);
    return Buffer.concat([this.#bytes.subarray(0, this.#idStart), Buffer.from(id), this.#bytes.subarray(this.#idEnd)]);
  }
}

interface Span {
  start: number;
  end: number;
}

/** Where the values of an object's own keys stand; nothing when it is no object, or not well-formed as far as brackets tell. */
function topLevelMembers(bytes: Buffer): Map<string, Span> | undefined {
  const members = new Map<string, Span>();
  let depth = 0;
  let key: string | undefined;
  let lastString = '';
  let valueStart = 0;
  let ended = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (ended && byte > 0x20) return undefined;
    if (byte === QUOTE) {
      const end = stringEnd(bytes, at);
      if (end === -1) return undefined;
      if (depth === 1 && key === undefined) lastString = bytes.toString('utf8', at + 1, end);
      at = end;
    } else if (OPENING.has(byte)) {
      depth++;
    } else if (CLOSING.has(byte) || (byte === COMMA && depth === 1)) {
      const closesAll = CLOSING.has(byte) && --depth === 0;
      if (depth < 0) return undefined;
      if (!closesAll && !(byte === COMMA && depth === 1)) continue;
      if (key === undefined || members.has(key)) return undefined;
      members.set(key, { start: valueStart, end: at });
      key = undefined;
      ended = closesAll;
    } else if (byte === COLON && depth === 1 && key === undefined) {
      key = lastString;
      valueStart = at + 1;
    }
  }
  return ended ? members : undefined;
}

/** Where the string that begins at `start` has its closing quote; -1 when it has none. */
function stringEnd(bytes: Buffer, start: number): number {
  for (let end = bytes.indexOf(QUOTE, start + 1); end !== -1; end = bytes.indexOf(QUOTE, end + 1)) {
    let backslashes = 0;
    while (bytes[end - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return -1;
}
