/** What a run may not pass: `p99>50ms,errors>0,crossed>0`. Each is written as what is bad. */
import { SimulatorError } from './errors.ts';
import type { Result } from './result.ts';
import { parseDuration, parseShare, parseSize, showDuration, showNumber, showShare, showSize } from './units.ts';

interface Measure {
  meaning: string;
  read(text: string): number | undefined;
  show(value: number): string;
  /** Undefined where it was not measured. */
  of(result: Result): number | undefined;
}

const count = {
  read: (text: string) => (/^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined),
  show: showNumber,
};
const time = { read: parseDuration, show: showDuration };
const size = { read: parseSize, show: showSize };
const share = { read: parseShare, show: showShare };

/** What can be compared; the reference page has the same table. */
export const MEASURES: Readonly<Record<string, Measure>> = {
  rate: { ...count, meaning: 'answers a second', of: ({ rate }) => rate },
  p50: { ...time, meaning: 'the median of latency', of: ({ latency }) => latency.p50 },
  p95: { ...time, meaning: 'its 95th percentile', of: ({ latency }) => latency.p95 },
  p99: { ...time, meaning: 'its 99th percentile', of: ({ latency }) => latency.p99 },
  max: { ...time, meaning: 'the longest', of: ({ latency }) => latency.max },
  answers: { ...count, meaning: 'answered steps', of: ({ answers }) => answers },
  errors: { ...count, meaning: 'all errors', of: ({ errorCount }) => errorCount },
  errorRate: {
    ...share,
    meaning: 'errors as a share of what was sent',
    of: (result) => result.errorCount / Math.max(1, result.sent),
  },
  crossed: { ...count, meaning: 'messages at the wrong client or call', of: ({ truth }) => truth.crossed },
  lost: { ...count, meaning: 'calls without an answer', of: ({ truth }) => truth.lost },
  doubled: { ...count, meaning: 'messages that came again', of: ({ truth }) => truth.doubled },
  disordered: { ...count, meaning: 'progress notes out of order', of: ({ truth }) => truth.disordered },
  unproven: { ...count, meaning: 'answers without the tag of their call', of: ({ truth }) => truth.unproven },
  unsent: { ...count, meaning: 'calls of `--rate` that never began', of: ({ unsent }) => unsent },
  reconnects: { ...count, meaning: 'connections made anew', of: ({ reconnects }) => reconnects },
  memory: { ...size, meaning: 'the most memory of the process tree', of: ({ processes }) => processes?.peakRss },
  orphans: { ...count, meaning: 'processes left after the run', of: ({ processes }) => processes?.leftovers.length },
};

export interface Threshold {
  text: string;
  measure: string;
  operator: string;
  limit: number;
}

export interface Verdict {
  threshold: string;
  /** As a person reads it. */
  found: string;
  kept: boolean;
}

const OPERATORS: Readonly<Record<string, (found: number, limit: number) => boolean>> = {
  '>': (found, limit) => found > limit,
  '>=': (found, limit) => found >= limit,
  '<': (found, limit) => found < limit,
  '<=': (found, limit) => found <= limit,
};

/** @throws {SimulatorError} `SIM_USAGE` naming the part that cannot be read */
export function parseThresholds(text: string): Threshold[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      const [, measure = '', operator = '', value = ''] = /^(\w+)\s*(>=|<=|>|<)\s*(.+)$/.exec(part) ?? [];
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

/** What was not measured was not kept: nobody shall take silence for success. */
export function judge(result: Result, thresholds: readonly Threshold[]): Verdict[] {
  return thresholds.map(({ text, measure, operator, limit }) => {
    const { of, show } = MEASURES[measure]!;
    const found = of(result);
    if (found === undefined) return { threshold: text, found: 'not measured; give --pid on Linux', kept: false };
    return { threshold: text, found: show(found), kept: !OPERATORS[operator]!(found, limit) };
  });
}
