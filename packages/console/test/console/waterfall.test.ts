import { describe, expect, it } from 'vitest';
import { stagesOf, type Way } from '../../src/pages/console/waterfall.tsx';

const wayOf = (way: Partial<Way>): string[] =>
  stagesOf({ times: {}, ms: 0, isRunning: false, isForAll: false, ...way }).map(
    ({ where, what, from, to }) => `${from}-${to} ${where} ${what}`,
  );

describe('the way of a request', () => {
  it('goes from its turn to the server and back, without gaps', () => {
    const times = { turn: 2, server: 5, sent: 6, progress: 40, answered: 90 };
    expect(wayOf({ times, ms: 91 })).toEqual([
      '0-2 Switchboard waited for its turn',
      '2-5 Switchboard waited for the server to be ready',
      '5-6 Switchboard handed it to the server',
      '6-40 Server worked until its first progress',
      '40-90 Server worked on until its answer',
      '90-91 Switchboard gave the answer to the client',
    ]);
  });

  it.each<[string, Partial<Way>, string]>([
    ['in the queue', { ms: 7, isRunning: true }, '0-7 Switchboard waited for its turn'],
    [
      'a server that does not start',
      { times: { turn: 0 }, ms: 7, isRunning: true },
      '0-7 Switchboard waited for the server to be ready',
    ],
    ['a server that works', { times: { turn: 0, server: 0, sent: 1 }, ms: 7, isRunning: true }, '1-7 Server worked'],
    ['a server that was cancelled', { times: { turn: 0, server: 0, sent: 1 }, ms: 7 }, '1-7 Server worked'],
    [
      'all servers at once',
      { times: { answered: 6 }, ms: 6, isForAll: true, isRunning: true },
      '0-6 Server several at once, until all had answered',
    ],
    [
      'an answer behind a progress note',
      { times: { turn: 0, server: 0, sent: 1, progress: 2, answered: 3, held: 5 }, ms: 3 },
      '3-8 Switchboard kept the answer behind its progress',
    ],
    [
      'a clock that is a second late',
      { times: { turn: 800, server: 800, sent: 801 }, ms: 300, isRunning: true },
      '801-801 Server worked',
    ],
  ])('ends where it is: %s', (_, way, last) => {
    expect(wayOf(way).at(-1)).toBe(last);
  });

  it('that was cancelled has no answer, and what Switchboard refused was not handed on', () => {
    const sent = { turn: 0, server: 0, sent: 1, answered: 6 };
    expect(wayOf({ times: sent, ms: 7, isCancelled: true }).at(-1)).toBe(
      '1-6 Server worked until the call was cancelled',
    );
    expect(wayOf({ times: { turn: 0, server: 0, answered: 6 }, ms: 7 }).slice(-2)).toEqual([
      '0-6 Switchboard answered it itself, without the server',
      '6-7 Switchboard gave the answer to the client',
    ]);
  });

  it('that Switchboard answered itself says how far it came', () => {
    expect(wayOf({ times: { turn: 1, answered: 4 }, ms: 5 })).toEqual([
      '0-1 Switchboard waited for its turn',
      '1-4 Switchboard waited for the server to be ready',
      '4-5 Switchboard gave the answer to the client',
    ]);
  });
});
