/** Every client that is connected now: how many may be, which have gone quiet, and who is to be told when the gateway ends. */
import { isSameCaller } from '../auth/identity.ts';
import type { Identity } from '../auth/identity.ts';
import { Tally } from '../limits/tally.ts';
import type { CloseName } from '../protocol/close-codes.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { JsonObject, RpcNotification } from '../protocol/jsonrpc.ts';
import type { Scope } from '../router/exchange.ts';
import type { Traffic } from '../transports/channel.ts';
import { MAX_OWN_WORDS, cut } from '../util/cut.ts';
import { owned } from '../util/owned.ts';
import { originOf } from './account.ts';
import type { AllowanceFacts, ReturnFacts } from './session-facts.ts';
import type { SessionFacts, SessionNotes } from './session-facts.ts';
import type { Arrival } from './arrival.ts';

/** A connection that stays open, or a legacy session over HTTP. */
export interface Conversation {
  /** Its name in logs and tables, the one in {@link SessionFacts.id}. Not a secret. */
  readonly id: string;
  /** What the client of a session over HTTP shows to go on with it. Whoever has it is taken for that client, so it is shown nowhere. */
  readonly secret?: string;
  readonly identity: Identity;
  /** When a message last passed, in ms since 1970. */
  readonly lastActivity: number;
  /** When the client last pinged of its own accord, in ms since 1970; absent where it has not. */
  readonly lastPing?: number | undefined;
  /** Whether a request is under way: then it is not idle, however long ago it was heard. */
  readonly busy: boolean;
  /** Whether its client can open another at any time, so that it makes room for a client that needs its place: a session over HTTP. */
  readonly isReplaceable: boolean;
  /** Whom its place is counted for, see `originOf`. */
  readonly origin: string;
  readonly facts: SessionFacts;
  notes: SessionNotes;
  /** Says something to the client that belongs to no request. */
  notify(note: RpcNotification): void;
  close(why: CloseName, reason: string): void;
  /** The name under which another process can take it up, the same for its whole life; nothing where none can. */
  readonly keptAs?: string | undefined;
  /**
   * The process ends, or another node goes on: keeps what that needs, and ends here.
   *
   * @returns false where nothing can be gone on with; then nothing was done.
   */
  suspend?(reason: string): boolean;
}

export interface RegistryOptions {
  /** How many conversations there may be. */
  max: number;
  /** How many of them one caller may have. */
  maxOf(identity: Identity): number;
  /**
   * How long a client may be quiet, in ms. One that pings is not ended for being quiet; it makes room from then on.
   */
  idleTimeoutMs: number;
  /** Told of each that takes a place, and that gives it back. `isMoved`: it had one before, in another process. */
  onEnter?(conversation: Conversation, isMoved: boolean): void;
  onLeave?(conversation: Conversation): void;
  /** Something of Switchboard's own failed while a quiet client was ended. Must not throw. */
  onFault(error: unknown): void;
  /** How often quiet clients are looked for, in ms; more often where `idleTimeoutMs` is short. */
  sweepIntervalMs: number;
}

/** How long a refused client is asked to wait. */
export const RETRY_AFTER_SECONDS = 5;

export class Registry {
  readonly #options: RegistryOptions;
  readonly #conversations: Map<string, Conversation> = new Map();
  readonly #bySecret: Map<string, Conversation> = new Map();
  /** Those over WebSocket that another process can take up. */
  readonly #byKeptAs: Map<string, Conversation> = new Map();
  /** How many each principal has. */
  readonly #own: Tally = new Tally();
  readonly #sweeper: NodeJS.Timeout;
  #closing = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const everyMs = Math.min(options.sweepIntervalMs, Math.max(50, options.idleTimeoutMs / 4));
    this.#sweeper = setInterval(() => owned(() => this.#sweep(), options.onFault), everyMs).unref();
  }

  get size(): number {
    return this.#conversations.size;
  }

  /** All of them, oldest first. */
  get all(): Iterable<Conversation> {
    return this.#conversations.values();
  }

  /**
   * Whether there is room for one more, or can be made.
   *
   * @throws {SwitchboardError} `SWB_CONNECTION_LIMIT` when one more is one too many, `SWB_SHUTTING_DOWN`.
   */
  checkRoom(identity: Identity, address?: string): void {
    this.#leaving(identity, originOf({ identity, id: '', ...(address !== undefined && { address }) }));
  }

  /**
   * Takes a place; a session that makes room for it is closed.
   *
   * @param isMoved whether it had a place before, in another process.
   * @throws as {@link checkRoom}
   */
  add(conversation: Conversation, isMoved = false): void {
    const { id, secret, identity, keptAs } = conversation;
    const leaving = this.#leaving(identity, conversation.origin);
    if (leaving !== undefined) this.#replace(leaving);
    this.#conversations.set(id, conversation);
    if (secret !== undefined) this.#bySecret.set(secret, conversation);
    if (keptAs !== undefined) this.#byKeptAs.set(keptAs, conversation);
    this.#own.add(identity.principal);
    this.#options.onEnter?.(conversation, isMoved);
  }

  /** How many a principal has. */
  countOf(principal: string): number {
    return this.#own.of(principal);
  }

  /** Ends the session of a principal that was quiet longest. @returns false where none can make room. */
  makeRoom(principal: string): boolean {
    const leaving = this.#quietest('', principal);
    if (leaving !== undefined) this.#replace(leaving);
    return leaving !== undefined;
  }

  #replace(leaving: Conversation): void {
    // A client that was only kept by its pings must not come back by itself: it would take another's place.
    leaving.close(leaving.isReplaceable ? 'goingAway' : 'idle', 'its place was needed, and it was quiet longest');
    // A WebSocket takes a while to close. Its place is free now, and must not be given away twice.
    this.remove(leaving.id);
  }

  remove(id: string): Conversation | undefined {
    const conversation = this.#conversations.get(id);
    if (conversation === undefined) return undefined;
    this.#own.remove(conversation.identity.principal);
    this.#conversations.delete(id);
    const { secret, keptAs } = conversation;
    if (secret !== undefined) this.#bySecret.delete(secret);
    // Another connection may have taken the same conversation up by now.
    if (keptAs !== undefined && this.#byKeptAs.get(keptAs) === conversation) this.#byKeptAs.delete(keptAs);
    this.#options.onLeave?.(conversation);
    return conversation;
  }

  /** The session over HTTP with this secret, if it belongs to the caller: for everybody else it does not exist. */
  find(secret: string, identity: Identity): Conversation | undefined {
    const conversation = this.#bySecret.get(secret);
    return conversation !== undefined && isSameCaller(conversation.identity, identity) ? conversation : undefined;
  }

  /** Whether there is a session over HTTP with this secret, whoever's it is. */
  has(secret: string): boolean {
    return this.#bySecret.has(secret);
  }

  /** Whether there is a conversation over WebSocket that another process can take up under this name. */
  keeps(keptAs: string): boolean {
    return this.#byKeptAs.has(keptAs);
  }

  /** The conversation with this id, for operators. */
  named(id: string): Conversation | undefined {
    return this.#conversations.get(id);
  }

  /** Nobody new is let in from now on. */
  refuseNew(): void {
    this.#closing = true;
  }

  /**
   * Lets go of the connections that nothing runs on and that another process can go on with: what their clients send from now on
   * waits for that one.
   *
   * @param isElsewhere whether another process goes on now: then sessions over HTTP go too, also where their clients listen.
   */
  leaveQuiet(reason: string, isElsewhere = false): void {
    for (const conversation of this.#conversations.values()) {
      if (conversation.isReplaceable ? !isElsewhere || isInUse(conversation) : conversation.busy) continue;
      owned(() => conversation.suspend?.(reason), this.#options.onFault);
    }
  }

  /** Leaves a conversation over WebSocket to another node. @returns false where there is none that could go on elsewhere. */
  leave(keptAs: string): boolean {
    const conversation = this.#byKeptAs.get(keptAs);
    // It may have been left before by its own end.
    return conversation === undefined || conversation.suspend?.('it goes on at another node') === true;
  }

  /** Gives up every session that can go on elsewhere, and those over HTTP: another node may have them by now. */
  giveUp(reason: string): void {
    for (const conversation of this.#conversations.values()) {
      if (conversation.suspend?.(reason) === true) continue;
      // A WebSocket that cannot go on elsewhere is here alone.
      if (conversation.secret !== undefined) conversation.close('goingAway', reason);
    }
  }

  close(reason: string): void {
    this.#closing = true;
    clearInterval(this.#sweeper);
    for (const conversation of this.#conversations.values()) {
      owned(() => {
        if (conversation.suspend?.(reason) !== true) conversation.close('goingAway', reason);
      }, this.#options.onFault);
    }
  }

  /** The session that ends when one more comes; nothing where there is room. @throws as {@link checkRoom} */
  #leaving(identity: Identity, origin: string): Conversation | undefined {
    if (this.#closing) throw new SwitchboardError('SWB_SHUTTING_DOWN', { data: { retryAfterMs: 1000 } });
    const { max, maxOf } = this.#options;
    const own = maxOf(identity);
    const isFull = this.#conversations.size >= max;
    const hasAll = this.#own.of(identity.principal) >= own;
    if (!isFull && !hasAll) return undefined;
    const leaving = this.#quietest(origin, hasAll ? identity.principal : undefined);
    if (leaving !== undefined) return leaving;
    if (hasAll) throw tooManySessions(own, identity.principal);
    throw tooMany(`${max} clients are connected, the limit (maxConnections); try again in ${RETRY_AFTER_SECONDS} s`);
  }

  /**
   * The session that was quiet longest among those that can make room: of whoever has most of them, so that who floods loses its own;
   * where several have as many, of the one that comes.
   *
   * @param only the principal whose sessions alone count.
   */
  #quietest(comer: string, only?: string): Conversation | undefined {
    const held = new Map<string, number>();
    const free: Conversation[] = [];
    const oldest = this.#oldest;
    for (const each of this.#conversations.values()) {
      if (only !== undefined && each.identity.principal !== only) continue;
      held.set(each.origin, (held.get(each.origin) ?? 0) + 1);
      if (!each.busy && (each.isReplaceable || each.lastActivity <= oldest)) free.push(each);
    }
    const weight = ({ origin }: Conversation): number => held.get(origin)! + (origin === comer ? 0.5 : 0);
    const most = Math.max(...free.map(weight));
    return free
      .filter((each) => weight(each) === most)
      .reduce<Conversation | undefined>(
        (oldest, each) => (oldest === undefined || each.lastActivity < oldest.lastActivity ? each : oldest),
        undefined,
      );
  }

  /** A client that was heard then, and not since, is idle. */
  get #oldest(): number {
    return Date.now() - this.#options.idleTimeoutMs;
  }

  #sweep(): void {
    const oldest = this.#oldest;
    for (const conversation of this.#conversations.values()) {
      const { busy, lastActivity, lastPing = 0 } = conversation;
      if (busy || Math.max(lastActivity, lastPing) > oldest) continue;
      const reason = `nothing was heard for ${Math.round(this.#options.idleTimeoutMs / 1000)} s`;
      owned(() => conversation.close('idle', reason), this.#options.onFault);
    }
  }
}

const tooMany = (detail: string): SwitchboardError =>
  new SwitchboardError('SWB_CONNECTION_LIMIT', { detail, data: { retryAfterMs: RETRY_AFTER_SECONDS * 1000 } });

/** What a client is told whose principal has as many as it may. */
export const tooManySessions = (max: number, principal: string): SwitchboardError =>
  tooMany(
    `${max} sessions of ${principal} are open, the limit (maxSessionsPerPrincipal, or its role's sessions); close one`,
  );

const isInUse = ({ facts: { state, inFlight } }: Conversation): boolean => state === 'opening' || inFlight > 0;

/** The facts that a conversation knows itself, beside those of its arrival and its session. */
interface OwnFacts extends Pick<SessionFacts, 'state' | 'startedAt' | 'lastActivity' | 'inFlight'> {
  /** What its last modern request said of the client; nothing where none came. */
  modern?: Pick<Scope, 'version' | 'clientInfo'> | undefined;
  notes: SessionNotes;
  allowance?: AllowanceFacts | undefined;
  traffic?: Traffic;
  returns?: ReturnFacts | undefined;
}

export function factsOf(
  { id, identity, upstream, transport, address, userAgent }: Arrival,
  session: { version: string; clientInfo: JsonObject | undefined } | undefined,
  { modern, notes, allowance, traffic, returns, ...own }: OwnFacts,
): SessionFacts {
  const isLegacy = session !== undefined && session.version !== '';
  const era = isLegacy ? 'legacy' : modern === undefined ? undefined : 'modern';
  const spoken = isLegacy ? session : modern;
  return {
    id,
    ...own,
    principal: identity.principal,
    upstream: upstream.name,
    transport,
    ...(era !== undefined && { era }),
    ...(spoken !== undefined && { version: spoken.version }),
    ...clientOf(spoken?.clientInfo),
    ...(address !== undefined && { address }),
    ...(userAgent !== undefined && { userAgent: cut(userAgent, MAX_OWN_WORDS) }),
    groups: notes.groups ?? [],
    metadata: notes.metadata ?? {},
    ...(allowance !== undefined && { allowance }),
    ...(traffic !== undefined && { traffic }),
    ...(returns !== undefined && { returns }),
  };
}

/** How a client named itself, cut to a length that fits into tables; nothing where it did not. */
export function clientOf({ name, version }: JsonObject = {}): Pick<SessionFacts, 'client'> {
  if (typeof name !== 'string' && typeof version !== 'string') return {};
  return {
    client: {
      ...(typeof name === 'string' && { name: cut(name, MAX_OWN_WORDS) }),
      ...(typeof version === 'string' && { version: cut(version, MAX_OWN_WORDS) }),
    },
  };
}
