/** What nodes take for the same configuration of an upstream. */
import { expect, it } from 'vitest';

import { describeUpstreams } from '../../src/gateway/upstream-digest.ts';

it('a configuration is the same in whatever order its keys are written, and another where a value or the order of arguments is', () => {
  const one = { demo: { command: 'node', args: ['a', 'b'], env: { A: '1', B: '2' } }, other: { url: 'http://a.test' } };
  const written = {
    other: { url: 'http://a.test' },
    demo: { env: { B: '2', A: '1' }, args: ['a', 'b'], command: 'node' },
  };
  expect(describeUpstreams(written)).toBe(describeUpstreams(one));
  const others = [
    { ...one.demo, args: ['b', 'a'] },
    { ...one.demo, env: { A: '2', B: '1' } },
  ];
  for (const demo of others) expect(describeUpstreams({ ...one, demo })).not.toBe(describeUpstreams(one));
});
