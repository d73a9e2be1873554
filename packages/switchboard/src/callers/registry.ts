/** Every client that is connected now: how many may be, which have gone quiet, and who is to be told when the gateway ends. */
import { bindingOf } from '../auth/identity.ts';
import type { Identity } from '../auth/identity.ts';
import { Tally } from '../limits/tally.ts';
import type { CloseName } from '../protocol/close-codes.ts';
import { SwitchboardError } from '../protocol/errors.ts';

/** A connection that stays open, or a legacy session over HTTP. */
export interface Conversation {
  readonly id: string;
  readonly identity: Identity;
  /** When the client was last heard, in ms since 1970. */
  readonly lastActivity: number;
  /** Whether a request is under way: then it is not idle, however long ago it was heard. */
  readonly busy: boolean;
  close(why: CloseName, reason: string): void;
}

export interface RegistryOptions {
  /** How many conversations there may be. */
  max: number;
  /** How many of them one caller may have. */
  maxOf(identity: Identity): number;
  /** How long a client may be quiet, in ms. */
  idleTimeoutMs: number;
}

/** How often quiet clients are looked for. */
const SWEEP_MS = 60_000;
/** How long a refused client is asked to wait. */
export const RETRY_AFTER_SECONDS = 5;

export class Registry {
  readonly #options: RegistryOptions;
  readonly #conversations: Map<string, Conversation> = new Map();
  /** How many each principal has. */
  readonly #own: Tally = new Tally();
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const everyMs = Math.min(SWEEP_MS, Math.max(50, options.idleTimeoutMs / 4));
    this.#sweeper = setInterval(() => this.#sweep(), everyMs).unref();
  }

  get size(): number {
    return this.#conversations.size;
  }

  /** @throws {SwitchboardError} `SWB_CONNECTION_LIMIT` when one more is one too many. */
  checkRoom(identity: Identity): void {
    const { max, maxOf } = this.#options;
    const own = maxOf(identity);
    if (this.#own.of(identity.principal) >= own) {
      const detail = `${own} sessions of ${identity.principal} are open, the limit of its role (sessions); close one`;
      throw new SwitchboardError('SWB_CONNECTION_LIMIT', {
        detail,
        data: { retryAfterMs: RETRY_AFTER_SECONDS * 1000 },
      });
    }
    if (this.#conversations.size < max) return;
    const detail = `${max} clients are connected, the limit (maxConnections); try again in ${RETRY_AFTER_SECONDS} s`;
    throw new SwitchboardError('SWB_CONNECTION_LIMIT', { detail, data: { retryAfterMs: RETRY_AFTER_SECONDS * 1000 } });
  }

  /** @throws as {@link checkRoom} */
  add(conversation: Conversation): void {
    this.checkRoom(conversation.identity);
    this.#conversations.set(conversation.id, conversation);
    this.#own.add(conversation.identity.principal);
  }

  remove(id: string): void {
    const conversation = this.#conversations.get(id);
    if (conversation === undefined) return;
    this.#own.remove(conversation.identity.principal);
    this.#conversations.delete(id);
  }

  /** The conversation with this id, if it belongs to who is calling: to everybody else it does not exist. */
  find(id: string, identity: Identity): Conversation | undefined {
    const conversation = this.#conversations.get(id);
    const isTheirs = conversation !== undefined && bindingOf(conversation.identity) === bindingOf(identity);
    return isTheirs ? conversation : undefined;
  }

  close(reason: string): void {
    clearInterval(this.#sweeper);
    for (const conversation of this.#conversations.values()) conversation.close('goingAway', reason);
  }

  #sweep(): void {
    const { idleTimeoutMs } = this.#options;
    const oldest = Date.now() - idleTimeoutMs;
    for (const conversation of this.#conversations.values()) {
      if (conversation.busy || conversation.lastActivity > oldest) continue;
      conversation.close('idle', `nothing was heard for ${Math.round(idleTimeoutMs / 1000)} s`);
    }
  }
}
