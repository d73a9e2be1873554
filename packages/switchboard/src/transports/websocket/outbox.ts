/**
 * What waits for a peer that cannot take it now, because it reads slowly or is away. For a slow one only the newest is kept of what
 * replaces itself, such as progress notes of one token; one that is away gets all of it, up to the limits. An answer is never left
 * out.
 */
import { dropped } from '../../protocol/dropped.ts';
import { isNotification, isRequest, stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message, RpcId, RpcNotification } from '../../protocol/jsonrpc.ts';
import type { Entry } from '../../stores/store.ts';

export interface OutboxLimits {
  maxMessages: number;
  maxBytes: number;
}

/** How many log messages wait; the oldest make room. */
const MAX_LOGS = 100;
/** A client that misses one of these would be wrong ever after. */
const NEEDED: ReadonlySet<string> = new Set([
  'notifications/cancelled',
  'notifications/subscriptions/acknowledged',
  'notifications/elicitation/complete',
]);

interface Waiting {
  encoded: Entry;
  /** Of a request. */
  id?: RpcId;
  kind: 'needed' | 'note' | 'log';
}

export class Outbox {
  readonly #limits: OutboxLimits;
  /** By what a newer message would replace it for, else by number: a `Map` keeps the place of what is replaced. */
  readonly #waiting: Map<string | number, Waiting> = new Map();
  #seq = 0;
  #bytes = 0;
  #logs = 0;
  #dropped = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#dropped === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get tooMany(): boolean {
    return this.#waiting.size > this.#limits.maxMessages;
  }

  /** One message, however large, is never too big: the largest of them does not count. */
  get tooBig(): boolean {
    return this.#isTooBig(0);
  }

  /** Whether the limits leave room for one more. */
  fits({ length }: Entry): boolean {
    return this.#waiting.size < this.#limits.maxMessages && !this.#isTooBig(length);
  }

  /**
   * @param replace whether the message takes the place of an older one that it makes pointless.
   * @param message absent for text that is no MCP message.
   */
  add(encoded: Entry, replace: boolean, message?: Message): void {
    const note = message !== undefined && isNotification(message) ? message : undefined;
    const key = (replace && note !== undefined ? replacementKey(note) : undefined) ?? this.#seq++;
    this.#remove(key);
    const kind = note === undefined || NEEDED.has(note.method) ? 'needed' : isLog(note) ? 'log' : 'note';
    const request = message !== undefined && isRequest(message) ? { id: message.id } : {};
    this.#waiting.set(key, { encoded, kind, ...request });
    this.#bytes += encoded.length;
    if (kind === 'log' && ++this.#logs > MAX_LOGS && replace) this.dropOldest(['log']);
  }

  /** The ids of the requests that wait. */
  get requests(): RpcId[] {
    return [...this.#waiting.values()].flatMap(({ id }) => id ?? []);
  }

  /** The next message to send. */
  shift(): Entry | undefined {
    if (this.#dropped > 0) {
      const told = stringifyMessage(dropped(this.#dropped));
      this.#dropped = 0;
      return told;
    }
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    this.#remove(first[0], true);
    return first[1].encoded;
  }

  /** Leaves out the oldest message that may be. @returns whether there was one. */
  dropOldest(kinds: readonly Waiting['kind'][] = ['log', 'note']): boolean {
    for (const [key, { kind }] of this.#waiting) {
      if (!kinds.includes(kind)) continue;
      this.#remove(key, true);
      this.#dropped++;
      return true;
    }
    return false;
  }

  clear(): void {
    this.#waiting.clear();
    this.#bytes = 0;
    this.#logs = 0;
    this.#dropped = 0;
  }

  /** @param more how many bytes another message has. */
  #isTooBig(more: number): boolean {
    const bytes = this.#bytes + more;
    if (bytes <= this.#limits.maxBytes) return false;
    let largest = more;
    for (const { encoded } of this.#waiting.values()) largest = Math.max(largest, encoded.length);
    return bytes - largest > this.#limits.maxBytes;
  }

  /** @param gone whether its place goes too. */
  #remove(key: string | number, gone = false): void {
    const old = this.#waiting.get(key);
    if (old === undefined) return;
    this.#bytes -= old.encoded.length;
    if (old.kind === 'log') this.#logs--;
    if (gone) this.#waiting.delete(key);
  }
}

const isLog = ({ method }: RpcNotification): boolean => method === 'notifications/message';

function replacementKey({ method, params }: RpcNotification): string | undefined {
  if (method === 'notifications/progress') {
    const token = params?.['progressToken'];
    return typeof token === 'string' || typeof token === 'number' ? `progress ${typeof token} ${token}` : undefined;
  }
  if (/\/list_changed$|\/resources\/updated$/.test(method)) return `${method} ${JSON.stringify(params)}`;
  return undefined;
}
