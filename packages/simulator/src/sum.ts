/** What all threads counted, as one. */
import { round } from './units.ts';
import type { Latency } from './result.ts';
import { newHistogram, percentile, unpack } from './stats.ts';
import type { Histogram, Tally } from './stats.ts';

export interface Sum extends Omit<Tally, 'steps' | 'opening'> {
  opening: Histogram;
  steps: Record<string, { answers: number; errors: number; latency: Histogram }>;
}

/** The tallies of all threads as one. */
export function sum(tallies: readonly Tally[]): Sum {
  const total = (name: keyof Tally): number => tallies.reduce((all, tally) => all + (tally[name] as number), 0);
  const merged = (name: 'errors' | 'storms'): Record<string, number> => addUp(tallies.map((tally) => tally[name]));
  const opening = newHistogram();
  const steps: Sum['steps'] = {};
  for (const tally of tallies) {
    opening.add(unpack(tally.opening));
    for (const [name, { answers, errors, latency }] of Object.entries(tally.steps)) {
      const step = (steps[name] ??= { answers: 0, errors: 0, latency: newHistogram() });
      step.answers += answers;
      step.errors += errors;
      step.latency.add(unpack(latency));
    }
  }
  return {
    sent: total('sent'),
    answers: total('answers'),
    cut: total('cut'),
    cancelled: total('cancelled'),
    unsent: total('unsent'),
    connects: total('connects'),
    reconnects: total('reconnects'),
    questions: total('questions'),
    notes: total('notes'),
    errors: merged('errors'),
    storms: merged('storms'),
    opening,
    steps,
  };
}

export function latencyOf(histogram: Histogram): Latency {
  const at = (p: number): number => percentile(histogram, p);
  const empty = histogram.totalCount === 0;
  return {
    min: empty ? 0 : histogram.minNonZeroValue / 1000,
    mean: empty ? 0 : round(histogram.mean / 1000),
    p50: at(50),
    p75: at(75),
    p90: at(90),
    p95: at(95),
    p99: at(99),
    p999: at(99.9),
    max: empty ? 0 : histogram.maxValue / 1000,
  };
}

/** Numbers of the same name together. */
export function addUp(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  // Servers choose names: one may be that of something that every object has.
  const all = new Map<string, number>();
  for (const part of parts)
    for (const [name, value] of Object.entries(part)) all.set(name, (all.get(name) ?? 0) + value);
  return Object.fromEntries(all);
}
