/** The logs of a Redis store: read from memory, written behind in one command each, and written as a whole where the store lost them. */
import { owned } from '../util/owned.ts';
import { unreffed } from '../util/timers.ts';
import { MirroredLog } from './mirrored-log.ts';
import type { RedisConnection } from './redis-connection.ts';
import { LOG_TTL_MS } from './store.ts';
import type { Entry, Log, KeepOptions, Lease, StoreNotice } from './store.ts';

export interface RedisLogsOptions {
  connection: RedisConnection;
  /** Before every key. */
  prefix: string;
  onNotice(notice: StoreNotice): void;
}

interface Open {
  log: MirroredLog;
  /** As they were given: the lease to write under may be another one each time. */
  options: KeepOptions;
  /** Whether the store has something of it that it can go on with. */
  begun: boolean;
  /** Whether it is being written just now. */
  isWriting: boolean;
  /** Whether the store still has a former one of that name, which this one gives up. */
  hasFormer: boolean;
  /** When its time was last prolonged, in ms of this process. */
  touchedAt: number;
}

/** How long a message waits to be written: so much is lost when a process is killed. */
const BEHIND_MS = 50;
/** Logs that are written at a time: the store has other commands to answer meanwhile, such as those of leases. */
const MAX_AT_ONCE = 500;
/** How often it is tried again while the store is away. */
const AGAIN_MS = 500;
/** How often quiet logs are looked at, so that their time does not run out. */
const TOUCH_MS = 10_000;

export class RedisLogs {
  readonly #options: RedisLogsOptions;
  readonly #open: Map<string, Open> = new Map();
  readonly #dirty: Set<Open> = new Set();
  readonly #toucher = unreffed(setInterval(() => this.#touch(), TOUCH_MS));
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(options: RedisLogsOptions) {
    this.#options = options;
  }

  /** For how long the entry has waited that waits longest to be written, in ms. */
  get lagMs(): number {
    return [...this.#dirty].reduce((longest, { log }) => Math.max(longest, log.lagMs), 0);
  }

  open(name: string, options: KeepOptions): Log {
    return this.#open.get(name)?.log ?? this.#add(name, options, { begun: false });
  }

  async recall(name: string, options: KeepOptions): Promise<Log | undefined> {
    const here = this.#open.get(name);
    if (here !== undefined) return here.log;
    const { connection } = this.#options;
    const [last, texts] = (await connection.run('recall', this.#keysOf(name, undefined).slice(0, 2))) as [
      string?,
      string[]?,
    ];
    if (last === undefined || texts === undefined) return undefined;
    const found = read(last, texts);
    if (found === undefined) {
      this.#options.onNotice({ type: 'garbage', key: `log ${name}`, detail: 'its entries cannot be read' });
      return undefined;
    }
    return this.#open.get(name)?.log ?? this.#add(name, options, { begun: true, found });
  }

  /** Writes again what the store may have lost of those that are open: it says itself what it lacks. */
  writeAgain(): void {
    for (const open of this.#open.values()) this.#mark(open);
  }

  /** Resolves when all is written that was there before; rejects where that cannot be. */
  async flush(): Promise<void> {
    while (this.#dirty.size > 0) await this.#write();
  }

  /** Writes what waits if that works at once. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#toucher);
    clearTimeout(this.#timer);
    await this.flush().catch(() => {});
    this.#open.clear();
    this.#dirty.clear();
  }

  #add(
    name: string,
    options: KeepOptions,
    { begun, found }: { begun: boolean; found?: { last: number; entries: readonly Entry[] } },
  ): MirroredLog {
    // What was found is filled in before it is open.
    let open: Open | undefined;
    const mark = (): void => {
      if (open !== undefined) this.#mark(open);
    };
    const log: MirroredLog = new MirroredLog(name, {
      ...options,
      ...(found !== undefined && { found }),
      onChange: mark,
      onLeave: async () => {
        mark();
        await this.flush();
        if (this.#open.get(name) === open) this.#open.delete(name);
      },
    });
    open = { log, options, begun, isWriting: false, hasFormer: false, touchedAt: performance.now() };
    this.#open.set(name, open);
    return log;
  }

  #mark(open: Open): void {
    const { log, isWriting } = open;
    // Another one of that name may be opened from now on.
    if (log.ended && this.#open.get(log.name) === open) this.#open.delete(log.name);
    if (!isWriting && isNothing(open)) {
      this.#dirty.delete(open);
      return;
    }
    this.#dirty.add(open);
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

  /** One at a time, so that what is written of a log stays in its order. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    const all = [...this.#dirty];
    for (let at = 0; at < all.length; at += MAX_AT_ONCE) {
      // Those that have ended meanwhile may have nothing to write any more.
      const some = all.slice(at, at + MAX_AT_ONCE).filter((open) => this.#dirty.delete(open));
      const results = await Promise.allSettled(some.map((open) => this.#writeOne(open)));
      for (const [index, { status }] of results.entries()) {
        const open = some[index]!;
        // What may have arrived of one that has ended meanwhile expires.
        if (status === 'rejected' && !isNothing(open)) this.#dirty.add(open);
      }
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    }
  }

  async #writeOne(open: Open): Promise<void> {
    open.isWriting = true;
    try {
      await this.#writeChanges(open);
    } finally {
      open.isWriting = false;
    }
  }

  async #writeChanges(open: Open): Promise<void> {
    const { connection, onNotice } = this.#options;
    const { log } = open;
    const { changes } = log;
    const { ttlMs = LOG_TTL_MS, under } = open.options;
    const epoch = under?.epoch ?? '';
    const keys = this.#keysOf(log.name, under);
    if (changes.ended) {
      // A new one of that name has begun, or will, and gives up what is there.
      const newer = this.#open.get(log.name);
      if (newer === undefined) await connection.run('end', keys, [epoch]);
      else newer.hasFormer = true;
      return;
    }
    const write = (begins: boolean, first: number, entries: readonly Entry[]): Promise<unknown> => {
      const numbers = [first, changes.last, changes.trimmed];
      return connection.run('append', keys, [
        epoch,
        Math.ceil(ttlMs),
        begins ? 1 : 0,
        ...numbers,
        ...entries.map(asText),
      ]);
    };
    let said = await write(!open.begun, changes.first, changes.entries);
    // What it had is here too.
    if (said === 'lost') said = await write(true, changes.trimmed + 1, entriesUpTo(log, changes.last));
    // The owner has it again under another epoch, or will have.
    if (said === 'unknown' || (said === 'fenced' && open.options.under?.epoch !== under?.epoch))
      throw new Error('the lease is not known');
    if (said === 'fenced') {
      onNotice({ type: 'fenced', name: log.name });
      if (this.#open.get(log.name) === open) this.#open.delete(log.name);
      return;
    }
    open.begun = true;
    open.touchedAt = performance.now();
    log.written(changes);
  }

  #touch(): void {
    const now = performance.now();
    for (const open of this.#open.values()) {
      const { ttlMs = LOG_TTL_MS } = open.log.options;
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

function entriesUpTo(log: MirroredLog, last: number): readonly Entry[] {
  const kept = log.after(0);
  return kept.slice(0, kept.length - (log.last - last));
}

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
