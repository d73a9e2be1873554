/**
 * A client on a connection that stays open: a WebSocket, a pipe. The era is decided for each message by what it carries, so
 * that both may be spoken on one connection (PROTOCOL.md, "Eras").
 */
import type { Identity } from '../auth/identity.ts';
import type { CredentialHolder } from '../auth/credential-watcher.ts';
import { checkBatchVersion } from '../protocol/batch.ts';
import type { BatchPart } from '../protocol/batch.ts';
import type { CloseName } from '../protocol/close-codes.ts';
import { claimsModern } from '../protocol/eras.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { failure, isNotification, isRequest, result } from '../protocol/jsonrpc.ts';
import type { Message, RpcNotification } from '../protocol/jsonrpc.ts';
import { checkFromClient } from '../protocol/shapes.ts';
import type { Scope, Slot } from '../router/exchange.ts';
import type { Channel } from '../transports/channel.ts';
import { owned } from '../util/owned.ts';
import { originOf } from './account.ts';
import { allowanceOf } from './allowance.ts';
import { CREDENTIALS_METHOD } from './caller-credential-values.ts';
import { Calls } from './calls.ts';
import { refusal } from './context.ts';
import type { CallerContext, Outlet } from './context.ts';
import type { Arrival } from './arrival.ts';
import { admitModern, openModern } from './modern.ts';
import { factsOf } from './registry.ts';
import { Returns } from './returns.ts';
import type { Conversation } from './registry.ts';
import type { SessionFacts, SessionNotes, SessionState } from './session-facts.ts';
import { LegacySession } from './session.ts';
import { notesOf, recordOf } from './session-record.ts';
import type { SessionRecord } from './session-record.ts';
import type { KeptRecord } from './session-records.ts';

/** After so many unreadable messages in a row the connection is closed. */
const MAX_BAD_MESSAGES = 10;
/** How many slots the modern requests of one connection may use: one for each set of capabilities that they declare. */
const MAX_SLOTS = 8;

/** An arrival whose client may show itself again. */
type Connected = { -readonly [Name in keyof Arrival]: Arrival[Name] };

/** Under which name the session of a channel is recorded; nothing where it ends with its process. */
export const recordNameOf = ({ keptAs }: Pick<Channel, 'keptAs'>): string | undefined =>
  keptAs === undefined ? undefined : `on ${keptAs}`;

export class Connection implements Conversation, CredentialHolder {
  readonly id: string;
  readonly #arrival: Connected;
  readonly #context: CallerContext;
  readonly #channel: Channel;
  readonly #calls: Calls;
  readonly #outlet: Outlet;
  readonly #onClose: (reason: string) => void;
  readonly #slots: Map<Slot, () => void> = new Map();
  #session: LegacySession | undefined;
  /** Who sent the last modern request, by its own words. */
  #modern: Pick<Scope, 'version' | 'clientInfo'> | undefined;
  /** What another process would go on with; nothing where none could. */
  #record: KeptRecord | undefined;
  readonly #returns: Returns = new Returns();
  #hasJustMoved = false;
  #badMessages = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #startedAt = Date.now();
  lastActivity: number = Date.now();
  lastPing: number | undefined;
  notes: SessionNotes = {};

  constructor(arrival: Arrival, context: CallerContext, channel: Channel, onClose: (reason: string) => void) {
    this.id = arrival.id;
    this.#arrival = { ...arrival };
    this.#context = context;
    this.#channel = channel;
    this.#calls = new Calls(context);
    this.#outlet = {
      send: (message) => {
        this.touch();
        this.#say(message);
      },
    };
    this.#onClose = onClose;
  }

  get identity(): Identity {
    return this.#arrival.identity;
  }

  /** The client came back, and has shown again who it is: somebody of the same principal with the same rights. */
  renew(identity: Identity): void {
    this.#arrival.identity = identity;
    // Who has moved comes back by that.
    if (!this.#hasJustMoved) this.#returns.add('resumed');
    this.#hasJustMoved = false;
  }

  invalidate(how: 'expired' | 'revoked', why: string): void {
    if (how === 'expired' && this.#channel.suspend !== undefined) this.#channel.suspend('unauthorized', why);
    else this.#channel.close('unauthorized', why);
  }

  get busy(): boolean {
    // Who started this process on its stdin ends it too, however long it was quiet.
    if (this.#arrival.transport === 'stdio') return true;
    return this.#calls.size > 0 || (this.#session?.inFlight ?? 0) > 0;
  }

  /** Its client is there, and keeps its place until it is idle. */
  get isReplaceable(): boolean {
    return false;
  }

  get origin(): string {
    return originOf(this.#arrival);
  }

  get facts(): SessionFacts {
    const { traffic } = this.#channel;
    return factsOf(this.#arrival, this.#session, {
      state: this.#lifeState,
      startedAt: this.#startedAt,
      lastActivity: this.lastActivity,
      inFlight: this.#calls.size,
      modern: this.#modern,
      notes: this.notes,
      allowance: allowanceOf(this.#context, this.#arrival),
      ...(traffic !== undefined && { traffic }),
      returns: this.#returns.facts,
    });
  }

  get #lifeState(): SessionState {
    if (this.#state !== 'open') return this.#state;
    if (this.#channel.isAway === true) return 'away';
    return this.#session?.state === 'ready' || this.#slots.size > 0 ? 'ready' : 'opening';
  }

  notify(note: RpcNotification): void {
    this.#say(note);
  }

  start(): void {
    const release = this.#context.watchCredential(this);
    const failed = (error: unknown): void => this.#context.emit({ type: 'failed', where: 'connection', error });
    this.#channel.start({
      onMessage: (message) => this.#receive(message),
      onBatch: (parts) => owned(() => this.#takeBatch(parts), failed),
      onBadMessage: (error) => owned(() => this.#refuse(error), failed),
      onPing: () => void (this.lastPing = Date.now()),
      onClose: (reason) => {
        this.#state = 'closed';
        this.#record?.end();
        // Each by itself: what fails must not keep the others from being given back.
        owned(release, failed);
        owned(() => this.#session?.close(reason), failed);
        owned(() => this.#calls.cancelAll(reason), failed);
        for (const letGo of this.#slots.values()) owned(letGo, failed);
        this.#slots.clear();
        owned(() => this.#onClose(reason), failed);
      },
    });
  }

  close(why: CloseName, reason: string): void {
    if (this.#state === 'open') this.#state = 'closing';
    this.#channel.close(why, reason);
  }

  get keptAs(): string | undefined {
    return this.#channel.keptAs;
  }

  suspend(reason: string): boolean {
    const record = this.#record;
    if (record === undefined || this.#session?.record === undefined || this.#channel.keptAs === undefined) return false;
    record.leave();
    this.#record = undefined;
    this.#state = 'closing';
    // What runs here ends here: the client finds that where it goes on, and would wait for ever otherwise.
    this.#calls.failAll(new SwitchboardError('SWB_CONNECTION_LOST', { detail: reason }));
    return this.#channel.leave?.(reason) === true;
  }

  /** Goes on with the session that another process had opened. @throws {SwitchboardError} when the upstream has no place for it. */
  restore(record: SessionRecord): void {
    this.#startedAt = record.startedAt;
    this.#returns.add('moved');
    this.#hasJustMoved = true;
    this.notes = notesOf(record);
    this.#session = this.#newSession();
    this.#session.restore(record);
  }

  touch(): void {
    this.lastActivity = Date.now();
  }

  #say(message: Message): void {
    this.#context.messages.take(this.id, 'out', message);
    this.#channel.send(message);
  }

  #receive(message: Message): void {
    this.touch();
    this.#context.messages.take(this.id, 'in', message);
    try {
      checkFromClient(message);
      this.#serve(message);
      this.#badMessages = 0;
    } catch (thrown) {
      const error = asSwitchboardError(thrown);
      if (error !== thrown) this.#context.emit({ type: 'failed', where: 'connection', error });
      this.#context.emit(refusal(error, this.#arrival, message));
      if (isRequest(message)) this.#say(failure(message.id, error.toRpc()));
    }
  }

  /** Each message is answered for itself, as every client understands that. */
  #takeBatch(parts: readonly BatchPart[]): void {
    try {
      checkBatchVersion(this.#session?.negotiated ?? '');
    } catch (error) {
      this.#refuse(asSwitchboardError(error));
      return;
    }
    for (const part of parts) {
      if (part instanceof SwitchboardError) this.#refuse(part);
      else this.#receive(part);
    }
  }

  #serve(message: Message): void {
    if (isRequest(message)) {
      if (message.method === CREDENTIALS_METHOD) {
        this.#context.admit(this.#arrival)();
        this.#arrival.credentials.take(message.params);
        this.#say(result(message.id, {}));
        return;
      }
      if (claimsModern(message.params)) {
        const admitted = admitModern(message, this.#arrival, this.#context, this.#calls, () => this.facts);
        try {
          this.#retain(admitted.slot);
        } catch (error) {
          admitted.release();
          throw error;
        }
        this.#modern = admitted.scope;
        openModern(message, admitted, this.#calls, this.#outlet);
        return;
      }
      if (this.#session === undefined && message.method !== 'initialize' && message.method !== 'ping') {
        const detail = `got ${JSON.stringify(message.method)} without the _meta of a modern request`;
        throw new SwitchboardError('SWB_NOT_INITIALIZED', { detail });
      }
      this.#session ??= this.#newSession();
      this.#session.receive(message);
    } else if (isNotification(message) && message.method === 'notifications/cancelled') {
      this.#calls.cancelByNotification(message.params);
    } else {
      this.#session?.receive(message);
    }
  }

  #newSession(): LegacySession {
    const keeper = {
      notes: (notes: SessionNotes): void => void (this.notes = notes),
      changed: () => this.#changed(),
    };
    return new LegacySession(this.#arrival, this.#context, this.#outlet, () => this.facts, keeper, this.#calls);
  }

  #changed(): void {
    const name = recordNameOf(this.#channel);
    if (name !== undefined) this.#record ??= this.#context.records?.keep(name, () => this.#recordNow());
    this.#record?.changed();
  }

  #recordNow(): SessionRecord | undefined {
    const spoken = this.#session?.record;
    if (spoken === undefined) return undefined;
    return recordOf(spoken, this.#arrival, this.notes, { open: [], streams: 0, startedAt: this.#startedAt });
  }

  /** What modern requests of this connection were served by lasts as long as the connection. */
  #retain(slot: Slot): void {
    if (this.#slots.has(slot)) return;
    const letGo = slot.retain();
    if (this.#slots.size >= MAX_SLOTS) {
      letGo();
      const detail = `this connection has used ${MAX_SLOTS} sets of client capabilities, the limit`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail });
    }
    this.#slots.set(slot, letGo);
  }

  #refuse(error: SwitchboardError): void {
    this.touch();
    this.#context.emit(refusal(error, this.#arrival));
    this.#session?.unreadable(error);
    this.#say(failure(error.rpcId, error.toRpc()));
    if (++this.#badMessages >= MAX_BAD_MESSAGES) {
      this.#channel.close('protocol', `${MAX_BAD_MESSAGES} unreadable messages in a row`);
    }
  }
}
