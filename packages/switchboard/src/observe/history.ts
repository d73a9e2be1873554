/**
 * How busy a gateway was in the last minute, hour and day, and what changed meanwhile: a function of the events, and of a look each second.
 * All of it is in memory, in rings of a fixed size: less than 1 MiB, and 16 KiB for each of at most {@link MAX_UPSTREAMS} upstreams.
 */
import { cut } from '../util/cut.ts';
import type { Emit, GatewayEvent } from './events.ts';
import { actedInWords } from './acted.ts';
import { SECONDS } from './tally.ts';

/** How busy it is at one moment. */
export interface Gauges {
  clients: number;
  inFlight: number;
  /** Resident, of Switchboard itself. */
  memoryBytes: number;
}

export interface HistoryOptions {
  look(): Gauges;
  /** @default Date.now */
  now?: () => number;
}

/** Equal steps, oldest first; the last one has just ended. A step in which nothing was measured has 0, and no percentiles. */
export interface HistoryRange {
  /** When the first step began, in ms since 1970. */
  from: number;
  stepMs: number;
  calls: number[];
  errors: number[];
  refused: number[];
  p50Ms: (number | null)[];
  p99Ms: (number | null)[];
  clients: number[];
  inFlight: number[];
  memoryBytes: number[];
}

/** The last minute of one upstream. */
export interface UpstreamLoad {
  upstream: string;
  calls: number;
  errors: number;
  p50Ms: number | null;
  p99Ms: number | null;
  /** Calls in each second, oldest first. */
  perSecond: number[];
}

/** Something that changed what clients get, or could not. */
export interface Change {
  /** When it happened last, in ms since 1970. */
  time: number;
  type: GatewayEvent['type'];
  level: 'info' | 'warn' | 'error';
  upstream?: string;
  /** Of an operator: the route of the admin API. */
  action?: string;
  text: string;
  /** How often it happened, each within a minute of the one before. */
  count: number;
}

export type RangeName = 'minute' | 'hour' | 'day';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
/** Upstreams beyond are not told apart here. */
export const MAX_UPSTREAMS = 100;
/** How many changes are kept. */
export const MAX_CHANGES = 500;
const MAX_TEXT = 500;
const BUCKETS = SECONDS.length + 1;

/** Counts of equal steps of time, of which the newest are kept. */
class Ring {
  readonly stepMs: number;
  readonly #length: number;
  /** Which step each place holds. */
  readonly #steps: Float64Array;
  readonly #counts: Record<'calls' | 'errors' | 'refused' | 'clients' | 'inFlight' | 'memoryBytes', Float64Array>;
  readonly #buckets: Uint32Array;

  constructor(stepMs: number, length: number) {
    this.stepMs = stepMs;
    // One more, for the step that is under way.
    this.#length = length + 1;
    const column = (): Float64Array => new Float64Array(this.#length);
    this.#steps = column().fill(-1);
    this.#counts = {
      calls: column(),
      errors: column(),
      refused: column(),
      clients: column(),
      inFlight: column(),
      memoryBytes: column(),
    };
    this.#buckets = new Uint32Array(this.#length * BUCKETS);
  }

  ended(now: number, isError: boolean, bucket: number | undefined): void {
    const at = this.#at(now);
    this.#counts.calls[at]!++;
    if (isError) this.#counts.errors[at]!++;
    if (bucket !== undefined) this.#buckets[at * BUCKETS + bucket]!++;
  }

  refused(now: number): void {
    this.#counts.refused[this.#at(now)]!++;
  }

  /** The most of a step is kept. */
  look(now: number, { clients, inFlight, memoryBytes }: Gauges): void {
    const at = this.#at(now);
    const counts = this.#counts;
    counts.clients[at] = Math.max(counts.clients[at]!, clients);
    counts.inFlight[at] = Math.max(counts.inFlight[at]!, inFlight);
    counts.memoryBytes[at] = Math.max(counts.memoryBytes[at]!, memoryBytes);
  }

  /** @param each how many steps become one; @param count how many of those. */
  range(now: number, each: number, count: number): HistoryRange {
    const { calls, errors, refused, clients, inFlight, memoryBytes } = this.#counts;
    // Whole groups that have ended, so that a group never changes once it was seen.
    const end = Math.floor(Math.floor(now / this.stepMs) / each) * each;
    const range: HistoryRange = {
      from: (end - each * count) * this.stepMs,
      stepMs: this.stepMs * each,
      calls: [],
      errors: [],
      refused: [],
      p50Ms: [],
      p99Ms: [],
      clients: [],
      inFlight: [],
      memoryBytes: [],
    };
    for (let first = end - each * count; first < end; first += each) {
      const buckets = new Float64Array(BUCKETS);
      const places: number[] = [];
      for (let step = first; step < first + each; step++) {
        const at = step % this.#length;
        if (this.#steps[at] !== step) continue;
        places.push(at);
        for (let bucket = 0; bucket < BUCKETS; bucket++) buckets[bucket]! += this.#buckets[at * BUCKETS + bucket]!;
      }
      const sum = (column: Float64Array): number => places.reduce((all, at) => all + column[at]!, 0);
      // A step in which nobody looked, as the process was busy, is as the one before. Memory is never 0.
      const isLooked = places.some((at) => memoryBytes[at]! > 0);
      const most = (column: Float64Array, before: readonly number[]): number =>
        isLooked ? places.reduce((all, at) => Math.max(all, column[at]!), 0) : (before.at(-1) ?? 0);
      range.calls.push(sum(calls));
      range.errors.push(sum(errors));
      range.refused.push(sum(refused));
      range.p50Ms.push(percentileMs(buckets, 0.5));
      range.p99Ms.push(percentileMs(buckets, 0.99));
      range.clients.push(most(clients, range.clients));
      range.inFlight.push(most(inFlight, range.inFlight));
      range.memoryBytes.push(most(memoryBytes, range.memoryBytes));
    }
    return range;
  }

  /** The place of the step that is under way. */
  #at(now: number): number {
    const step = Math.floor(now / this.stepMs);
    const at = step % this.#length;
    if (this.#steps[at] !== step) {
      this.#steps[at] = step;
      for (const column of Object.values(this.#counts)) column[at] = 0;
      this.#buckets.fill(0, at * BUCKETS, (at + 1) * BUCKETS);
    }
    return at;
  }
}

/** The value that so much of what was counted does not exceed, between the bounds of its bucket; null where nothing was. */
export function percentileMs(buckets: Float64Array, share: number): number | null {
  const count = buckets.reduce((sum, each) => sum + each, 0);
  if (count === 0) return null;
  let below = 0;
  for (let at = 0; at < SECONDS.length; at++) {
    const here = buckets[at]!;
    if (here > 0 && below + here >= share * count) {
      const [low, high] = [SECONDS[at - 1] ?? 0, SECONDS[at]!];
      return Math.round((low + (high - low) * ((share * count - below) / here)) * 1_000_000) / 1000;
    }
    below += here;
  }
  return SECONDS.at(-1)! * 1000;
}

function bucketOf(ms: number): number {
  const seconds = ms / 1000;
  let bucket = 0;
  while (bucket < SECONDS.length && seconds > SECONDS[bucket]!) bucket++;
  return bucket;
}

const RANGES: Readonly<Record<RangeName, { ring: 'seconds' | 'minutes'; each: number; count: number }>> = {
  minute: { ring: 'seconds', each: 1, count: 60 },
  hour: { ring: 'seconds', each: 10, count: 360 },
  day: { ring: 'minutes', each: 5, count: 288 },
};

export class History {
  readonly onEvent: Emit = (event) => this.#take(event);
  readonly #now: () => number;
  readonly #rings = { seconds: new Ring(SECOND_MS, 3610), minutes: new Ring(MINUTE_MS, 1445) };
  readonly #upstreams: Map<string, Ring> = new Map();
  readonly #changes: Change[] = [];
  readonly #clock: NodeJS.Timeout;

  constructor({ look, now = Date.now }: HistoryOptions) {
    this.#now = now;
    this.#clock = setInterval(() => {
      const gauges = look();
      for (const ring of Object.values(this.#rings)) ring.look(now(), gauges);
    }, SECOND_MS).unref();
  }

  close(): void {
    clearInterval(this.#clock);
  }

  range(name: RangeName): HistoryRange {
    const { ring, each, count } = RANGES[name];
    return this.#rings[ring].range(this.#now(), each, count);
  }

  /** The last minute of every upstream that was called in it. */
  load(): UpstreamLoad[] {
    const now = this.#now();
    return [...this.#upstreams].flatMap(([upstream, ring]) => {
      const [minute, seconds] = [ring.range(now, 60, 1), ring.range(now, 1, 60)];
      const sum = (counts: readonly number[]): number => counts.reduce((all, each) => all + each, 0);
      const calls = sum(seconds.calls);
      // The percentiles are those of the last whole minute that has calls, as few calls of one second say little.
      return calls === 0 && minute.calls[0] === 0
        ? []
        : [
            {
              upstream,
              calls,
              errors: sum(seconds.errors),
              p50Ms: minute.p50Ms[0] ?? seconds.p50Ms.findLast((each) => each !== null) ?? null,
              p99Ms: minute.p99Ms[0] ?? seconds.p99Ms.findLast((each) => each !== null) ?? null,
              perSecond: seconds.calls,
            },
          ];
    });
  }

  /** Oldest first. */
  changes(): readonly Change[] {
    return this.#changes;
  }

  #take(event: GatewayEvent): void {
    if (event.type === 'request.ended') {
      const now = this.#now();
      const isError = event.outcome === 'error' || event.outcome === 'isError';
      // A listen lasts as long as its client likes.
      const bucket = event.method === 'subscriptions/listen' ? undefined : bucketOf(event.ms);
      this.#rings.seconds.ended(now, isError, bucket);
      this.#rings.minutes.ended(now, isError, bucket);
      this.#of(event.upstream)?.ended(now, isError, bucket);
    } else if (event.type === 'request.refused') {
      const now = this.#now();
      for (const ring of Object.values(this.#rings)) ring.refused(now);
    } else {
      if (event.type === 'reloaded') for (const name of event.removed) this.#upstreams.delete(name);
      this.#note(event);
    }
  }

  #of(upstream: string): Ring | undefined {
    const known = this.#upstreams.get(upstream);
    if (known !== undefined || this.#upstreams.size >= MAX_UPSTREAMS) return known;
    const ring = new Ring(SECOND_MS, 125);
    this.#upstreams.set(upstream, ring);
    return ring;
  }

  #note(event: GatewayEvent): void {
    const described = describe(event);
    if (described === undefined) return;
    const time = this.#now();
    const { type } = event;
    const change: Change = { time, type, ...described, text: cut(described.text, MAX_TEXT), count: 1 };
    const before = this.#changes.at(-1);
    if (
      before?.type === type &&
      before.upstream === change.upstream &&
      before.text === change.text &&
      time - before.time < MINUTE_MS
    ) {
      before.time = time;
      before.count++;
      return;
    }
    this.#changes.push(change);
    if (this.#changes.length > MAX_CHANGES) this.#changes.shift();
  }
}

/** A change in words; undefined for what is none. */
function describe(event: GatewayEvent): Pick<Change, 'level' | 'upstream' | 'action' | 'text'> | undefined {
  switch (event.type) {
    case 'reloaded': {
      const { added, changed, removed, applied, restartNeeded } = event;
      const parts = Object.entries({ added, changed, removed, applied, 'needs a restart': restartNeeded });
      const text = parts.flatMap(([what, names]) => (names.length === 0 ? [] : [`${what}: ${names.join(', ')}`]));
      return { level: 'info', text: `Configuration reloaded${text.length === 0 ? '' : `; ${text.join('; ')}`}` };
    }
    case 'reload.failed':
      return { level: 'error', text: `Configuration not reloaded: ${event.reason}` };
    case 'draining':
      return { level: 'warn', text: 'Draining: no new clients are accepted' };
    case 'member.failed':
      return { level: 'error', upstream: event.upstream, text: event.reason };
    case 'member.closed':
      return event.expected ? undefined : { level: 'warn', upstream: event.upstream, text: event.reason };
    case 'member.retired':
      return { level: 'info', upstream: event.upstream, text: `Replaced: ${event.reason}` };
    case 'upstream.failing':
      return { level: 'error', upstream: event.upstream, text: `Keeps failing: ${event.reason}` };
    case 'upstream.recovered':
      return { level: 'info', upstream: event.upstream, text: 'Works again' };
    case 'node.joined':
      return { level: 'info', text: `Node ${event.name} joined` };
    case 'node.left':
      return { level: 'warn', text: `Node ${event.name} is gone: its sessions go on at other nodes` };
    case 'node.fenced':
      return {
        level: 'warn',
        text: 'The other nodes took this one for gone: it gave its sessions up, and joined again',
      };
    case 'store.away':
      return { level: 'error', text: `The store is away: ${event.detail}` };
    case 'store.back':
      return { level: 'info', text: `The store is back${event.lost ? ': it may have lost what it had' : ''}` };
    case 'tools.changed':
      return { level: 'warn', upstream: event.upstream, text: `Tools changed: ${event.tools.join(', ')}` };
    case 'certificate.failed':
      return { level: 'error', text: `Certificate not read: ${event.reason}` };
    case 'certificate.expiring':
      return { level: 'warn', text: `Certificate ${event.subject} expires ${event.expires}` };
    case 'audit.failed':
      return { level: 'error', text: `Audit log: ${event.lost} lines lost: ${event.reason}` };
    case 'failed':
      return { level: 'error', text: `Fault in ${event.where}` };
    case 'operator.acted': {
      const { operator, action, subject, outcome } = event;
      const text = actedInWords(operator, action, subject, outcome);
      return text === undefined ? undefined : { level: outcome === 'ok' ? 'info' : 'warn', action, text };
    }
    default:
      return undefined;
  }
}
