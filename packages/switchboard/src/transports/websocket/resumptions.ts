/** The server's side of resume: which token belongs to which conversation. */
import { maybeDropped } from '../../protocol/dropped.ts';
import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { failure, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { MemoryLog } from '../../stores/memory-log.ts';
import { followedLease, keepOptions } from '../../stores/followed-lease.ts';
import { Records } from '../../stores/records.ts';
import type { Log, KeepOptions, Lease, SharedStore, Store, StoreNotice } from '../../stores/store.ts';
import { owned } from '../../util/owned.ts';
import type { Channel } from '../channel.ts';
import type { WebSocketChannel, WebSocketHandlers } from './channel.ts';
import { asControl, control } from './control.ts';
import type { ConversationsElsewhere } from './conversations-elsewhere.ts';
import { CONVERSATION, digestOf, idsIn, isCount, isRpcId, keyOf, logOf, newToken } from './conversation.ts';
import type { Conversation } from './conversation.ts';
import type { OutboxLimits } from './outbox.ts';
import { ResumableChannel } from './resumable.ts';

export interface ResumptionsOptions extends OutboxLimits {
  windowMs: number;
  /** How long a new connection may take to say whether it resumes, in ms. */
  firstMessageMs: number;
  /** Where tokens and unconfirmed messages are kept. */
  store: Store & Partial<Pick<SharedStore, 'watch'>>;
  /** Told of what was in the store and was not what it should be. @default nobody */
  onNotice?: ((notice: StoreNotice) => void) | undefined;
  /** @default there are none */
  elsewhere?: ConversationsElsewhere | undefined;
}

interface Entry {
  id: string;
  /** Under which it is written. */
  lease: () => Lease | undefined;
  channel: ResumableChannel;
  owner: string;
  /** Digests of the newest token, and of the one before it until the newest was used: a cut between the two must lock nobody out. */
  tokens: string[];
  /** When its tokens were last written to the store, in ms of this process; never, where the store may not have them. */
  writtenAt: number;
}

/** How far a conversation had got when its process left it: how many messages had arrived, and how many were sent. */
type Left = Required<Pick<Conversation, 'received' | 'sent'>>;

/** What becomes of a socket's conversation. */
export interface Takers {
  /** Is given the channel of a new conversation; what it throws refuses it, and closes the socket with 1013. */
  begin(channel: Channel): void;
  /** Is given the channel of one that was taken up. */
  resumed(channel: Channel): void;
  /** As `onRestore` of {@link AcceptedCaller}. */
  restore?(channel: Channel): Promise<boolean>;
}

/** How many times in a window it is looked for what has to be written again, so that not all of it is written at once. */
const LOOKS = 20;
/** How many that the store has not are written at once, and how long it is waited before the next. */
const AGAIN_AT_ONCE = 500;
/** Messages that are kept while a conversation is looked for. A client that resumes says nothing before it hears that it has. */
const MAX_HELD = 64;
const AGAIN_MS = 1000;

export class Resumptions {
  readonly #options: ResumptionsOptions;
  readonly #lease: () => Lease | undefined;
  readonly #entries: Map<string, Entry> = new Map();
  /** Those of this process, by the digests of their tokens: they are taken up also while the store is away. */
  readonly #byToken: Map<string, Entry> = new Map();
  /** Sockets that have not said yet what they want, and whether another process could go on with it. */
  readonly #silent: Map<WebSocketChannel, boolean> = new Map();
  readonly #refresher: NodeJS.Timeout;
  #againTimer: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #records: Records<Conversation>;
  /** Conversations that are being restored. */
  readonly #restoring: Map<string, Promise<Entry | undefined>> = new Map();

  constructor(options: ResumptionsOptions) {
    this.#options = options;
    this.#lease = () => options.elsewhere?.lease();
    const { store, onNotice = () => {} } = options;
    this.#records = new Records({ facts: store.facts, kind: 'conversation', schema: CONVERSATION, onNotice });
    store.watch?.((notice) => {
      if (notice.type !== 'back') return;
      for (const entry of this.#entries.values()) entry.writtenAt = -Infinity;
      this.#writeAgain();
    });
    this.#refresher = setInterval(() => this.#refresh(), options.windowMs / LOOKS).unref();
  }

  /** How many conversations there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** Ends sockets that no conversation knows of. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#refresher);
    clearTimeout(this.#againTimer);
    for (const [socket, mayGoOn] of this.#silent) {
      if (mayGoOn) socket.cut();
      else socket.close('goingAway', 'the server is shutting down');
    }
  }

  /**
   * Takes a new socket. Its first message tells whether it takes up a conversation of the same owner, or begins one.
   */
  accept(socket: WebSocketChannel, owner: string, takers: Takers): void {
    let handlers: WebSocketHandlers | undefined;
    /** What came while the token was looked up. */
    let held: ((handlers: WebSocketHandlers) => void)[] | undefined;
    let patience: NodeJS.Timeout | undefined;
    let isClosed = false;
    const wait = (): void => {
      this.#silent.set(socket, takers.restore !== undefined);
      patience = setTimeout(() => socket.close('policy', 'nothing was said'), this.#options.firstMessageMs).unref();
    };
    const listen = (): void => {
      clearTimeout(patience);
      this.#silent.delete(socket);
    };
    const resume = async (params: JsonObject): Promise<void> => {
      held = [];
      const taken = await this.#resume(socket, owner, params, takers);
      // What came meanwhile belongs to the conversation that could not be taken up, and begins none that nobody would end.
      if (taken === 'cut' || (taken === undefined && isClosed)) return;
      handlers = taken;
      const waiting = held;
      held = undefined;
      if (handlers === undefined) wait();
      for (const deliver of waiting) heard(deliver);
    };
    const heard = (deliver: (handlers: WebSocketHandlers) => void): void => {
      if (held !== undefined) {
        if (held.length < MAX_HELD || isClosed) held.push(deliver);
        else socket.close('overloaded', `more than ${MAX_HELD} messages came before the conversation was taken up`);
        return;
      }
      listen();
      handlers ??= this.#begin(socket, owner, takers);
      if (handlers !== undefined) deliver(handlers);
    };
    wait();
    socket.start({
      onMessage: (message) => {
        const said = handlers === undefined && held === undefined ? asControl(message) : undefined;
        if (said?.name !== 'resume') {
          heard((to) => to.onMessage(message));
          return;
        }
        listen();
        owned(
          () => resume(said.params),
          () => socket.close('internal', 'the conversation cannot be taken up'),
        );
      },
      onBatch: (parts) => heard((to) => to.onBatch?.(parts)),
      onBadMessage: (error, foreign) => heard((to) => to.onBadMessage(error, foreign)),
      onPing: () => handlers?.onPing?.(),
      onDrain: () => handlers?.onDrain?.(),
      onClose: (reason, clean, code) => {
        isClosed = true;
        listen();
        if (held !== undefined) held.push((to) => to.onClose(reason, clean, code));
        else handlers?.onClose(reason, clean, code);
      },
    });
  }

  #begin(
    socket: WebSocketChannel,
    owner: string,
    { begin, restore }: Pick<Takers, 'begin' | 'restore'>,
  ): WebSocketHandlers | undefined {
    let id: string;
    try {
      id = this.#options.elsewhere?.newId() ?? newToken();
    } catch (error) {
      socket.close('overloaded', asSwitchboardError(error).message);
      return undefined;
    }
    const isKept = restore !== undefined;
    const entry = this.#entry(id, owner, isKept ? this.#openLog(id) : new MemoryLog(), isKept);
    const { channel } = entry;
    channel.attach(socket, false);
    this.#entries.set(id, entry);
    const recorded = isKept ? this.#record(entry) : undefined;
    try {
      begin(channel);
    } catch (error) {
      channel.close('overloaded', asSwitchboardError(error).message);
      return undefined;
    }
    owned(
      () => this.#promise(entry, recorded),
      () => channel.close('internal', 'it cannot be said how to take the conversation up'),
    );
    return channel.handlersFor(socket);
  }

  #entry(id: string, owner: string, log: Log, isKept: boolean, received = 0): Entry {
    const { windowMs, maxMessages, maxBytes } = this.#options;
    const entry: Entry = {
      id,
      lease: followedLease(this.#lease),
      owner,
      tokens: [],
      writtenAt: performance.now(),
      channel: new ResumableChannel({
        windowMs,
        maxMessages,
        maxBytes,
        log,
        received,
        ...(isKept && { keptAs: id }),
        onAway: () => {},
        onControl: () => {},
        onEnd: () => {
          this.#entries.delete(id);
          this.#forget(entry, entry.tokens);
          if (isKept) owned(() => this.#records.delete(id, entry.lease()), unkept);
        },
        onLeft: () => {
          this.#entries.delete(id);
          for (const token of entry.tokens) this.#byToken.delete(token);
          this.#write(entry, { received: entry.channel.received, sent: log.last });
        },
      }),
    };
    return entry;
  }

  /**
   * Goes on with a conversation that another process had begun. One that was killed had no time to say how far it got: the client says it, and
   * what it waits for and is not in the log is answered with an error, never done again.
   */
  async #restore(
    id: string,
    owner: string,
    { h, sent, open }: JsonObject,
    restore: NonNullable<Takers['restore']>,
  ): Promise<Entry | undefined> {
    const record = await this.#records.get(id);
    if (record === undefined || record.owner !== owner || !isCount(h)) return undefined;
    const { log, hasGap } = await this.#logFrom(id, h, record.sent);
    // One that left it has written all of it, unless that was refused.
    const isWhole = record.received !== undefined && h <= log.last && !hasGap;
    // A client that says nothing of it might repeat what was done already.
    if (!isWhole && (!isCount(sent) || !Array.isArray(open))) {
      await log.leave();
      return undefined;
    }
    if (!isWhole) log.skip(h);
    const entry = this.#entry(id, owner, log, true, isWhole ? record.received : Number(sent));
    const { channel } = entry;
    const answered = isWhole ? undefined : idsIn(await log.after(h));
    let goesOn: boolean;
    try {
      goesOn = await restore(channel);
    } catch (error) {
      await log.leave();
      throw error;
    }
    if (!goesOn) {
      channel.close('restart', 'it could not be restored');
      return undefined;
    }
    this.#entries.set(id, entry);
    if (answered !== undefined) {
      const lost = new SwitchboardError('SWB_CONNECTION_LOST', { detail: 'Switchboard was restarted' }).toRpc();
      // No client has more of them under way.
      const asked = (open as unknown[]).filter(isRpcId).slice(0, this.#options.maxMessages);
      for (const each of asked) {
        if (!answered.has(each)) channel.send(failure(each, lost));
      }
      channel.send(maybeDropped());
    }
    owned(() => this.#record(entry), unkept);
    return entry;
  }

  /** Only for who may have it is another process asked to leave it. */
  async #claim(
    id: string,
    owner: string,
    params: JsonObject,
    restore: NonNullable<Takers['restore']>,
  ): Promise<Entry | undefined> {
    const { elsewhere } = this.#options;
    const goOn = (): Promise<Entry | undefined> => this.#restore(id, owner, params, restore);
    if (elsewhere === undefined) return goOn();
    const record = await this.#records.get(id);
    return record?.owner === owner ? elsewhere.takeOver(id, goOn) : undefined;
  }

  async #resume(
    socket: WebSocketChannel,
    owner: string,
    params: JsonObject,
    { resumed, restore }: Pick<Takers, 'resumed' | 'restore'>,
  ): Promise<WebSocketHandlers | 'cut' | undefined> {
    const { h } = params;
    const shown = textOf(params['token']);
    const token = digestOf(shown);
    let entry = this.#byToken.get(token);
    if (entry === undefined && restore !== undefined && shown !== '') {
      try {
        entry = await this.#fromStore(token, owner, params, restore);
      } catch {
        // There is no place for it now, or the store is away: it is as if nobody had been here, and the client tries again.
        socket.cut();
        return 'cut';
      }
    }
    // It is known to the process that has it, which may not have written it again.
    if (entry === undefined && restore !== undefined && this.#options.elsewhere?.isCertain() === false) {
      socket.cut();
      return 'cut';
    }
    if (entry === undefined || entry.owner !== owner) {
      socket.write(JSON.stringify(control('lost', {})));
      return undefined;
    }
    const { channel } = entry;
    const next = newToken();
    const isKept = await this.#keep(entry, digestOf(next));
    if (channel.ended) {
      // It may have been left to another process meanwhile: who comes again finds out.
      socket.cut();
      return 'cut';
    }
    resumed(channel);
    channel.attach(socket, true);
    // The token that was shown stays good beside the new one, those before it do not.
    this.#forget(
      entry,
      entry.tokens.filter((old) => old !== token),
    );
    entry.tokens = [token];
    this.#byToken.set(token, entry);
    // Where the store did not take the next one, another process knows the one that was shown, and no other.
    if (isKept) this.#addToken(entry, next);
    channel.sendControl('resumed', { token: isKept ? next : shown, h: channel.received });
    owned(
      async () => {
        const isTrue = await channel.replay(h);
        if (!isTrue) channel.close('protocol', 'the number of received messages cannot be true');
      },
      () => channel.close('internal', 'what was missed cannot be sent again'),
    );
    return channel.handlersFor(socket);
  }

  /** The conversation of a token that this process did not give. Requests that come together restore it once. */
  async #fromStore(
    token: string,
    owner: string,
    params: JsonObject,
    restore: NonNullable<Takers['restore']>,
  ): Promise<Entry | undefined> {
    const fact = await this.#options.store.facts.get(keyOf(token));
    const id = textOf(fact?.['conversation']);
    const known = this.#entries.get(id);
    if (known !== undefined || id === '') return known;
    const restoring =
      this.#restoring.get(id) ?? this.#claim(id, owner, params, restore).finally(() => this.#restoring.delete(id));
    this.#restoring.set(id, restoring);
    return restoring;
  }

  /**
   * Gives a new conversation its token, once the store has it: another process knows it then, should this one be killed. While the store is away,
   * this process alone knows it.
   *
   * @param recorded the store has the conversation; nothing where it need not.
   */
  async #promise(entry: Entry, recorded: Promise<unknown> | undefined): Promise<void> {
    const token = newToken();
    await Promise.all([this.#keep(entry, digestOf(token)), recorded]);
    const { channel } = entry;
    if (channel.ended) return;
    this.#addToken(entry, token);
    channel.sendControl('session', { token, windowMs: this.#options.windowMs });
  }

  #addToken(entry: Entry, token: string): void {
    const digest = digestOf(token);
    entry.tokens.push(digest);
    // It may have been ended by who was given it; then nothing takes the token away again.
    if (this.#entries.get(entry.id) === entry) this.#byToken.set(digest, entry);
  }

  /** What no other process can go on with is of no use in the store. Never rejects. @returns whether it is kept where it has to be. */
  async #keep(entry: Entry, token: string): Promise<boolean> {
    const { store, windowMs } = this.#options;
    const { id, lease, channel } = entry;
    if (channel.keptAs === undefined) return true;
    return this.#put(entry, () => store.facts.put(keyOf(token), { conversation: id }, 2 * windowMs, lease()));
  }

  /** What the store does not take is written again later. Never rejects. */
  async #put(entry: Entry, put: () => Promise<boolean>): Promise<boolean> {
    let isKept = false;
    try {
      isKept = await put();
    } catch {
      // It is away.
    }
    if (!isKept) {
      entry.writtenAt = -Infinity;
      this.#writeAgainSoon();
    }
    return isKept;
  }

  #write(entry: Entry, left?: Left): void {
    for (const token of entry.tokens) owned(() => this.#keep(entry, token), unkept);
    owned(() => this.#record(entry, left), unkept);
  }

  /** Writes what the store does not have. */
  #writeAgain(): void {
    let left = AGAIN_AT_ONCE;
    for (const entry of this.#entries.values()) {
      if (entry.channel.keptAs === undefined || entry.writtenAt > -Infinity) continue;
      if (left-- === 0) break;
      entry.writtenAt = performance.now();
      this.#write(entry);
    }
    if (left < 0) this.#writeAgainSoon();
  }

  /** Refused is also what is written before this process has its lease again. */
  #writeAgainSoon(): void {
    if (this.#closed) return;
    this.#againTimer ??= setTimeout(() => {
      this.#againTimer = undefined;
      this.#writeAgain();
    }, AGAIN_MS).unref();
  }

  /** A token is good in the store for two windows, and written again after one; at most a tenth of all at a time. */
  #refresh(): void {
    const now = performance.now();
    let left = Math.ceil(this.#entries.size / (LOOKS / 2));
    for (const entry of this.#entries.values()) {
      if (left === 0) return;
      if (entry.channel.keptAs === undefined || now - entry.writtenAt < this.#options.windowMs) continue;
      left--;
      entry.writtenAt = now;
      this.#write(entry);
    }
  }

  /** @param left how far it got, where nothing more will come. */
  #record(entry: Entry, left?: Left): Promise<boolean> {
    const { id, owner, lease } = entry;
    const record = { owner, ...left };
    return this.#put(entry, () => this.#records.put(id, record, 2 * this.#options.windowMs, lease()));
  }

  /**
   * What another process has kept of a conversation. One of which the client's next message is missing begins again, empty.
   *
   * @param h how many messages the client has.
   * @param sent how many had been sent, where the other process said so.
   */
  async #logFrom(id: string, h: number, sent: number | undefined): Promise<{ log: Log; hasGap: boolean }> {
    const found = await this.#options.store.recall(logOf(id), this.#logOptions);
    if (found === undefined) return { log: this.#openLog(id), hasGap: sent !== undefined && sent > 0 };
    if (h >= found.last - found.size)
      return { log: found, hasGap: found.hasGap === true || (sent !== undefined && found.last < sent) };
    found.end();
    return { log: this.#openLog(id), hasGap: true };
  }

  get #logOptions(): KeepOptions {
    return keepOptions(2 * this.#options.windowMs, this.#lease);
  }

  #openLog(id: string): Log {
    return this.#options.store.log(logOf(id), this.#logOptions);
  }

  #forget({ channel, lease }: Entry, tokens: readonly string[]): void {
    const { facts } = this.#options.store;
    for (const token of tokens) {
      this.#byToken.delete(token);
      if (channel.keptAs !== undefined) owned(() => facts.delete(keyOf(token), lease()), unkept);
    }
  }
}

/** A token that could not be kept is not known when it is shown; one that could not be forgotten expires. */
const unkept = (): void => {};
