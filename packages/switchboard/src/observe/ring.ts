/** Counts and measures of equal steps of time, of which the newest are kept. */
import { SECONDS } from './tally.ts';

export interface RingOptions<Gauge extends string> {
  stepMs: number;
  /** How many steps that have ended are kept. */
  length: number;
  /** What is measured beside the counts; of one step the most is kept. */
  gauges: readonly Gauge[];
  /** For how long a measure holds where no other follows, in ms. */
  holdsMs: number;
}

/** Equal steps, oldest first; the last one has just ended. */
export type RingRange<Gauge extends string> = {
  /** When the first step began, in ms since 1970. */
  from: number;
  stepMs: number;
  calls: number[];
  errors: number[];
  refused: number[];
  /** Null where nothing was called. */
  p50Ms: (number | null)[];
  p99Ms: (number | null)[];
} & Record<Gauge, (number | null)[]>;

/** All that was counted in some steps together. */
export interface RingTotal {
  calls: number;
  errors: number;
  p50Ms: number | null;
  p99Ms: number | null;
}

/** One step as it is kept elsewhere: its number, its counts, whether it was measured, the measures, and pairs of a bucket and its count. */
export type SavedStep = readonly number[];

/** The last bucket is for what took longer than all bounds. */
const BUCKETS = SECONDS.length + 1;
const COUNTS = ['calls', 'errors', 'refused'] as const;

export class Ring<Gauge extends string = string> {
  readonly stepMs: number;
  readonly gauges: readonly Gauge[];
  /** Grows with all that is counted or measured. */
  changes = 0;
  readonly #length: number;
  readonly #holds: number;
  /** Which step each place holds. */
  readonly #steps: Float64Array;
  readonly #counts: Record<(typeof COUNTS)[number], Uint32Array>;
  readonly #isMeasured: Uint8Array;
  readonly #measures: readonly Float64Array[];
  readonly #buckets: Uint32Array;

  constructor({ stepMs, length, gauges, holdsMs }: RingOptions<Gauge>) {
    this.stepMs = stepMs;
    this.gauges = gauges;
    this.#holds = Math.ceil(holdsMs / stepMs);
    // One more, for the step that is under way.
    this.#length = length + 1;
    this.#steps = new Float64Array(this.#length).fill(-1);
    const column = (): Uint32Array => new Uint32Array(this.#length);
    this.#counts = { calls: column(), errors: column(), refused: column() };
    this.#isMeasured = new Uint8Array(this.#length);
    this.#measures = gauges.map(() => new Float64Array(this.#length));
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

  measured(now: number, measures: Readonly<Record<Gauge, number>>): void {
    this.#measure(
      this.#at(now),
      this.gauges.map((gauge) => measures[gauge]),
    );
  }

  /** @param each how many steps become one; @param count how many of those. */
  range(now: number, each: number, count: number): RingRange<Gauge> {
    // Whole groups that have ended, so that a group never changes once it was seen.
    const end = Math.floor(Math.floor(now / this.stepMs) / each) * each;
    const begin = end - each * count;
    const range = {
      from: begin * this.stepMs,
      stepMs: this.stepMs * each,
      calls: [] as number[],
      errors: [] as number[],
      refused: [] as number[],
      p50Ms: [] as (number | null)[],
      p99Ms: [] as (number | null)[],
    };
    const measures = this.gauges.map((): (number | null)[] => []);
    // What was measured before the first step may hold for it.
    let last = this.#lastMeasured(begin - this.#holds, begin);
    for (let first = begin; first < end; first += each) {
      const places = this.#places(first, first + each);
      const { calls, errors, p50Ms, p99Ms } = this.#sum(places);
      range.calls.push(calls);
      range.errors.push(errors);
      range.refused.push(places.reduce((sum, at) => sum + this.#counts.refused[at]!, 0));
      range.p50Ms.push(p50Ms);
      range.p99Ms.push(p99Ms);
      const measured = places.filter((at) => this.#isMeasured[at] === 1);
      const held = last !== undefined && this.#steps[last]! + this.#holds >= first ? last : undefined;
      for (const [nth, column] of this.#measures.entries()) {
        const most = measured.reduce((all, at) => Math.max(all, column[at]!), 0);
        measures[nth]!.push(measured.length > 0 ? most : held === undefined ? null : column[held]!);
      }
      last = measured.at(-1) ?? last;
    }
    const named = Object.fromEntries(this.gauges.map((gauge, nth) => [gauge, measures[nth]!]));
    return { ...range, ...(named as Record<Gauge, (number | null)[]>) };
  }

  /** The sum of the last steps and of the one that is under way. @param count how many that have ended. */
  total(now: number, count: number): RingTotal {
    const step = Math.floor(now / this.stepMs);
    return this.#sum(this.#places(step - count, step + 1));
  }

  /** The steps from one number up to another that hold anything. */
  saved(from: number, to: number): SavedStep[] {
    return this.#places(from, to).map((at) => {
      const counts = COUNTS.map((name) => this.#counts[name][at]!);
      const measures = this.#measures.map((column) => Math.round(column[at]! * 1000) / 1000);
      const buckets = Array.from({ length: BUCKETS }, (_, bucket) => this.#buckets[at * BUCKETS + bucket]!);
      const pairs = buckets.flatMap((value, bucket) => (value === 0 ? [] : [bucket, value]));
      return [this.#steps[at]!, ...counts, this.#isMeasured[at]!, ...measures, ...pairs];
    });
  }

  /** Goes on with what an earlier process has saved: what is not of the time that is kept, or makes no sense, counts as nothing. */
  restore(now: number, saved: readonly SavedStep[]): void {
    const newest = Math.floor(now / this.stepMs);
    for (const [step = -1, calls = 0, errors = 0, refused = 0, isMeasured = 0, ...rest] of saved) {
      if (!Number.isInteger(step) || step > newest || step <= newest - this.#length) continue;
      const at = this.#atStep(step);
      this.#counts.calls[at]! += calls;
      this.#counts.errors[at]! += errors;
      this.#counts.refused[at]! += refused;
      if (isMeasured === 1) this.#measure(at, rest.slice(0, this.gauges.length));
      for (let pair = this.gauges.length; pair + 1 < rest.length; pair += 2) {
        const [bucket, value] = [rest[pair]!, rest[pair + 1]!];
        if (Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKETS) this.#buckets[at * BUCKETS + bucket]! += value;
      }
    }
  }

  #measure(at: number, measures: readonly number[]): void {
    for (const [nth, column] of this.#measures.entries()) column[at] = Math.max(column[at]!, measures[nth] ?? 0);
    this.#isMeasured[at] = 1;
  }

  #lastMeasured(from: number, to: number): number | undefined {
    return this.#places(from, to).findLast((at) => this.#isMeasured[at] === 1);
  }

  /** Where the steps are that are known. */
  #places(from: number, to: number): number[] {
    const places: number[] = [];
    for (let step = Math.max(0, from); step < to; step++) {
      const at = step % this.#length;
      if (this.#steps[at] === step) places.push(at);
    }
    return places;
  }

  #sum(places: readonly number[]): RingTotal {
    const buckets = new Float64Array(BUCKETS);
    let [calls, errors] = [0, 0];
    for (const at of places) {
      calls += this.#counts.calls[at]!;
      errors += this.#counts.errors[at]!;
      for (let bucket = 0; bucket < BUCKETS; bucket++) buckets[bucket]! += this.#buckets[at * BUCKETS + bucket]!;
    }
    return { calls, errors, p50Ms: percentileMs(buckets, 0.5), p99Ms: percentileMs(buckets, 0.99) };
  }

  /** The place of the step that is under way. */
  #at(now: number): number {
    this.changes++;
    return this.#atStep(Math.floor(now / this.stepMs));
  }

  /** The place of a step, empty where it held another. */
  #atStep(step: number): number {
    const at = step % this.#length;
    if (this.#steps[at] === step) return at;
    this.#steps[at] = step;
    for (const column of [...Object.values(this.#counts), this.#isMeasured, ...this.#measures]) column[at] = 0;
    this.#buckets.fill(0, at * BUCKETS, (at + 1) * BUCKETS);
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

/** In which bucket a duration counts. */
export function bucketOf(ms: number): number {
  const seconds = ms / 1000;
  let bucket = 0;
  while (bucket < SECONDS.length && seconds > SECONDS[bucket]!) bucket++;
  return bucket;
}
