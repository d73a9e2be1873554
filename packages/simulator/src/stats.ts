/** Counts and latencies of one thread, taken in intervals. Histograms are HDR: 3 digits, from 1 µs to 10 minutes, 85 KB each. */
import * as hdr from 'hdr-histogram-js';

const LONGEST_US = 600e6;
const RANGE_GROWTH = 1.2;

export type Histogram = hdr.Histogram;

export const newHistogram = (): Histogram =>
  hdr.build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_US,
    numberOfSignificantValueDigits: 3,
    autoResize: false,
  });

/** In the standard text form of HdrHistogram (V2, compressed, Base64), which its other tools read too. */
export const pack = (histogram: Histogram): string => hdr.encodeIntoCompressedBase64(histogram);
export const unpack = (text: string): Histogram => hdr.decodeFromCompressedBase64(text);

/** @returns milliseconds */
export const percentile = (histogram: Histogram, p: number): number =>
  histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(p) / 1000;

/** How many values are in each of some ranges, whose widths grow by a fifth; empty ones at both ends are left out. */
export function spread(histogram: Histogram): { fromMs: number; toMs: number; count: number }[] {
  const counts = new Map<number, number>();
  if (!(histogram instanceof hdr.JsHistogram) || histogram.totalCount === 0) return [];
  const values = histogram.recordedValuesIterator;
  values.reset();
  while (values.hasNext()) {
    const { valueIteratedTo, countAddedInThisIterationStep: count } = values.next();
    const range = Math.floor(Math.log(Math.max(1, valueIteratedTo)) / Math.log(RANGE_GROWTH));
    counts.set(range, (counts.get(range) ?? 0) + count);
  }
  const [first, last] = [Math.min(...counts.keys()), Math.max(...counts.keys())];
  const edge = (range: number): number => RANGE_GROWTH ** range / 1000;
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    fromMs: edge(first + index),
    toMs: edge(first + index + 1),
    count: counts.get(first + index) ?? 0,
  }));
}

export function recordMs(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(Math.max(Math.round(ms * 1000), 1), LONGEST_US));
}

/** What happened since the sample before. */
export interface Sample {
  answers: number;
  errors: number;
  latency: string;
  /** Clients with an open conversation, now. */
  open: number;
  /** Calls without an answer yet, now. */
  inFlight: number;
  /** Calls that should have begun and could not yet, now. */
  waiting: number;
  /** Faults so far. */
  faults: number;
  /** Errors so far, by code. */
  codes: Readonly<Record<string, number>>;
  /** Share of the time in which this thread was busy. */
  busy: number;
}

export interface StepCount {
  answers: number;
  errors: number;
  latency: string;
}

/** What happened in all. */
export interface Tally {
  sent: number;
  answers: number;
  errors: Record<string, number>;
  /** Calls under way when their connection ended on purpose. */
  cut: number;
  cancelled: number;
  /** Calls that the rate asked for and that there was no room to keep. */
  unsent: number;
  connects: number;
  reconnects: number;
  questions: number;
  notes: number;
  storms: Record<string, number>;
  steps: Record<string, StepCount>;
  opening: string;
}

/** Kinds of errors that are told apart; what comes after counts as `other`. */
const KINDS = 100;

export class Stats {
  answers = 0;
  sent = 0;
  cut = 0;
  cancelled = 0;
  unsent = 0;
  connects = 0;
  reconnects = 0;
  questions = 0;
  notes = 0;
  readonly storms: Record<string, number> = {};
  readonly #errors = new Map<string, number>();
  readonly #steps = new Map<string, { answers: number; errors: number; latency: Histogram }>();
  readonly #opening: Histogram = newHistogram();
  readonly #interval: Histogram = newHistogram();
  #intervalAnswers = 0;
  #intervalErrors = 0;

  answered(step: string, ms: number): void {
    this.answers++;
    this.#intervalAnswers++;
    recordMs(this.#interval, ms);
    const count = this.#step(step);
    count.answers++;
    recordMs(count.latency, ms);
  }

  /** @param code as the table of errors shows it: `-32601`, `HTTP 503`, `tool error`, `closed 1006` */
  failed(code: string, step?: string): void {
    const kind = this.#errors.has(code) || this.#errors.size < KINDS ? code : 'other';
    this.#errors.set(kind, (this.#errors.get(kind) ?? 0) + 1);
    this.#intervalErrors++;
    if (step !== undefined) this.#step(step).errors++;
  }

  opened(ms: number): void {
    this.connects++;
    recordMs(this.#opening, ms);
  }

  storm(name: string): void {
    this.storms[name] = (this.storms[name] ?? 0) + 1;
  }

  takeInterval(): Pick<Sample, 'answers' | 'errors' | 'latency'> {
    const taken = { answers: this.#intervalAnswers, errors: this.#intervalErrors, latency: pack(this.#interval) };
    this.#interval.reset();
    this.#intervalAnswers = 0;
    this.#intervalErrors = 0;
    return taken;
  }

  get codes(): Record<string, number> {
    return Object.fromEntries(this.#errors);
  }

  get tally(): Tally {
    const { sent, answers, cut, cancelled, unsent, connects, reconnects, questions, notes, storms } = this;
    const steps = [...this.#steps].map(([name, count]) => [name, { ...count, latency: pack(count.latency) }] as const);
    return {
      sent,
      answers,
      cut,
      cancelled,
      unsent,
      connects,
      reconnects,
      questions,
      notes,
      storms,
      errors: this.codes,
      steps: Object.fromEntries(steps),
      opening: pack(this.#opening),
    };
  }

  #step(name: string): { answers: number; errors: number; latency: Histogram } {
    let count = this.#steps.get(name);
    if (count === undefined) this.#steps.set(name, (count = { answers: 0, errors: 0, latency: newHistogram() }));
    return count;
  }
}
