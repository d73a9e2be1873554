/** The dashboard asks for nothing that is not there. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { METRICS } from '../../src/observe/metric-table.ts';
import type { MetricEntry } from '../../src/observe/metric-table.ts';
import { Metrics } from '../../src/observe/metrics.ts';

interface Panel {
  title: string;
  targets?: { expr: string }[];
}

const dashboard = JSON.parse(
  readFileSync(new URL('../../../../docs/grafana/switchboard.json', import.meta.url), 'utf8'),
) as { panels: Panel[]; templating: { list: { definition?: string }[] } };

const queries = [
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.flatMap(({ definition }) => definition ?? []),
];
const table: Readonly<Record<string, MetricEntry>> = METRICS;
/** What is asked of a histogram is one of its parts. */
const whole = (name: string): string => name.replace(/_(bucket|sum|count)$/, '');
const namesIn = (query: string): string[] => query.match(/\b(switchboard|process|nodejs)_\w+/g) ?? [];

/** What Prometheus itself adds to each sample. */
const ADDED = ['instance', 'le'];

/** Label names: in braces before an operator, after `by`, and what a variable is filled with. */
function labelsIn(query: string): string[] {
  const inBraces = [...query.matchAll(/(\w+)=~?"/g)].map(([, label]) => label!);
  const after = [...query.matchAll(/\bby \(([^)]*)\)|label_values\(\w+, (\w+)\)/g)].flatMap(([, by, of]) =>
    (by ?? of!).split(',').map((label) => label.trim()),
  );
  return [...inBraces, ...after];
}

describe('the dashboard', () => {
  it('uses only metrics that /metrics has, histograms by their parts', async () => {
    const metrics = new Metrics('1');
    const text = await metrics.text({
      parked: 0,
      bytesIn: 0,
      bytesOut: 0,
      queuedBytes: 0,
      inFlight: new Map(),
      replayBytes: 0,
      upstreams: {},
    });
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]));
    const used = new Set(queries.flatMap(namesIn));
    expect(used.size).toBeGreaterThan(15);
    const unknown = [...used].filter((name) =>
      types.get(whole(name)) === 'histogram' ? name === whole(name) : !types.has(name),
    );
    expect(unknown).toEqual([]);
  });

  it('uses only labels that its metrics have', () => {
    for (const query of queries) {
      const has = namesIn(query).flatMap((name) => table[name]?.labels ?? table[whole(name)]?.labels ?? []);
      expect([...has, ...ADDED], query).toEqual(expect.arrayContaining(labelsIn(query)));
    }
  });

  it('shows every metric of requests, clients and upstreams', () => {
    const used = new Set(queries.flatMap(namesIn).map(whole));
    const hidden = Object.keys(METRICS).filter(
      (name) => !used.has(name) && !/_(connections|sessions|starts)_total$/.test(name),
    );
    expect(hidden).toEqual(['switchboard_member_memory_bytes']);
  });
});
