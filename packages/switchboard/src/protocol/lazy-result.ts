/**
 * A large successful answer that is handed on without being parsed: between peers of one era nothing in it changes but the id,
 * and to parse and write a megabyte costs three to ten times more than to prove that it is JSON. Its `result` is parsed when it is
 * read.
 */
import { isUtf8 } from 'node:buffer';

import { MAX_DEPTH, MAX_VALUES } from './json-bounds.ts';
import { afterSpace, isSpace, scanJson } from './json-scan.ts';
import type { JsonScan, Span } from './json-scan.ts';
import type { JsonObject, RpcId } from './rpc-types.ts';

const BOUNDS = { maxDepth: MAX_DEPTH, maxValues: MAX_VALUES } as const;
const [LF, CR, OPEN_BRACE] = [0x0a, 0x0d, 0x7b];

export class LazyResult {
  readonly jsonrpc = '2.0';
  readonly id: RpcId;
  readonly #bytes: Buffer;
  readonly #idSpan: Span;
  readonly #hasEscapedKey: boolean;

  private constructor(bytes: Buffer, idSpan: Span, id: RpcId, hasEscapedKey: boolean) {
    this.#bytes = bytes;
    this.#idSpan = idSpan;
    this.#hasEscapedKey = hasEscapedKey;
    this.id = id;
  }

  /**
   * Takes the bytes of one message for a lazy answer. They are proven to be JSON within the bounds of a message, and to hold no line
   * break, so that they fit a line and an event as they are.
   *
   * @returns nothing for anything else than a plain answer: a request, an error, an id that is no integer, a key twice, a BOM, bytes
   * that are no JSON. The parser reads such a message, or says what is wrong with it.
   */
  static from(line: Buffer): LazyResult | undefined {
    const bytes = withoutSpaceAtEnd(line);
    if (bytes.includes(CR) || bytes.includes(LF) || !isUtf8(bytes)) return undefined;
    const scan = scanJson(bytes, BOUNDS);
    if (scan.fault !== undefined || scan.memberCount !== 3) return undefined;
    const members = byKey(bytes, scan);
    const [id, result, version] = [members.get('id'), members.get('result'), members.get('jsonrpc')];
    if (id === undefined || result === undefined || version === undefined) return undefined;
    const number = readId(bytes, id);
    if (number === undefined || textAt(bytes, version).trim() !== '"2.0"') return undefined;
    if (bytes[afterSpace(bytes, result.start)] !== OPEN_BRACE) return undefined;
    return new LazyResult(bytes, id, number, scan.hasEscapedKey);
  }

  /** Parsed each time: keep it. */
  get result(): JsonObject {
    return (JSON.parse(this.#bytes.toString('utf8')) as { result: JsonObject }).result;
  }

  /** How many bytes the whole answer has, as it came. */
  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Whether a key of this name may stand anywhere in it: a plain search, far cheaper than to parse it. */
  mentions(key: string): boolean {
    return this.#hasEscapedKey || this.#bytes.includes(`"${key}"`);
  }

  /** Whether a text stands in it, as JSON writes it without need for escapes. */
  contains(text: string): boolean {
    return this.#bytes.includes(text);
  }

  /** The same answer to another request. */
  answering(id: RpcId): LazyResult {
    return new LazyResult(this.#bytes, this.#idSpan, id, this.#hasEscapedKey);
  }

  /** What it is written from, in order. */
  toParts(): readonly (string | Uint8Array)[] {
    const id = typeof this.id === 'bigint' ? String(this.id) : JSON.stringify(this.id);
    const { start, end } = this.#idSpan;
    return [this.#bytes.subarray(0, start), id, this.#bytes.subarray(end)];
  }
}

const byKey = (bytes: Buffer, { members }: JsonScan): Map<string, Span> =>
  new Map(members.map(({ key, value }) => [textAt(bytes, key), value]));

const textAt = (bytes: Buffer, { start, end }: Span): string => bytes.toString('latin1', start, end);

function readId(bytes: Buffer, at: Span): number | undefined {
  const digits = textAt(bytes, at).trim();
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}

function withoutSpaceAtEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (isSpace(bytes[end - 1])) end--;
  return bytes.subarray(0, end);
}
