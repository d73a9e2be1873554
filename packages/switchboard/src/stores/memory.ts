/** The store of one process: nothing is written anywhere, and nothing is left when the process ends. */
import { randomUUID } from 'node:crypto';

import type { JsonObject } from '../protocol/jsonrpc.ts';
import { unreffed } from '../util/timers.ts';
import { MemoryLog } from './memory-log.ts';
import type {
  Acquired,
  Announcements,
  Counters,
  Fact,
  Facts,
  HeldLease,
  Lease,
  Leases,
  Log,
  Portion,
  SharedStore,
  Shares,
  StoreOptions,
} from './store.ts';
import { LEASE_KEPT_MS, LOG_TTL_MS, SHARES_KEPT_MS } from './store.ts';
import { shared } from './shares.ts';
import type { SaidShares } from './shares.ts';
import { Topics } from './topics.ts';
import { taken } from './token-portion.ts';
import type { Tokens } from './token-portion.ts';

/** How often what has ended is looked for. */
const SWEEP_MS = 30_000;

type Clock = () => number;

/** What expires, by its key. */
class Expiring<T> extends Map<string, { value: T; endsAt: number }> {
  readonly #now: Clock;

  constructor(now: Clock) {
    super();
    this.#now = now;
  }

  /** What is there and has not expired. */
  live(key: string): T | undefined {
    const found = this.get(key);
    return found === undefined || found.endsAt <= this.#now() ? undefined : found.value;
  }

  sweep(): void {
    const now = this.#now();
    for (const [key, { endsAt }] of this) if (endsAt <= now) this.delete(key);
  }
}

class MemoryLeases implements Leases {
  readonly #now: Clock;
  /** Those that have ended too: whoever wrote under them last is still known. */
  readonly #leases: Map<string, { lease: Lease; endsAt: number }> = new Map();
  #epoch = 0;

  constructor(now: Clock) {
    this.#now = now;
  }

  async acquire(name: string, owner: string, ttlMs: number): Promise<Acquired> {
    const held = this.#held(name);
    if (held !== undefined && held.owner !== owner) return { heldBy: held };
    const lease = held ?? { name, owner, epoch: ++this.#epoch };
    this.#leases.set(name, { lease, endsAt: this.#now() + ttlMs });
    return { lease };
  }

  async renew(lease: Lease, ttlMs: number): Promise<boolean> {
    if (this.#held(lease.name)?.epoch !== lease.epoch) return false;
    this.#leases.set(lease.name, { lease, endsAt: this.#now() + ttlMs });
    return true;
  }

  async release(lease: Lease): Promise<void> {
    if (this.#held(lease.name)?.epoch === lease.epoch) this.#leases.set(lease.name, { lease, endsAt: 0 });
  }

  async holder(name: string): Promise<HeldLease | undefined> {
    const lease = this.#held(name);
    return lease && { ...lease, endsInMs: this.#leases.get(name)!.endsAt - this.#now() };
  }

  /** Whether this one has it now. */
  isHeldBy(name: string, owner: string): boolean {
    return this.#held(name)?.owner === owner;
  }

  /** Whether nobody else has got it since. */
  allows(lease: Lease | undefined): boolean {
    return lease === undefined || this.#leases.get(lease.name)?.lease.epoch === lease.epoch;
  }

  /** Those that ended long ago are forgotten; their owners are refused from then on. */
  sweep(keptMs: number): void {
    const oldest = this.#now() - keptMs;
    for (const [name, { endsAt }] of this.#leases) if (endsAt <= oldest) this.#leases.delete(name);
  }

  #held(name: string): Lease | undefined {
    const found = this.#leases.get(name);
    return found === undefined || found.endsAt <= this.#now() ? undefined : found.lease;
  }
}

class MemoryFacts implements Facts {
  readonly #now: Clock;
  readonly #leases: MemoryLeases;
  readonly facts: Expiring<Fact>;

  constructor(now: Clock, leases: MemoryLeases) {
    this.#now = now;
    this.#leases = leases;
    this.facts = new Expiring(now);
  }

  async put(key: string, value: Fact, ttlMs: number, under?: Lease): Promise<boolean> {
    if (!this.#leases.allows(under)) return false;
    this.facts.set(key, { value, endsAt: this.#now() + ttlMs });
    return true;
  }

  async get(key: string): Promise<Fact | undefined> {
    return this.facts.live(key);
  }

  async take(key: string): Promise<Fact | undefined> {
    const value = this.facts.live(key);
    this.facts.delete(key);
    return value;
  }

  async delete(key: string, under?: Lease): Promise<void> {
    if (this.#leases.allows(under)) this.facts.delete(key);
  }

  async list(prefix: string, limit: number): Promise<readonly (readonly [string, Fact])[]> {
    const found: [string, Fact][] = [];
    for (const key of this.facts.keys()) {
      if (found.length >= limit) break;
      const value = key.startsWith(prefix) ? this.facts.live(key) : undefined;
      if (value !== undefined) found.push([key, value]);
    }
    return found;
  }
}

class MemoryCounters implements Counters {
  readonly #now: Clock;
  readonly counts: Expiring<number>;
  readonly buckets: Expiring<Tokens>;
  readonly shares: Expiring<SaidShares>;
  readonly #leases: MemoryLeases;

  constructor(now: Clock, leases: MemoryLeases) {
    this.#now = now;
    this.#leases = leases;
    this.shares = new Expiring(now);
    this.counts = new Expiring(now);
    this.buckets = new Expiring(now);
  }

  async add(name: string, by: number, ttlMs: number): Promise<number> {
    const known = this.counts.live(name);
    const endsAt = known === undefined ? this.#now() + ttlMs : this.counts.get(name)!.endsAt;
    const value = (known ?? 0) + by;
    this.counts.set(name, { value, endsAt });
    return value;
  }

  async take(name: string, wanted: number, rate: { perMinute: number; burst: number }): Promise<Portion> {
    const { portion, left, fullAt } = taken(this.buckets.live(name), wanted, rate, this.#now());
    this.buckets.set(name, { value: left, endsAt: fullAt });
    return portion;
  }

  async share(name: string, count: number, max: number, under: Lease): Promise<Shares> {
    if (!this.#leases.allows(under)) return { isTaken: false, others: {} };
    const known = this.shares.live(name) ?? new Map();
    const isHeldBy = (lease: string, owner: string): boolean => this.#leases.isHeldBy(lease, owner);
    const { answer, said } = shared(known, { under, count, max }, isHeldBy);
    this.shares.set(name, { value: said, endsAt: this.#now() + SHARES_KEPT_MS });
    return answer;
  }
}

class MemoryAnnouncements implements Announcements {
  readonly #topics = new Topics();

  async publish(topic: string, message: JsonObject): Promise<void> {
    this.#topics.notify(topic, message);
  }

  async subscribe(topic: string, onMessage: (message: JsonObject) => void): Promise<() => Promise<void>> {
    const stop = this.#topics.listen(topic, onMessage);
    return async () => stop();
  }
}

export function memoryStore({ now = Date.now }: StoreOptions = {}): SharedStore {
  const leases = new MemoryLeases(now);
  const facts = new MemoryFacts(now, leases);
  const counters = new MemoryCounters(now, leases);
  const logs = new Map<string, { log: Log; endsAt: number }>();
  const life = randomUUID();
  const sweep = (): void => {
    facts.facts.sweep();
    counters.counts.sweep();
    counters.buckets.sweep();
    counters.shares.sweep();
    leases.sweep(LEASE_KEPT_MS);
    for (const [name, { endsAt }] of logs) if (endsAt <= now()) logs.delete(name);
  };
  const opened = (name: string): Log | undefined => {
    const known = logs.get(name);
    if (known === undefined || known.endsAt <= now()) return undefined;
    known.endsAt = Infinity;
    return known.log;
  };
  const sweeper = unreffed(setInterval(sweep, SWEEP_MS));
  return {
    reach: 'process',
    facts,
    leases,
    counters,
    announcements: new MemoryAnnouncements(),
    log(name, { ttlMs = LOG_TTL_MS } = {}) {
      const known = opened(name);
      if (known !== undefined) return known;
      const log = new MemoryLog();
      const kept = { log, endsAt: Infinity };
      const end = log.end.bind(log);
      log.end = () => {
        end();
        if (logs.get(name) === kept) logs.delete(name);
      };
      log.leave = async () => {
        kept.endsAt = now() + ttlMs;
      };
      logs.set(name, kept);
      return log;
    },
    async recall(name) {
      return opened(name);
    },
    async incarnation() {
      return life;
    },
    watch() {
      // There is nothing that could fail.
    },
    async flush() {},
    async close() {
      clearInterval(sweeper);
      facts.facts.clear();
      logs.clear();
    },
  };
}
