/** What queries for Prometheus ask for, and whether Switchboard has it. */
import { METRICS } from '../../src/observe/metric-table.ts';
import type { MetricEntry } from '../../src/observe/metric-table.ts';
import { Metrics } from '../../src/observe/metrics.ts';

const table: Readonly<Record<string, MetricEntry>> = METRICS;

/** What is asked of a histogram is one of its parts. */
export const whole = (name: string): string => name.replace(/_(bucket|sum|count)$/, '');
export const namesIn = (query: string): string[] => query.match(/\b(switchboard|process|nodejs)_\w+/g) ?? [];

/** What Prometheus itself adds to each sample. */
const ADDED = ['instance', 'job', 'le'];

/** Label names: in braces before an operator, after `by`, and what a variable is filled with. */
export function labelsIn(query: string): string[] {
  const inBraces = [...query.matchAll(/(\w+)=~?"/g)].map(([, label]) => label!);
  const after = [...query.matchAll(/\bby \(([^)]*)\)|label_values\(\w+, (\w+)\)/g)].flatMap(([, by, of]) =>
    (by ?? of!).split(',').map((label) => label.trim()),
  );
  return [...inBraces, ...after];
}

/** The labels that the metrics of a query have. */
export const labelsOf = (query: string): string[] => [
  ...namesIn(query).flatMap((name) => table[name]?.labels ?? table[whole(name)]?.labels ?? []),
  ...ADDED,
];

/** The names that `/metrics` does not have; a histogram has only its parts. */
export async function unknownIn(queries: readonly string[]): Promise<string[]> {
  const text = await new Metrics('1').text({
    parked: 0,
    bytesIn: 0,
    bytesOut: 0,
    queuedBytes: 0,
    storeLagMs: 0,
    inFlight: new Map(),
    replayBytes: 0,
    upstreams: {},
  });
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]));
  return [...new Set(queries.flatMap(namesIn))].filter((name) =>
    types.get(whole(name)) === 'histogram' ? name === whole(name) : !types.has(name),
  );
}
