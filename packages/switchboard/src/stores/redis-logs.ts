/**
 * The logs of a Redis store: read from memory, written behind in one command each, and written as a whole where the store lost them.
 *
 * Whoever opens or recalls a log has a claim to it. A log that somebody else has taken over since is not written any more, whoever has which
 * lease: a process that lets go of one may find out later than another which goes on with it.
 */
import { SwitchboardError } from '../protocol/errors.ts';
import { owned } from '../util/owned.ts';
import { unreffed } from '../util/timers.ts';
import { MirroredLog } from './mirrored-log.ts';
import type { LogChanges } from './mirrored-log.ts';
import type { RedisConnection } from './redis-connection.ts';
import { LOG_TTL_MS } from './store.ts';
import type { Entry, Log, KeepOptions, Lease, StoreNotice } from './store.ts';

export interface RedisLogsOptions {
  connection: RedisConnection;
  /** Before every key. */
  prefix: string;
  onNotice(notice: StoreNotice): void;
  /** A clock that never goes back, in ms. @default performance.now */
  now?(): number;
}

interface Open {
  log: MirroredLog;
  /** What the store said when it was begun or recalled: who takes it over has a greater one. 0 before. */
  claim: number;
  /** Whether the store has something of it that it can go on with. */
  begun: boolean;
  /** Whether it is being written just now. */
  isWriting: boolean;
  /** Whether the store still has a former one of that name, which this one gives up. */
  hasFormer: boolean;
  /** Whether it was let go of. */
  isLeft: boolean;
  /** Whether it was let go of and could not be written: somebody else may have begun one of that name. */
  isLate: boolean;
  /** Whether another has the lease, or the log. */
  isRefused: boolean;
  /** Since when the store has not known its lease. */
  unknownSince: number | undefined;
  /** When its time was last prolonged. */
  touchedAt: number;
}

type Outcome = 'written' | 'refused' | 'waits';

/** How long a message waits to be written: so much is lost when a process is killed. */
const BEHIND_MS = 50;
/** Logs that are written at a time: the store has other commands to answer meanwhile, such as those of leases. */
const MAX_AT_ONCE = 500;
/** How often it is tried again while the store is away, or does not know a lease. */
const AGAIN_MS = 500;
/** How often quiet logs are looked at, so that their time does not run out. */
const TOUCH_MS = 10_000;
/** So long what nobody goes on with here waits for a lease that the store does not know; who is there gets it again within a second or two. */
const UNKNOWN_MS = 10_000;

export class RedisLogs {
  readonly #options: RedisLogsOptions;
  readonly #now: () => number;
  readonly #open: Map<string, Open> = new Map();
  /** Those that were let go of or ended, and are not written yet: whoever recalls one here waits for that. */
  readonly #parting: Map<string, Open> = new Map();
  readonly #recalling: Map<string, Promise<Log | undefined>> = new Map();
  readonly #dirty: Set<Open> = new Set();
  /** Those whose lease the store does not know, to be tried again after a while: others do not wait for them. */
  readonly #stuck: Set<Open> = new Set();
  readonly #toucher = unreffed(setInterval(() => this.#touch(), TOUCH_MS));
  #timer: NodeJS.Timeout | undefined;
  #stuckTimer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(options: RedisLogsOptions) {
    this.#options = options;
    this.#now = options.now ?? ((): number => performance.now());
  }

  /** For how long the entry has waited that waits longest to be written, in ms. */
  get lagMs(): number {
    return [...this.#dirty, ...this.#stuck].reduce((longest, { log }) => Math.max(longest, log.lagMs), 0);
  }

  open(name: string, options: KeepOptions): Log {
    return this.#open.get(name)?.log ?? this.#add(name, options);
  }

  recall(name: string, options: KeepOptions): Promise<Log | undefined> {
    const here = this.#open.get(name);
    if (here !== undefined) return Promise.resolve(here.log);
    // Two at a time would take it from each other.
    const known = this.#recalling.get(name);
    if (known !== undefined) return known;
    const recalling = this.#recall(name, options).finally(() => this.#recalling.delete(name));
    this.#recalling.set(name, recalling);
    return recalling;
  }

  /** Writes again what the store may have lost of those that are open: it says itself what it lacks. */
  writeAgain(): void {
    for (const open of this.#open.values()) this.#mark(open);
  }

  /** Resolves when all is written that was there before; rejects where that cannot be. What comes meanwhile is not waited for. */
  async flush(): Promise<void> {
    // The write under way may have begun before.
    await this.#writing?.catch(() => {});
    this.#unstick();
    await this.#write();
  }

  /** Writes what waits if that works at once. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#toucher);
    clearTimeout(this.#timer);
    clearTimeout(this.#stuckTimer);
    await this.flush().catch(() => {});
    for (const all of [this.#open, this.#parting, this.#dirty, this.#stuck]) all.clear();
  }

  async #recall(name: string, options: KeepOptions): Promise<Log | undefined> {
    const { connection, onNotice } = this.#options;
    const parting = this.#parting.get(name);
    if (parting !== undefined) await this.#settle(parting);
    const { ttlMs = LOG_TTL_MS, under } = options;
    const args = [...asOwner(under), Math.ceil(ttlMs)];
    const said = (await connection.run('recall', this.#keysOf(name, under), args)) as [string?, string[]?, string?];
    const [last, texts, claim] = said;
    if (last === undefined || texts === undefined) return undefined;
    const found = read(last, texts);
    if (found === undefined) {
      onNotice({ type: 'garbage', key: `log ${name}`, detail: 'its entries cannot be read' });
      return undefined;
    }
    const open = this.#open.get(name);
    if (open === undefined) return this.#add(name, options, { found, claim: Number(claim) });
    // It was opened meanwhile.
    open.claim = Math.max(open.claim, Number(claim));
    return open.log;
  }

  #add(
    name: string,
    keep: KeepOptions,
    recalled?: { found: { last: number; entries: readonly Entry[] }; claim: number },
  ): MirroredLog {
    // What was found is filled in before it is open.
    let open: Open | undefined;
    const log: MirroredLog = new MirroredLog(name, {
      keep,
      ...(recalled !== undefined && { found: recalled.found }),
      onChange: () => {
        if (open !== undefined) this.#mark(open);
      },
      onLeave: () => this.#leave(open!),
    });
    open = {
      log,
      claim: recalled?.claim ?? 0,
      begun: recalled !== undefined,
      isWriting: false,
      hasFormer: false,
      isLeft: false,
      isLate: false,
      isRefused: false,
      unknownSince: undefined,
      touchedAt: this.#now(),
    };
    this.#open.set(name, open);
    return log;
  }

  /** Nobody goes on with it here from now on, whether it can be written or not. */
  async #leave(open: Open): Promise<void> {
    const { name } = open.log;
    if (this.#open.get(name) === open) this.#open.delete(name);
    open.isLeft = true;
    // Its time begins now, also where all is written.
    this.#mark(open);
    try {
      await this.#settle(open);
    } catch (error) {
      open.isLate = true;
      throw error;
    }
  }

  /** Resolves when the store has what there is of one that parts, or refuses it; rejects where it cannot be written now. */
  async #settle(open: Open): Promise<void> {
    const failure: unknown = await this.flush().then(
      () => undefined,
      (error: unknown) => error,
    );
    // That others could not be written is nothing to this one.
    if (this.#parting.get(open.log.name) === open) throw failure ?? notWritten();
  }

  #mark(open: Open): void {
    const { log, isWriting, isLeft } = open;
    // Another one of that name may be opened from now on.
    if (log.ended && this.#open.get(log.name) === open) this.#open.delete(log.name);
    if (!isWriting && isNothing(open)) {
      this.#dirty.delete(open);
      this.#stuck.delete(open);
      this.#part(open);
      return;
    }
    if (isLeft || log.ended) this.#parting.set(log.name, open);
    if (this.#stuck.has(open)) return;
    this.#dirty.add(open);
    this.#soon();
  }

  #part(open: Open): void {
    if (this.#parting.get(open.log.name) === open) this.#parting.delete(open.log.name);
  }

  #soon(): void {
    if (!this.#closed) this.#timer ??= unreffed(setTimeout(() => this.#later(), BEHIND_MS));
  }

  #later(): void {
    this.#timer = undefined;
    owned(
      () => this.#write(),
      () => {
        // What it is that failed was told by the connection.
        if (!this.#closed && this.#dirty.size > 0) this.#timer ??= unreffed(setTimeout(() => this.#later(), AGAIN_MS));
      },
    );
  }

  #unstick(): void {
    clearTimeout(this.#stuckTimer);
    this.#stuckTimer = undefined;
    for (const open of this.#stuck) this.#dirty.add(open);
    this.#stuck.clear();
  }

  #stick(open: Open): void {
    this.#dirty.delete(open);
    this.#stuck.add(open);
    if (this.#closed) return;
    this.#stuckTimer ??= unreffed(
      setTimeout(() => {
        this.#unstick();
        this.#soon();
      }, AGAIN_MS),
    );
  }

  /** One at a time, so that what is written of a log stays in its order. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    const all = [...this.#dirty];
    const failures: unknown[] = [];
    for (let at = 0; at < all.length; at += MAX_AT_ONCE) {
      // Those that have ended meanwhile may have nothing to write any more.
      const some = all.slice(at, at + MAX_AT_ONCE).filter((open) => this.#dirty.delete(open));
      const results = await Promise.allSettled(some.map((open) => this.#writeOne(open)));
      let failed = 0;
      for (const [index, result] of results.entries()) {
        const open = some[index]!;
        if (result.status === 'rejected') {
          failed++;
          failures.push(result.reason);
          // What may have arrived of one that has ended meanwhile expires.
          if (isNothing(open)) this.#part(open);
          else this.#dirty.add(open);
        } else if (result.value === 'waits') {
          failures.push(notWritten());
          this.#stick(open);
        } else if (!this.#dirty.has(open)) this.#part(open);
      }
      // It is away; one that fails alone keeps none of the others from being written.
      if (failed > 0 && failed === some.length) break;
    }
    if (failures.length > 0) throw failures[0];
  }

  async #writeOne(open: Open): Promise<Outcome> {
    open.isWriting = true;
    try {
      return await this.#writeChanges(open);
    } finally {
      open.isWriting = false;
    }
  }

  async #writeChanges(open: Open): Promise<Outcome> {
    const { log } = open;
    const { changes } = log;
    const { under } = log.keep;
    const said = await this.#put(open, changes, under);
    if (said === 'unknown') return this.#standsUnknown(open);
    open.unknownSince = undefined;
    if (said !== 'ok') {
      // The owner has it again under another epoch.
      return said === 'fenced' && log.keep.under?.epoch !== under?.epoch ? 'waits' : this.#refused(open);
    }
    if (changes.ended) return 'written';
    // What another had taken over may have been given up there.
    if (open.isRefused && !open.isLeft && !this.#open.has(log.name)) this.#open.set(log.name, open);
    open.isRefused = false;
    open.begun = true;
    open.touchedAt = this.#now();
    log.written(changes);
    return 'written';
  }

  /** @returns what the store says of it, as its scripts do. */
  async #put(open: Open, changes: LogChanges, under: Lease | undefined): Promise<string> {
    const { connection } = this.#options;
    const { log } = open;
    const keys = this.#keysOf(log.name, under);
    const newer = this.#open.get(log.name);
    if ((changes.ended || open.isLeft) && newer !== undefined) {
      // A new one of that name has begun, or will, and gives up what is there.
      newer.hasFormer = true;
      newer.claim = Math.max(newer.claim, open.claim);
      return 'ok';
    }
    if (changes.ended) return String(await connection.run('end', keys, [...asOwner(under), open.claim]));
    const append = async (mode: 'new' | 'on' | 'again', first: number, entries: readonly Entry[]): Promise<string> => {
      const kept = [Math.ceil(log.keep.ttlMs ?? LOG_TTL_MS), open.claim, mode];
      const numbers = [first, changes.last, changes.trimmed];
      const args = [...asOwner(under), ...kept, ...numbers, ...entries.map(asText)];
      const [said, claim] = (await connection.run('append', keys, args)) as [string, string?];
      if (claim !== undefined) open.claim = Number(claim);
      return said;
    };
    const begins = open.isLate ? 'again' : 'new';
    const said = await append(open.begun ? 'on' : begins, changes.first, changes.entries);
    if (said !== 'lost') return said;
    // What it had is here too, but for what was given up meanwhile.
    const trimmed = log.last - log.size;
    return append('again', trimmed + 1, log.after(0).slice(0, Math.max(0, changes.last - trimmed)));
  }

  #standsUnknown(open: Open): Outcome {
    const now = this.#now();
    open.unknownSince ??= now;
    const isOver = (open.isLeft || open.log.ended) && now - open.unknownSince >= UNKNOWN_MS;
    return isOver ? this.#refused(open) : 'waits';
  }

  #refused(open: Open): Outcome {
    const { name } = open.log;
    if (!open.isRefused) this.#options.onNotice({ type: 'fenced', name });
    open.isRefused = true;
    if (this.#open.get(name) === open) this.#open.delete(name);
    return 'refused';
  }

  #touch(): void {
    const now = this.#now();
    for (const open of this.#open.values()) {
      const { ttlMs = LOG_TTL_MS } = open.log.keep;
      if (open.begun && now - open.touchedAt > ttlMs / 3) this.#mark(open);
    }
  }

  /** The lease is in a key of its own, which is needed also where none is written under. */
  #keysOf(name: string, under: Lease | undefined): string[] {
    const { prefix } = this.#options;
    return [`${prefix}entries:${name}`, `${prefix}log:${name}`, `${prefix}lease:${under?.name ?? ''}`];
  }
}

/** Whether the store neither has anything of a log nor needs to. */
const isNothing = ({ log, begun, hasFormer }: Open): boolean => log.ended && !begun && !hasFormer;

/** Who writes, as scripts want it. */
const asOwner = (under: Lease | undefined): [epoch: number | '', owner: string] => [
  under?.epoch ?? '',
  under?.owner ?? '',
];

const notWritten = (): SwitchboardError =>
  new SwitchboardError('SWB_STORE_UNAVAILABLE', { detail: 'it does not know the lease of this node' });

/** Bytes would not survive as text. */
const asText = (entry: Entry): string =>
  typeof entry === 'string' ? `t${entry}` : `b${Buffer.from(entry).toString('base64')}`;

function read(last: string, texts: readonly string[]): { last: number; entries: Entry[] } | undefined {
  const number = Number(last);
  if (!Number.isSafeInteger(number) || number < texts.length) return undefined;
  const entries = texts.flatMap((text): Entry[] => {
    if (text.startsWith('t')) return [text.slice(1)];
    return text.startsWith('b') ? [Buffer.from(text.slice(1), 'base64')] : [];
  });
  return entries.length === texts.length ? { last: number, entries } : undefined;
}
