/** Every client that is connected now: how many may be, which have gone quiet, and who is to be told when the gateway ends. */
import { SwitchboardError } from '../protocol/errors.ts';

/** A connection that stays open, or a legacy session over HTTP. */
export interface Conversation {
  readonly id: string;
  readonly principal: string;
  /** When the client was last heard, in ms since 1970. */
  readonly lastActivity: number;
  /** Whether a request is under way: then it is not idle, however long ago it was heard. */
  readonly busy: boolean;
  close(why: 'idle' | 'goingAway', reason: string): void;
}

export interface RegistryOptions {
  /** How many conversations there may be. */
  max: number;
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
  checkRoom(): void {
    const { max } = this.#options;
    if (this.#conversations.size < max) return;
    const detail = `${max} clients are connected, the limit (maxConnections); try again in ${RETRY_AFTER_SECONDS} s`;
    throw new SwitchboardError('SWB_CONNECTION_LIMIT', { detail, data: { retryAfterMs: RETRY_AFTER_SECONDS * 1000 } });
  }

  /** @throws as {@link checkRoom} */
  add(conversation: Conversation): void {
    this.checkRoom();
    this.#conversations.set(conversation.id, conversation);
  }

  remove(id: string): void {
    this.#conversations.delete(id);
  }

  /** The conversation with this id, if it belongs to this principal: to everybody else it does not exist. */
  find(id: string, principal: string): Conversation | undefined {
    const conversation = this.#conversations.get(id);
    return conversation?.principal === principal ? conversation : undefined;
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
