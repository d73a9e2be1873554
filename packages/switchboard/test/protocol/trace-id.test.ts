import { expect, it } from 'vitest';

import { httpUrl, traceUrl } from '../../src/gateway/option-types.ts';
import { traceIdOf } from '../../src/protocol/trace-id.ts';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';

it.each([
  [`00-${ID}-00f067aa0ba902b7-01`, ID],
  [`cc-${ID}-00f067aa0ba902b7-01-what-will-be`, ID],
  [`00-${ID.toUpperCase()}-00f067aa0ba902b7-01`, undefined],
  [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, undefined],
  [`00-${ID}"><img src=x>-00f067aa0ba902b7-01`, undefined],
  [17, undefined],
  [undefined, undefined],
])('of the trace context %s the id is %s', (traceparent, id) => {
  expect(traceIdOf({ _meta: { traceparent } })).toBe(id);
});

it('has none where there are no params, or their _meta is no object', () => {
  expect([traceIdOf(undefined), traceIdOf({}), traceIdOf({ _meta: 'x' })]).toEqual([undefined, undefined, undefined]);
});

it.each(['', 'https://jaeger.example.com/trace/{traceId}', 'http://127.0.0.1:3000/explore?left=%5B{traceId}%5D'])(
  'an address of traces may be %s',
  (text) => expect(traceUrl.parse(text)).toBe(text),
);

it.each([
  'https://jaeger.example.com/trace/',
  'javascript:alert("{traceId}")',
  'https://{traceId}.example.com/',
  'https://ann:secret@jaeger.example.com/{traceId}',
  '/trace/{traceId}',
])('an address of traces may not be %s', (text) => {
  expect(() => traceUrl.parse(text)).toThrow('expected a URL with http or https and {traceId}');
});

it('is refused without its password in the error', () => {
  for (const text of ['https://ann:s3c:r@t/@jaeger.example.com/{traceId}', 'https:ann:s3c@host/', 'ann:s3c@host']) {
    for (const type of [traceUrl, httpUrl]) {
      const { error } = type.safeParse(text);
      expect(error?.issues[0]?.message).toContain('…@');
      expect(error?.issues[0]?.message).not.toMatch(/s3c|r@t/);
    }
  }
});
