/** Logs of a Redis store of which several processes think that they are theirs, and those that cannot be written. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { RedisConnection } from '../../src/stores/redis-connection.ts';
import { RedisLogs } from '../../src/stores/redis-logs.ts';
import type { KeepOptions, Log, StoreNotice } from '../../src/stores/store.ts';
import { RedisServer } from '../support/redis.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.kill());

/** What scripts it is asked for, and a fault on the way to it. */
class Line extends RedisConnection {
  readonly ran: string[] = [];
  isCut = false;
  onRun = (): void => {};

  override async run(...args: Parameters<RedisConnection['run']>): Promise<unknown> {
    this.ran.push(args[0]);
    this.onRun();
    if (this.isCut) throw new Error('cut');
    return super.run(...args);
  }
}

let clusters = 0;

/** What processes have that use the same prefix. */
function processes(count: number) {
  const prefix = `logs${++clusters}:`;
  const now = { ms: 0 };
  const all = Array.from({ length: count }, () => {
    const notices: StoreNotice[] = [];
    const line = new Line({ url: server.url, onFailure() {}, onReady() {} });
    const logs = new RedisLogs({
      connection: line,
      prefix,
      onNotice: (notice) => notices.push(notice),
      now: () => now.ms,
    });
    onTestFinished(async () => {
      await logs.close();
      line.close();
    });
    return { line, logs, notices };
  });
  const [a, b = a!, c = a!] = all;
  return { a: a!, b, c, prefix, now };
}

const add = (log: Log, ...entries: string[]): Log => {
  for (const entry of entries) log.append(entry);
  return log;
};
const textOf = async (log: Log | undefined): Promise<string> => [...((await log?.after(0)) ?? ['nothing'])].join('');
/** What somebody finds who takes it over. */
const found = async (logs: RedisLogs, name = 'log'): Promise<string> => textOf(await logs.recall(name, {}));

describe('a log of two healthy nodes', () => {
  it('is that of whoever has recalled it last: what the former one writes, touches or ends is refused, and said once', async () => {
    const { a, b, c } = processes(3);
    const old = add(a.logs.open('log', {}), 'a');
    await a.logs.flush();
    const taken = await b.logs.recall('log', {});
    add(taken!, 'b');
    await b.logs.flush();
    add(old, 'x', 'y', 'z');
    await a.logs.flush();
    old.end();
    await a.logs.flush();
    expect(a.notices).toEqual([{ type: 'fenced', name: 'log' }]);
    await taken!.leave();
    expect(await found(c.logs)).toBe('ab');
    // The one that lost it reads what the others wrote.
    expect(await found(a.logs)).toBe('ab');
  });

  it('is written by the one that took it over, also where it was lost and the former one is first to write it again', async () => {
    const { a, b, c, prefix } = processes(3);
    const old = add(a.logs.open('log', {}), 'a');
    await a.logs.flush();
    const taken = add((await b.logs.recall('log', {}))!, 'b');
    await b.logs.flush();
    await server.ask('DEL', `${prefix}log:log`, `${prefix}entries:log`);
    add(old, 'x', 'y');
    await a.logs.flush();
    add(taken, 'c');
    await b.logs.flush();
    add(old, 'z');
    await a.logs.flush();
    expect(await found(c.logs)).toBe('abc');
  });

  it('goes on where a replica took over that knew only the former one', async () => {
    const { a, b, c, prefix } = processes(3);
    add(a.logs.open('log', {}), 'a');
    await a.logs.flush();
    const former = /\d{10,}/.exec(await server.ask('HGET', `${prefix}log:log`, 'claim'))![0];
    const taken = add((await b.logs.recall('log', {}))!, 'b');
    await b.logs.flush();
    await server.ask('HSET', `${prefix}log:log`, 'claim', former, 'last', '1');
    await server.ask('LTRIM', `${prefix}entries:log`, '0', '0');
    add(taken, 'c');
    await b.logs.flush();
    expect([b.notices, await found(c.logs)]).toEqual([[], 'abc']);
  });

  it('that was lost is written as it is when that is known, without what was given up meanwhile', async () => {
    const { a, b, prefix } = processes(2);
    const log = add(a.logs.open('log', {}), 'a', 'b', 'c');
    await a.logs.flush();
    await server.ask('DEL', `${prefix}log:log`, `${prefix}entries:log`);
    add(log, 'd');
    a.line.onRun = () => log.trim(2);
    await a.logs.flush();
    const recalled = await b.logs.recall('log', {});
    expect([await textOf(recalled), recalled!.last]).toEqual(['cd', 4]);
  });

  it('that was given up elsewhere, though it is used here, is written as a whole with the next entry', async () => {
    const { a, b, c } = processes(3);
    const log = add(a.logs.open('log', {}), 'a');
    await a.logs.flush();
    const dropped = await b.logs.recall('log', {});
    add(log, 'b');
    await a.logs.flush();
    dropped!.end();
    await b.logs.flush();
    add(log, 'c');
    await log.leave();
    expect(await found(c.logs)).toBe('abc');
  });
});

describe('a log that could not be written when it was let go of', () => {
  it('is written later, and whoever recalls it there waits for that', async () => {
    const { a, b } = processes(2);
    const log = add(a.logs.open('log', {}), 'a');
    await a.logs.flush();
    add(log, 'b');
    a.line.isCut = true;
    await expect(log.leave()).rejects.toThrow('cut');
    await expect(a.logs.recall('log', {})).rejects.toThrow('cut');
    a.line.isCut = false;
    const [recalled, same] = await Promise.all([a.logs.recall('log', {}), a.logs.recall('log', {})]);
    expect([await textOf(recalled), recalled === same]).toEqual(['ab', true]);
    await add(recalled!, 'c').leave();
    expect(await found(b.logs)).toBe('abc');
  });

  it('is not written any more once another has gone on with it, whose entries are found everywhere', async () => {
    const { a, b, c } = processes(3);
    const log = add(a.logs.open('log', {}), 'a');
    await a.logs.flush();
    add(log, 'b');
    a.line.isCut = true;
    await expect(log.leave()).rejects.toThrow('cut');
    await add((await b.logs.recall('log', {}))!, 'c', 'd', 'e').leave();
    a.line.isCut = false;
    expect(await found(a.logs)).toBe('acde');
    expect([await found(c.logs), a.notices]).toEqual(['acde', [{ type: 'fenced', name: 'log' }]]);
  });

  it.each([1, 0])('does not replace one that another has begun under the name (it had begun: %i)', async (hadBegun) => {
    const { a, b, c } = processes(3);
    const log = add(a.logs.open('log', {}), 'a', 'b');
    if (hadBegun === 1) await a.logs.flush();
    a.line.isCut = true;
    await expect(log.leave()).rejects.toThrow('cut');
    const newer = add(b.logs.open('log', {}), 'z');
    await b.logs.flush();
    a.line.isCut = false;
    await a.logs.flush();
    await newer.leave();
    expect(await found(c.logs)).toBe('z');
  });

  it('is not taken for written by a write that had begun before its last entry', async () => {
    const { a, b } = processes(2);
    const log = add(a.logs.open('log', {}), 'a');
    let leaving: Promise<void> | undefined;
    a.line.onRun = () => {
      a.line.onRun = () => void (a.line.isCut = true);
      queueMicrotask(() => void (leaving = add(log, 'b').leave()));
    };
    await a.logs.flush().catch(() => {});
    await expect(leaving).rejects.toThrow('cut');
    a.line.onRun = () => {};
    a.line.isCut = false;
    expect(await found(a.logs)).toBe('ab');
    expect(await found(b.logs)).toBe('ab');
  });

  it('is given up for one that is begun in its place in the same process', async () => {
    const { a, b } = processes(2);
    const log = add(a.logs.open('log', {}), 'a', 'b');
    await a.logs.flush();
    a.line.isCut = true;
    await expect(log.leave()).rejects.toThrow('cut');
    const newer = add(a.logs.open('log', {}), 'z');
    a.line.isCut = false;
    await newer.leave();
    expect([await found(b.logs), a.notices]).toEqual(['z', []]);
  });
});

describe('a log of another version', () => {
  it('that knows of no claims is gone on with, and goes on there', async () => {
    const { a, b, c, prefix } = processes(3);
    await server.ask('RPUSH', `${prefix}entries:log`, 'ta', 'tb');
    await server.ask('HSET', `${prefix}log:log`, 'last', '2', 'start', '0');
    await add((await a.logs.recall('log', {}))!, 'c').leave();
    // The older one appends, and leaves the claim as it is.
    await server.ask('RPUSH', `${prefix}entries:log`, 'td');
    await server.ask('HSET', `${prefix}log:log`, 'last', '4', 'start', '0');
    const back = add((await b.logs.recall('log', {}))!, 'e');
    await b.logs.flush();
    // The older one has begun it again.
    await server.ask('DEL', `${prefix}entries:log`, `${prefix}log:log`);
    await server.ask('RPUSH', `${prefix}entries:log`, 'ta', 'tb', 'tc', 'td', 'te');
    await server.ask('HSET', `${prefix}log:log`, 'last', '5', 'start', '0');
    await add(back, 'f').leave();
    expect([await found(c.logs), b.notices]).toEqual(['abcdef', []]);
  });
});

describe('a flush', () => {
  it('ends while entries come all the time, and has written those of before', async () => {
    const { a, b } = processes(2);
    const log = add(a.logs.open('log', {}), 'a');
    let left = 50;
    a.line.onRun = () => {
      if (left-- > 0) log.append('x');
    };
    await a.logs.flush();
    a.line.onRun = () => {};
    expect(a.line.ran.length).toBeLessThanOrEqual(2);
    expect((await found(b.logs)).startsWith('a')).toBe(true);
  });

  const unknown: KeepOptions = { under: { name: 'forgotten', owner: 'one', epoch: 1 } };

  it('that fails for one log has written all others; one that was let go of is given up when its lease does not come back', async () => {
    const { a, b, now } = processes(2);
    const stuck = add(a.logs.open('stuck', unknown), 'a');
    await expect(stuck.leave()).rejects.toMatchObject({ code: 'SWB_STORE_UNAVAILABLE' });
    const others = Array.from({ length: 600 }, (_, n) => add(a.logs.open(`other ${n}`, {}), 'b'));
    await expect(a.logs.flush()).rejects.toMatchObject({ code: 'SWB_STORE_UNAVAILABLE' });
    expect(await Promise.all([0, 599].map((n) => found(b.logs, `other ${n}`)))).toEqual(['b', 'b']);
    // Others wait no longer than ever to be written, and can be let go of.
    await expect(add(a.logs.open('one more', {}), 'c').leave()).resolves.toBeUndefined();
    a.line.ran.length = 0;
    add(others[1]!, 'c');
    await expect.poll(() => a.line.ran, { interval: 5 }).toContain('append');
    expect(a.notices).toEqual([]);
    now.ms = 10_000;
    await a.logs.flush();
    expect(a.notices).toEqual([{ type: 'fenced', name: 'stuck' }]);
    a.line.ran.length = 0;
    await a.logs.flush();
    expect(a.line.ran).toEqual([]);
    expect(await a.logs.recall('stuck', unknown)).toBeUndefined();
  });

  it('of the end writes what can be written, whatever else cannot', async () => {
    const { a, b } = processes(2);
    add(a.logs.open('stuck', unknown), 'a');
    for (let n = 0; n < 600; n++) add(a.logs.open(`log ${n}`, {}), 'b');
    await a.logs.close();
    expect(await found(b.logs, 'log 599')).toBe('b');
  });
});

it('a log is kept for its whole time from when it is recalled', async () => {
  const { a, b, prefix } = processes(2);
  await add(a.logs.open('log', { ttlMs: 60_000 }), 'a').leave();
  for (const key of ['log', 'entries']) await server.ask('PEXPIRE', `${prefix}${key}:log`, '1000');
  await b.logs.recall('log', { ttlMs: 60_000 });
  const left = await Promise.all(['log', 'entries'].map((key) => server.ask('PTTL', `${prefix}${key}:log`)));
  for (const answer of left) expect(Number(answer.slice(1))).toBeGreaterThan(1000);
});
