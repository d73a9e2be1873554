/** The dashboard asks for nothing that is not there. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { METRICS } from '../../src/observe/metric-table.ts';
import { labelsIn, labelsOf, namesIn, unknownIn, whole } from '../support/queries.ts';

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
describe('the dashboard', () => {
  it('uses only metrics that /metrics has, histograms by their parts', async () => {
    expect(new Set(queries.flatMap(namesIn)).size).toBeGreaterThan(15);
    expect(await unknownIn(queries)).toEqual([]);
  });

  it('uses only labels that its metrics have', () => {
    for (const query of queries) {
      expect(labelsOf(query), query).toEqual(expect.arrayContaining(labelsIn(query)));
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
