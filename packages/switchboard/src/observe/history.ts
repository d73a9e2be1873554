/**
 * How busy a gateway was in the last minute, hour and day, and what changed meanwhile: a function of the events, and of a look each second.
 * All of it is in memory, in rings of a fixed size: less than 1 MiB, and 32 KiB for each of at most {@link MAX_UPSTREAMS} upstreams.
 */
import { Changes } from './changes.ts';
import type { Change } from './changes.ts';
import type { Emit, GatewayEvent } from './events.ts';
import { Ring, bucketOf } from './ring.ts';
import type { RingRange } from './ring.ts';

/** How busy it is at one moment. */
export interface Gauges {
  clients: number;
  /** Conversations that are open or may come back. */
  sessions: number;
  inFlight: number;
  /** Resident, of Switchboard itself. */
  memoryBytes: number;
}

export interface HistoryOptions {
  look(): Gauges;
  /** @default Date.now */
  now?: () => number;
}

/** A step in which nothing was measured has 0, and no percentiles. */
export type HistoryRange = RingRange<never> & Record<keyof Gauges, number[]>;

/** One upstream in the last minute, hour or day, up to now. */
export interface UpstreamLoad {
  upstream: string;
  calls: number;
  errors: number;
  p50Ms: number | null;
  p99Ms: number | null;
  /** Calls a second in each step that has ended, oldest first. */
  perSecond: number[];
}

/** What the processes of an upstream use. */
export interface Usage {
  /** Resident, of all of them. */
  memoryBytes: number;
  /** Processor time in the time that passed: 1 is one core all the time. */
  cores: number;
}

/** The same over time; null where nothing was measured. */
export interface UsageRange extends Record<keyof Usage, (number | null)[]> {
  /** When the first step began, in ms since 1970. */
  from: number;
  stepMs: number;
}

export type RangeName = 'minute' | 'hour' | 'day';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
/** Upstreams beyond are not told apart here. */
export const MAX_UPSTREAMS = 100;
/** How often processes are measured at the least, in ms, while they are. */
export const MEASURED_EVERY_MS = 60_000;

const GAUGES = ['clients', 'sessions', 'inFlight', 'memoryBytes'] as const;
const USAGE = ['memoryBytes', 'cores'] as const;
/** For how long a process may be so busy that it does not look. */
const HOLDS_MS = 10_000;

/** The ring that a range is made from: how many steps of it become one, and how many of those there are. */
interface Part<Name extends string> {
  readonly ring: Name;
  readonly each: number;
  readonly count: number;
}
const RANGES: Readonly<Record<RangeName, Part<keyof OwnRings>>> = {
  minute: { ring: 'seconds', each: 1, count: 60 },
  hour: { ring: 'seconds', each: 10, count: 360 },
  day: { ring: 'minutes', each: 5, count: 288 },
};
const UPSTREAM_RANGES: Readonly<Record<RangeName, Part<keyof UpstreamRings>>> = {
  minute: { ring: 'seconds', each: 1, count: 60 },
  hour: { ring: 'minutes', each: 1, count: 60 },
  day: { ring: 'quarters', each: 1, count: 96 },
};

interface OwnRings {
  readonly seconds: Ring<keyof Gauges>;
  readonly minutes: Ring<keyof Gauges>;
}

function ownRings(): OwnRings {
  const ring = (stepMs: number, length: number): Ring<keyof Gauges> =>
    new Ring({ stepMs, length, gauges: GAUGES, holdsMs: HOLDS_MS });
  return { seconds: ring(SECOND_MS, 3610), minutes: ring(MINUTE_MS, 1445) };
}

/** Of one upstream. */
export interface UpstreamRings {
  readonly seconds: Ring<keyof Usage>;
  readonly minutes: Ring<keyof Usage>;
  readonly quarters: Ring<keyof Usage>;
}

function upstreamRings(): UpstreamRings {
  const ring = (stepMs: number, length: number): Ring<keyof Usage> =>
    new Ring({ stepMs, length, gauges: USAGE, holdsMs: MEASURED_EVERY_MS + HOLDS_MS });
  return { seconds: ring(SECOND_MS, 130), minutes: ring(MINUTE_MS, 61), quarters: ring(15 * MINUTE_MS, 97) };
}

export class History {
  readonly onEvent: Emit = (event) => this.#take(event);
  /** Of all upstreams together. */
  readonly rings: OwnRings = ownRings();
  readonly #now: () => number;
  readonly #upstreams: Map<string, UpstreamRings> = new Map();
  readonly #changes: Changes;
  readonly #clock: NodeJS.Timeout;

  constructor({ look, now = Date.now }: HistoryOptions) {
    this.#now = now;
    this.#changes = new Changes(now);
    this.#clock = setInterval(() => {
      const gauges = look();
      for (const ring of Object.values(this.rings)) ring.measured(now(), gauges);
    }, SECOND_MS).unref();
  }

  close(): void {
    clearInterval(this.#clock);
  }

  range(name: RangeName): HistoryRange {
    const { ring, each, count } = RANGES[name];
    const range = this.rings[ring].range(this.#now(), each, count);
    const measured = GAUGES.map((gauge) => [gauge, range[gauge].map((value) => value ?? 0)]);
    return { ...range, ...(Object.fromEntries(measured) as Record<keyof Gauges, number[]>) };
  }

  /** Every upstream that was called in a range. @param name of the range. @default 'minute' */
  load(name: RangeName = 'minute'): UpstreamLoad[] {
    const now = this.#now();
    const { ring, each, count } = UPSTREAM_RANGES[name];
    return [...this.#upstreams].flatMap(([upstream, rings]) => {
      const total = rings[ring].total(now, count);
      if (total.calls === 0) return [];
      const { calls, stepMs } = rings[ring].range(now, each, count);
      const perSecond = calls.map((counted) => Math.round((counted / stepMs) * 1_000_000) / 1000);
      return [{ upstream, ...total, perSecond }];
    });
  }

  /** What the processes of an upstream used; nothing in all steps where that was never measured. */
  usage(upstream: string, name: RangeName): UsageRange {
    const { ring, each, count } = UPSTREAM_RANGES[name];
    const known = this.#upstreams.get(upstream) ?? upstreamRings();
    const { from, stepMs, memoryBytes, cores } = known[ring].range(this.#now(), each, count);
    return { from, stepMs, memoryBytes, cores };
  }

  /** Takes what the processes of an upstream use now. */
  measured(upstream: string, usage: Usage): void {
    for (const ring of Object.values(this.#of(upstream) ?? {})) ring.measured(this.#now(), usage);
  }

  /** Of one upstream; makes room for it where there is room. */
  ringsOf(upstream: string): UpstreamRings | undefined {
    return this.#of(upstream);
  }

  /** Those that anything is known of. */
  get upstreams(): readonly string[] {
    return [...this.#upstreams.keys()];
  }

  /** Oldest first. */
  changes(): readonly Change[] {
    return this.#changes.all;
  }

  /** Goes on with the changes that an earlier process has kept. */
  restoreChanges(earlier: readonly Change[]): void {
    this.#changes.restore(earlier);
  }

  #take(event: GatewayEvent): void {
    if (event.type === 'request.ended') {
      const now = this.#now();
      const isError = event.outcome === 'error' || event.outcome === 'isError';
      // A listen lasts as long as its client likes.
      const bucket = event.method === 'subscriptions/listen' ? undefined : bucketOf(event.ms);
      this.rings.seconds.ended(now, isError, bucket);
      this.rings.minutes.ended(now, isError, bucket);
      const own = this.#of(event.upstream);
      own?.seconds.ended(now, isError, bucket);
      own?.minutes.ended(now, isError, bucket);
      own?.quarters.ended(now, isError, bucket);
    } else if (event.type === 'request.refused') {
      const now = this.#now();
      for (const ring of Object.values(this.rings)) ring.refused(now);
    } else {
      if (event.type === 'reloaded') for (const name of event.removed) this.#upstreams.delete(name);
      this.#changes.onEvent(event);
    }
  }

  #of(upstream: string): UpstreamRings | undefined {
    const known = this.#upstreams.get(upstream);
    if (known !== undefined || this.#upstreams.size >= MAX_UPSTREAMS) return known;
    const rings = upstreamRings();
    this.#upstreams.set(upstream, rings);
    return rings;
  }
}
