/** Metrics of several processes as those of one Switchboard. */
import { expect, it } from 'vitest';

import { joinedMetrics } from '../../src/observe/joined-metrics.ts';

it('the metrics of several processes stand together, each sample with its node, and each metric is described once', () => {
  const textOf = (value: number): string =>
    [
      '# HELP calls_total Calls, "all" of them',
      '# TYPE calls_total counter',
      `calls_total{upstream="a",outcome="ok"} ${value}`,
      '# HELP seconds Time of a call',
      '# TYPE seconds histogram',
      `seconds_bucket{le="+Inf"} ${value}`,
      `seconds_sum 0.5`,
      '',
      '# TYPE open gauge',
      `open ${value}`,
      '',
    ].join('\n');
  const all = joinedMetrics([
    { node: 'worker-1', text: textOf(1) },
    { node: 'worker-2', text: textOf(2) },
    { node: 'worker-3', text: '' },
  ]);
  expect(all.split('\n').filter((line) => line !== '')).toEqual([
    '# HELP calls_total Calls, "all" of them',
    '# TYPE calls_total counter',
    'calls_total{node="worker-1",upstream="a",outcome="ok"} 1',
    'calls_total{node="worker-2",upstream="a",outcome="ok"} 2',
    '# HELP seconds Time of a call',
    '# TYPE seconds histogram',
    'seconds_bucket{node="worker-1",le="+Inf"} 1',
    'seconds_sum{node="worker-1"} 0.5',
    'seconds_bucket{node="worker-2",le="+Inf"} 2',
    'seconds_sum{node="worker-2"} 0.5',
    '# TYPE open gauge',
    'open{node="worker-1"} 1',
    'open{node="worker-2"} 2',
  ]);
});
