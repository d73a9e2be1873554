import { describe, expect, it } from 'vitest';

import { CallerAudience } from '../../src/router/audience.ts';
import type { Caller, Outcome } from '../../src/router/exchange.ts';

const caller = (): Caller => ({}) as Caller;
const refused: Outcome = { error: { code: 1, message: 'no' } };

describe('CallerAudience', () => {
  it('reaches the upstream for the first watcher and after the last, whatever the order of asking', async () => {
    const audience = new CallerAudience(false);
    const [a, b] = [caller(), caller()];
    audience.join(a);
    audience.join(b);
    const sent: string[] = [];
    const send = (what: string) => async (): Promise<Outcome> => {
      sent.push(what);
      return { result: {} };
    };
    await Promise.all([
      audience.watch(a, 'u', send('a+')),
      audience.watch(b, 'u', send('b+')),
      audience.watch(a, 'u', send('a+ again')),
      audience.unwatch(a, 'u', send('a-')),
    ]);
    expect(sent).toEqual(['a+']);
    expect([...audience.watchers('u')]).toEqual([b]);
    await audience.unwatch(b, 'u', send('b-'));
    expect(sent).toEqual(['a+', 'b-']);
    expect([...audience.watched]).toEqual([]);
  });

  it('keeps no watcher that the upstream refused, or that left meanwhile', async () => {
    const audience = new CallerAudience(false);
    const [a, b] = [caller(), caller()];
    audience.join(a);
    expect(await audience.watch(a, 'u', async () => refused)).toBe(refused);
    expect([...audience.watched]).toEqual([]);
    const watching = audience.watch(b, 'u', async () => ({ result: {} }));
    audience.leave(b, () => {});
    await watching;
    expect([...audience.watched]).toEqual([]);
  });

  it('tells which resources nobody watches any more when a caller leaves', async () => {
    const audience = new CallerAudience(false);
    const [a, b] = [caller(), caller()];
    for (const each of [a, b]) audience.join(each);
    const ok = async (): Promise<Outcome> => ({ result: {} });
    await audience.watch(a, 'own', ok);
    await audience.watch(a, 'both', ok);
    await audience.watch(b, 'both', ok);
    const released: string[] = [];
    audience.leave(a, (uri) => released.push(uri));
    expect(released).toEqual(['own']);
  });
});
