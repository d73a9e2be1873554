/**
 * Exchanges whose client was asked a question and has not come back with the answer (MCP 2026-07-28, "Multi round-trip requests").
 *
 * The client gets a handle, and whoever shows it later must be the same principal with the same request: a handle is a key to a
 * running call, so it is unguessable, bound, good for one use, and expires.
 */
import { createHash, randomBytes } from 'node:crypto';

import { Tally } from '../limits/tally.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { withOpenArguments } from '../protocol/raw-arguments.ts';
import { omit } from '../util/omit.ts';
import type { Opening, Scope } from './exchange.ts';

export interface ParkedOptions {
  /** How long an answer is waited for, in ms. */
  ttlMs: number;
  /** How many exchanges may be parked; one origin may have a quarter of them, see {@link Scope.origin}. */
  max: number;
  /** How handles begin. @default as no other process has it */
  handles?: Handles;
}

/** How the handles of this process are told from other servers' request states. */
export interface Handles {
  /** What a new one begins with. */
  prefix(): string;
  /** Whether one was given here, or by another node of the same cluster. Where its exchange is not here, the request is refused. */
  isOurs(handle: string): boolean;
}

interface Entry<T> {
  exchange: T;
  binding: string;
  origin: string;
  timer: NodeJS.Timeout;
}

/** The share that one origin may have of all that is parked. */
const SHARE = 0.25;

const originOf = ({ origin, affinity }: Scope): string => origin ?? affinity;

export class ParkedTable<T> {
  readonly #options: ParkedOptions;
  readonly #entries: Map<string, Entry<T>> = new Map();
  readonly #own: Tally = new Tally();
  readonly #handles: Handles;

  constructor(options: ParkedOptions) {
    this.#options = options;
    // Another Switchboard may be behind this one.
    const prefix = `swb.${randomBytes(6).toString('base64url')}.`;
    this.#handles = options.handles ?? { prefix: () => prefix, isOurs: (handle) => handle.startsWith(prefix) };
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether one more may be parked, of all and of whoever asks. */
  hasRoom(scope: Scope): boolean {
    const { max } = this.#options;
    return this.#entries.size < max && this.#own.of(originOf(scope)) < Math.ceil(max * SHARE);
  }

  /**
   * @param onExpire called when nobody came back in time; ends the exchange.
   * @returns the handle to give to the client, good until {@link forget}.
   */
  park(exchange: T, opening: Opening, onExpire: () => void): string {
    const handle = this.#handles.prefix() + randomBytes(16).toString('base64url');
    const origin = originOf(opening.scope);
    const timer = setTimeout(onExpire, this.#options.ttlMs);
    this.#own.add(origin);
    this.#entries.set(handle, { exchange, binding: bindingOf(opening, opening.slot.upstream), origin, timer });
    return handle;
  }

  /**
   * The exchange that a request comes back to; nothing when the request does not carry a handle of ours. The handle stays good, so that a
   * request that is refused for something else can be made again.
   *
   * @throws {SwitchboardError} `SWB_INVALID_PARAMS` for a handle that was used, has expired, or belongs to another request: the
   * tool must not be run a second time in its stead.
   */
  find(request: Pick<Opening, 'scope' | 'method' | 'params'>, upstream: string): T | undefined {
    const handle = request.params?.['requestState'];
    if (typeof handle !== 'string' || !this.#handles.isOurs(handle)) return undefined;
    const entry = this.#entries.get(handle);
    if (entry === undefined || entry.binding !== bindingOf(request, upstream)) {
      const detail =
        'requestState is unknown, was already used, has expired, or belongs to another request; send the request again';
      throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
    }
    return entry.exchange;
  }

  /** The handle is used up, or its exchange has ended. */
  forget(handle: string): void {
    const entry = this.#entries.get(handle);
    if (entry === undefined) return;
    this.#entries.delete(handle);
    this.#own.remove(entry.origin);
    clearTimeout(entry.timer);
  }
}

/** What a retry must have in common with the request that it continues. */
function bindingOf({ scope, method, params }: Pick<Opening, 'scope' | 'method' | 'params'>, upstream: string): string {
  const request: JsonObject = omit(withOpenArguments(params ?? {}), '_meta', 'inputResponses', 'requestState');
  const facts = [scope.principal, upstream, method, sorted(request)];
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64');
}

/** Clients may write the same object with its keys in another order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, each]) => [key, sorted(each)]);
}
