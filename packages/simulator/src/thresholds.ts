/** What a run may not pass: `p99>50ms,errors>0,crossed>0`. Each is written as what is bad. */
import { SimulatorError } from './errors.ts';
import type { Result, Verdict } from './result.ts';
import { parseDuration, parseShare, parseSize, showDuration, showNumber, showShare, showSize } from './units.ts';

interface Measure {
  meaning: string;
  read(text: string): number | undefined;
  show(value: number): string;
  /** Undefined where it was not measured. */
  of(result: Result): number | undefined;
  /** How to have it measured, where it was not. */
  needs?: string;
}

const answered = (result: Result, value: number): number | undefined => (result.answers === 0 ? undefined : value);

const count = {
  read: (text: string) => (/^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined),
  show: showNumber,
};
const latency = { read: parseDuration, show: showDuration, needs: 'nothing was answered' };
const NEEDS_PID = 'give --pid on Linux';
const size = { read: parseSize, show: showSize };
const share = { read: parseShare, show: showShare };

/** What can be compared; the reference page has the same table. */
export const MEASURES: Readonly<Record<string, Measure>> = {
  rate: { ...count, meaning: 'answers a second', of: ({ rate }) => rate },
  p50: { ...latency, meaning: 'the median of latency', of: (result) => answered(result, result.latency.p50) },
  p95: { ...latency, meaning: 'its 95th percentile', of: (result) => answered(result, result.latency.p95) },
  p99: { ...latency, meaning: 'its 99th percentile', of: (result) => answered(result, result.latency.p99) },
  'p99.9': { ...latency, meaning: 'its 99.9th percentile', of: (result) => answered(result, result.latency.p999) },
  max: { ...latency, meaning: 'the longest', of: (result) => answered(result, result.latency.max) },
  answers: { ...count, meaning: 'answered steps', of: ({ answers }) => answers },
  errors: {
    ...count,
    meaning: 'all errors; with a limit such as `1%`, the same as `errorRate`',
    of: ({ errorCount }) => errorCount,
  },
  errorRate: {
    ...share,
    meaning: 'errors as a share of what was sent',
    of: ({ errorCount, sent }) => errorCount / Math.max(1, sent, errorCount),
  },
  crossed: { ...count, meaning: 'messages at the wrong client or call', of: ({ integrity }) => integrity.crossed },
  lost: { ...count, meaning: 'calls without an answer', of: ({ integrity }) => integrity.lost },
  doubled: { ...count, meaning: 'messages that came again', of: ({ integrity }) => integrity.doubled },
  disordered: { ...count, meaning: 'progress notes out of order', of: ({ integrity }) => integrity.disordered },
  unproven: {
    ...count,
    meaning: 'answers without the correlation id of their call',
    of: ({ integrity }) => integrity.unproven,
  },
  unsent: { ...count, meaning: 'calls of `--rate` that never began', of: ({ unsent }) => unsent },
  reconnects: { ...count, meaning: 'connections made again', of: ({ reconnects }) => reconnects },
  memory: {
    ...size,
    meaning: 'the most memory of the process tree',
    of: ({ processes }) => processes?.peakRss,
    needs: NEEDS_PID,
  },
  orphans: {
    ...count,
    meaning: 'processes left after the run',
    of: ({ processes }) => processes?.leftovers.length,
    needs: NEEDS_PID,
  },
};

/** A limit for one of the measures of a run. */
export interface Threshold {
  text: string;
  measure: string;
  operator: string;
  limit: number;
}

/** Measures whose name is not what a person would call them. */
const LABELS: Readonly<Record<string, string>> = { errorRate: 'errors' };

/** When a threshold is broken, and what its limit is called. */
const OPERATORS: Readonly<
  Record<string, { breaks(found: number, limit: number): boolean; limit(shown: string): string }>
> = {
  '>': { breaks: (found, limit) => found > limit, limit: (shown) => `limit ${shown}` },
  '>=': { breaks: (found, limit) => found >= limit, limit: (shown) => `must be below ${shown}` },
  '<': { breaks: (found, limit) => found < limit, limit: (shown) => `at least ${shown}` },
  '<=': { breaks: (found, limit) => found <= limit, limit: (shown) => `must be above ${shown}` },
};

/** @throws {SimulatorError} `SIM_USAGE` naming the part that cannot be read */
export function parseThresholds(text: string): Threshold[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      const [, name = '', operator = '', value = ''] = /^([\w.]+)\s*(>=|<=|>|<)\s*(.+)$/.exec(part) ?? [];
      const measure = name === 'errors' && value.endsWith('%') ? 'errorRate' : name;
      if (!Object.hasOwn(MEASURES, measure)) {
        const names = Object.keys(MEASURES).join(', ');
        throw new SimulatorError(
          'SIM_USAGE',
          `--fail-on: ${JSON.stringify(part)} does not begin with one of ${names} and > or <`,
        );
      }
      const limit = MEASURES[measure]!.read(value);
      if (limit === undefined) {
        throw new SimulatorError(
          'SIM_USAGE',
          `--fail-on: ${JSON.stringify(value)} in ${JSON.stringify(part)} cannot be read`,
        );
      }
      return { text: part, measure, operator, limit };
    });
}

/** Compares a result with the limits. What was not measured breaks its threshold, so that silence is never taken for success. */
export function judge(result: Result, thresholds: readonly Threshold[]): Verdict[] {
  return thresholds.map(({ text: threshold, measure, operator, limit }) => {
    const { of, show, needs } = MEASURES[measure]!;
    const { breaks, limit: nameLimit } = OPERATORS[operator]!;
    const found = of(result);
    const shown = found === undefined ? `not measured, ${needs}` : show(found);
    const text = `${LABELS[measure] ?? measure}: ${shown} (${nameLimit(show(limit))})`;
    return { threshold, text, kept: found !== undefined && !breaks(found, limit) };
  });
}
