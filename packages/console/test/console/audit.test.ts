import { describe, expect, it } from 'vitest';
import { extentOf, idsOf } from '../../src/pages/console/audit-line.ts';
import { addressTime, isAgo, localTime, spanOf } from '../../src/pages/console/audit-times.ts';

const line = (nr: number, more: object = {}): Record<string, unknown> => ({
  time: '2026-11-29T22:00:00.000Z',
  type: 'request.ended',
  exchange: `call ${nr}`,
  ...more,
});

describe('a line of the audit log', () => {
  it('has the same name whichever search found it, and whether its contents are shown or not', () => {
    const [one, two] = [line(1, { params: { text: 'content' } }), line(2)];
    const [name] = idsOf([one, two]);
    const operator = {
      time: '2026-11-29T22:00:01.000Z',
      type: 'operator.acted',
      operator: 'olga',
      action: 'GET /audit',
    };
    expect(idsOf([operator, two, line(1)])[2]).toBe(name);
    expect(name).toMatch(/^[\w-]{6,24}$/);
  });

  it('has a name of its own, also beside one that says the same, or nothing at all', () => {
    const ids = idsOf([line(1), line(1), line(2), {}, {}, { time: { toString: 1 }, type: null }]);
    expect(new Set(ids).size).toBe(6);
  });

  it('is said to be all that fit only where the log was read to its beginning', () => {
    const lines = [line(1), line(2)];
    const searchedBytes = 32 * 1024 * 1024;
    expect(extentOf({ lines, searchedBytes })).toBe('2 lines, all that fit');
    expect(extentOf({ lines: [], searchedBytes })).toBe('No line of the audit log fits.');
    expect(extentOf({ lines, searchedBytes, before: 7 })).toBe('2 lines in the newest 32 MiB of the log');
    expect(extentOf({ lines: [], searchedBytes, before: 7 })).toBe('No line in the newest 32 MiB of the log fits.');
  });
});

describe('the times of a search', () => {
  const now = Date.UTC(2026, 10, 30, 12, 30, 15);

  it.each(['2026-11-29T22:00:00Z', '2026-07-01T05:06:07Z', '1999-12-31T23:59:59Z'])(
    '%s is shown in the zone of the reader, and is the same again in the address',
    (text) => {
      const local = localTime(text, now);
      expect(Date.parse(local)).toBe(Date.parse(text));
      expect(addressTime(local)).toBe(text);
      // As Chromium says a field back.
      expect(local).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::(?!00)\d\d)?$/);
    },
  );

  it('are a span that ends now, or exact ones, of which how long ago is one too', () => {
    expect([spanOf({}), spanOf({ since: '24h' }), spanOf({ since: '90' })]).toEqual(['', '24h', '90']);
    expect(spanOf({ since: '2026-11-29T22:00:00Z' })).toBe('exact');
    expect(spanOf({ since: '24h', until: '1h' })).toBe('exact');
    expect([isAgo('1.5 h'), isAgo('2026')]).toEqual([true, true]);
    expect(Date.parse(localTime('1h', now))).toBe(now - 3_600_000);
    expect(Date.parse(localTime('90', now))).toBe(now - 90_000);
  });

  it.each(['', 'yesterday', '5 parsecs', '+275760-09-13T00:00:00Z', '99999999999d'])(
    '%j is no time, and shows none',
    (text) => {
      expect(localTime(text, now)).toBe('');
      expect(addressTime(text === '+275760-09-13T00:00:00Z' ? '' : text)).toBe('');
    },
  );
});
