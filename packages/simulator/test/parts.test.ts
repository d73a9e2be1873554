/** What can be looked at without a server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { adviceFor } from '../src/advice.ts';
import { parseChaos, strike } from '../src/chaos.ts';
import { requestText } from '../src/client/era.ts';
import { exampleOf } from '../src/client/message.ts';
import { compare } from '../src/compare.ts';
import { correlationIdOf, correlationPrefix, ownersIn } from '../src/correlation.ts';
import { Ledger, reconcile } from '../src/integrity.ts';
import { readSettings, readUrl } from '../src/options.ts';
import { Queue } from '../src/queue.ts';
import { pick, seeded } from '../src/random.ts';
import { chartOf, niceTicks } from '../src/report/chart.ts';
import type { Result } from '../src/result.ts';
import { halved } from '../src/run-phases.ts';
import { compileStep, readScenario } from '../src/scenario.ts';
import { newHistogram, pack, recordMs, spread, unpack } from '../src/stats.ts';
import { addUp } from '../src/sum.ts';
import { compileTemplate } from '../src/template.ts';
import { bar, sparkline } from '../src/terminal/paint.ts';
import { Screen, fit } from '../src/terminal/screen.ts';
import { judge, parseThresholds } from '../src/thresholds.ts';
import { parseDuration, parseRate, parseShare, parseSize, showDuration, showNumber, showSize } from '../src/units.ts';
import { folder } from './support/files.ts';

const filling = { correlationId: 'T', client: 3, call: 17, random: seeded(1) };
const render = (value: unknown): unknown => JSON.parse(compileTemplate(value).render(filling));

describe('a template', () => {
  it('fills holes in strings at any depth, and leaves the rest as it is', () => {
    expect(render({ a: ['{{tag}} of {{client}}', 1, null], 'b"': { c: true } })).toEqual({
      a: ['T of 3', 1, null],
      'b"': { c: true },
    });
  });

  it('makes a number of a string that is nothing but a numeric hole', () => {
    expect(render({ a: '{{call}}', b: 'no. {{call}}', c: '{{ client }}' })).toEqual({ a: 17, b: 'no. 17', c: 3 });
  });

  it('escapes what it fills in', () => {
    const text = compileTemplate('{{tag}}').render({ ...filling, correlationId: 'a "b" \\' });
    expect(JSON.parse(text)).toBe('a "b" \\');
  });

  it('knows random numbers, words, texts and UUIDs', () => {
    expect(render('{{random 5 5}}')).toBe(5);
    expect(['red', 'blue']).toContain(render('{{pick red blue}}'));
    expect(render('{{text 7}}')).toBe('xxxxxxx');
    expect(render('{{uuid}}')).toMatch(/^[0-9a-f-]{36}$/);
    expect(render('{{now}}')).toBeTypeOf('number');
  });

  it('tells whether answers to it can be told apart', () => {
    expect(compileTemplate({ a: '{{ tag }}' }).correlated).toBe(true);
    expect(compileTemplate({ a: 'tag' }).correlated).toBe(false);
  });

  it('refuses a hole that there is not', () => {
    expect(() => compileTemplate('{{nobody}}')).toThrow(/\{\{nobody\}\} is no hole; there are tag, client/);
  });
});

describe('a correlation id', () => {
  it('is found wherever it stands, and is not the beginning of another', () => {
    const prefix = correlationPrefix('ab');
    const text = `${correlationIdOf(prefix, 1, 23)} ${correlationIdOf(prefix, 45, 6)} ${correlationIdOf(correlationPrefix('other'), 7, 8)} sim-ab-9`;
    expect(ownersIn(text, prefix)).toEqual([
      { client: 1, call: 23 },
      { client: 45, call: 6 },
    ]);
    expect(text.includes(correlationIdOf(prefix, 1, 2))).toBe(false);
  });
});

describe('a ledger', () => {
  it('takes back what looked lost in one thread and was seen in another', () => {
    const [one, other] = [new Ledger(0), new Ledger(0)];
    one.lost({ client: 1, call: 5 }, 'a');
    one.lost({ client: 2, call: 6 }, 'b');
    other.crossed('c', { client: 1, call: 5 });
    expect(reconcile([one.account, other.account])).toMatchObject({
      crossed: 1,
      lost: 1,
      examples: [{ what: 'c' }, { what: 'b' }],
    });
  });

  it('takes back what came late', () => {
    const ledger = new Ledger(0);
    ledger.lost({ client: 1, call: 5 }, 'a');
    ledger.late({ client: 1, call: 5 });
    expect(reconcile([ledger.account])).toMatchObject({ lost: 0, late: 1, examples: [] });
  });

  it('shows five examples of each fault, and counts all', () => {
    const ledger = new Ledger(0);
    for (let each = 0; each < 50; each++) ledger.doubled(`number ${each}`);
    const integrity = reconcile([ledger.account]);
    expect(integrity.doubled).toBe(50);
    expect(integrity.examples.map(({ what }) => what)).toEqual([0, 1, 2, 3, 4].map((each) => `number ${each}`));
  });
});

describe('a histogram', () => {
  it('is the same after it was written and read', () => {
    const histogram = newHistogram();
    for (const ms of [1, 2, 3, 1000]) recordMs(histogram, ms);
    const again = unpack(pack(histogram));
    expect(again.totalCount).toBe(4);
    expect(spread(again)).toEqual(spread(histogram));
    expect(spread(again).reduce((sum, { count }) => sum + count, 0)).toBe(4);
  });

  it('takes what is longer than it can count as the longest', () => {
    const histogram = newHistogram();
    recordMs(histogram, 1e9);
    expect(histogram.totalCount).toBe(1);
  });
});

describe('storms', () => {
  it('strike as often as they should, one at a time, and the same ones for the same seed', () => {
    const chaos = parseChaos('cancel=10%, disconnect=0.05');
    const struck = (seed: number): (string | undefined)[] => {
      const random = seeded(seed);
      return Array.from({ length: 10_000 }, () => strike(chaos, random));
    };
    const first = struck(1);
    expect(first.filter((storm) => storm === 'cancel').length / 10_000).toBeCloseTo(0.1, 1.5);
    expect(first.filter((storm) => storm === 'disconnect').length / 10_000).toBeCloseTo(0.05, 1.5);
    expect(struck(1)).toEqual(first);
    expect(struck(2)).not.toEqual(first);
  });

  it('are refused by a name or a share that is none', () => {
    expect(() => parseChaos('rain')).toThrow(/"rain" is none of disconnect/);
    expect(() => parseChaos('cancel=200%')).toThrow(/expected a share such as 5% for cancel, got "200%"/);
  });
});

describe('a sum', () => {
  it('has names of errors that every object has, too', () => {
    const parts = ['{"__proto__": 1, "constructor": 2}', '{"__proto__": 3}'].map(
      (text) => JSON.parse(text) as Record<string, number>,
    );
    expect(Object.entries(addUp(parts))).toEqual([
      ['__proto__', 4],
      ['constructor', 2],
    ]);
  });
});

describe('a scenario', () => {
  it('waits no longer than a timer can', () => {
    expect(() => compileStep({ do: 'idle', for: '577h' })).toThrow('expected at most 24 days (576h), got "577h"');
    expect(compileStep({ do: 'cancel', tool: 'a', after: '576h' }).waitMs).toBe(2_073_600_000);
  });

  it.each([
    ['no JSON', '{', /it is not JSON/],
    ['no steps', '{"steps": []}', /at least one step/],
    ['an unknown step', '{"steps": [{"do": "dance"}]}', /steps\[0\]: expected "do" to be one of call, .*got "dance"/],
    [
      'an unknown key',
      '{"steps": [{"do": "list", "tool": "x"}]}',
      /a list step has no "tool"; it takes do, weight, what/,
    ],
    ['a missing key', '{"steps": [{"do": "idle"}, {"do": "call"}]}', /steps\[1\]: a call step needs "tool"/],
    ['a weight of nothing', '{"steps": [{"do": "idle", "weight": 0}]}', /weight above 0, got 0/],
    [
      'a time that is none',
      '{"steps": [{"do": "idle", "for": "long"}]}',
      /expected a duration such as 100ms, got "long"/,
    ],
  ])('with %s is refused', (_, text, message) => {
    expect(() => readScenario(text)).toThrow(message);
  });

  it('names its steps for people', () => {
    expect(compileStep({ do: 'call', tool: 'echo' }).name).toBe('call echo');
    expect(compileStep({ do: 'list' }).name).toBe('list tools');
    expect(compileStep({ do: 'reconnect' }).name).toBe('reconnect');
  });

  it('has each step as often as its weight says', () => {
    const random = seeded(3);
    const picked = Array.from({ length: 10_000 }, () => pick(random, [8, 1, 1]));
    expect(picked.filter((index) => index === 0).length / 10_000).toBeCloseTo(0.8, 1.5);
  });
});

describe('options', () => {
  it('have their defaults, and others in single mode', () => {
    expect(readSettings({})).toMatchObject({
      clients: 10,
      duration: 60_000,
      rate: undefined,
      chaos: {},
      era: 'legacy',
    });
    expect(readSettings({ mode: 'single' })).toMatchObject({ clients: 1, duration: 0, rate: 1 });
    expect(readSettings({ mode: 'single', rate: '5' })).toMatchObject({ rate: 5 });
  });

  it.each([
    [{ clients: '0' }, '--clients: expected a whole number from 1, got "0"'],
    [{ inFlight: 'x' }, '--in-flight: expected a whole number from 1, got "x"'],
    [{ duration: 'long' }, '--duration: expected a duration such as 60s, at most 576h, got "long"'],
    [{ duration: '600h' }, 'at most 576h, got "600h"'],
    [{ rate: '0' }, '--rate: expected a rate such as 500/s, got "0"'],
    [{ era: 'stone' }, '--era: expected legacy or modern or mixed or echo, got "stone"'],
    [{ args: '[1]' }, '--args: expected a JSON object, got "[1]"'],
    [{ failOn: 'p99>soon' }, '--fail-on: "soon" in "p99>soon" cannot be read'],
    [{ failOn: 'beauty<1' }, '--fail-on: "beauty<1" does not begin with one of rate, p50'],
    [{ chaos: 'crash' }, '--chaos crash kills a process below --pid: give that too'],
    [{ tool: 'a', scenario: 'b' }, '--tool and --scenario'],
  ])('are refused as %o, and the error names the option', (given, message) => {
    expect(() => readSettings(given)).toThrow(message);
  });

  it('never repeat a header that cannot be read', () => {
    expect(() => readSettings({ header: ['secret'] })).toThrow(/^(?!.*secret)/);
    expect(readSettings({ header: ['A: b', 'C-d:e'] }).header).toEqual({ A: 'b', 'C-d': 'e' });
  });

  it('take only addresses that can be spoken to', () => {
    expect(readUrl('ws://127.0.0.1:1/mcp')).toBe('ws://127.0.0.1:1/mcp');
    expect(() => readUrl('ftp://x')).toThrow(/ws, wss, http or https, got "ftp:/);
  });

  it('read thresholds with any unit of their measure', () => {
    expect(parseThresholds('p99>50ms, memory>=1GiB,errorRate>1%').map(({ limit }) => limit)).toEqual([
      50,
      1024 ** 3,
      0.01,
    ]);
  });
});

describe('a threshold', () => {
  const result = {
    sent: 1000,
    answers: 995,
    errorCount: 5,
    rate: 3225,
    latency: { p99: 12, p999: 80 },
    integrity: { crossed: 0 },
  } as unknown as Result;
  const read = (text: string, found: Result = result): string[] =>
    judge(found, parseThresholds(text)).map(({ text: shown, kept }) => `${kept ? '✓' : '✗'} ${shown}`);

  it('reads the same whether it was kept or broken', () => {
    expect(read('crossed>0,errors>1%,errors>2,p99>10ms,p99.9>100ms,rate<5000,rate>=4000')).toEqual([
      '✓ crossed: 0 (limit 0)',
      '✓ errors: 0.5 % (limit 1 %)',
      '✗ errors: 5 (limit 2)',
      '✗ p99: 12 ms (limit 10 ms)',
      '✓ p99.9: 80 ms (limit 100 ms)',
      '✗ rate: 3,225 (at least 5,000)',
      '✓ rate: 3,225 (must be below 4,000)',
    ]);
  });

  it('is broken by what was not measured', () => {
    const silent = { ...result, answers: 0 };
    expect(read('p99>10ms', silent)).toEqual(['✗ p99: not measured, nothing was answered (limit 10 ms)']);
    expect(read('orphans>0')).toEqual(['✗ orphans: not measured, give --pid on Linux (limit 0)']);
  });
});

describe('comparing results', () => {
  it('reads format 1 too, in which integrity was called truth', () => {
    const zeroes = { lost: 0, doubled: 0, disordered: 0, unproven: 0 };
    const counts = { sent: 9, answers: 9, errorCount: 0, rate: 9, unsent: 0, reconnects: 0, latency: {}, options: {} };
    const place = folder();
    const [before, after] = [
      { ...counts, format: 1, truth: { ...zeroes, crossed: 2 } },
      { ...counts, format: 2, integrity: { ...zeroes, crossed: 1 } },
    ].map((result) => {
      const path = join(place, `${result.format}.json`);
      writeFileSync(path, JSON.stringify(result));
      return path;
    });
    const { results, text } = compare(before!, after!, (_, shown) => shown);
    expect(text).toMatch(/^ {2}crossed +2 +1 +−50 %$/m);
    expect(results[0]).toMatchObject({ format: 2, integrity: { crossed: 2 } });
  });
});

describe('advice', () => {
  it('names what to change, once, the most frequent error first', () => {
    expect(adviceFor({ '-32601': 9, 'HTTP 503': 2, '31005': 50, 'HTTP 429': 7 })).toEqual([
      expect.stringContaining('--rate-limit'),
      expect.stringContaining('--max-connections'),
    ]);
    expect(adviceFor({})).toEqual([]);
  });
});

describe('the points of a long run', () => {
  const point = { at: 1, rate: 10, errors: 1, open: 1 };

  it('keep the worse latency, gaps where nothing was answered, and pauses apart', () => {
    expect(
      halved([
        { ...point, p99: 5 },
        { ...point, at: 2, p99: 9 },
      ]),
    ).toEqual([{ ...point, at: 2, errors: 2, p99: 9 }]);
    expect(
      halved([
        { ...point, p99: 5 },
        { ...point, at: 2 },
      ]),
    ).toEqual([{ ...point, at: 2, errors: 2, p99: 5 }]);
    expect(halved([point, { ...point, at: 2 }])[0]).not.toHaveProperty('p99');
    const paused = { ...point, at: 2, rate: 0, paused: true };
    expect(halved([point, paused])[0]).toMatchObject({ at: 2, rate: 10 });
    expect(halved([paused, { ...paused, at: 3 }])[0]).toMatchObject({ at: 3, paused: true });
  });
});

describe('units', () => {
  it('are read as people write them', () => {
    expect([parseDuration('250us'), parseDuration('1.5s'), parseDuration('2m'), parseDuration('3')]).toEqual([
      0.25, 1500, 120_000, 3000,
    ]);
    expect([parseSize('1KiB'), parseSize('2m'), parseSize('x')]).toEqual([1024, 2 * 1024 ** 2, undefined]);
    expect([parseRate('90/m'), parseRate('500'), parseRate('-1')]).toEqual([1.5, 500, undefined]);
    expect([parseShare('5%'), parseShare('0.5'), parseShare('2')]).toEqual([0.05, 0.5, undefined]);
  });

  it('are shown with three digits', () => {
    expect([showNumber(1234567), showNumber(12.345), showNumber(0)]).toEqual(['1,234,567', '12.3', '0']);
    expect([showDuration(0.25), showDuration(1.5), showDuration(90_000)]).toEqual(['250 µs', '1.5 ms', '90 s']);
    expect([showSize(512), showSize(1536), showSize(3 * 1024 ** 3)]).toEqual(['512 B', '1.5 KiB', '3 GiB']);
  });
});

describe('what a client sends', () => {
  it('has the id as its progress token, and the envelope in the modern era', () => {
    expect(JSON.parse(requestText('legacy', 7, 'tools/call', '"name":"x"', true))).toEqual({
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: { name: 'x', _meta: { progressToken: 7 } },
    });
    expect(JSON.parse(requestText('legacy', 8, 'ping', ''))).toEqual({ jsonrpc: '2.0', id: 8, method: 'ping' });
    const modern = JSON.parse(requestText('modern', 9, 'tools/list', '')) as { params: { _meta: object } };
    expect(Object.keys(modern.params._meta)).toContain('io.modelcontextprotocol/protocolVersion');
  });

  it('fits the schema of a form or a tool', () => {
    const properties = {
      a: { type: 'string' },
      b: { type: 'integer', minimum: 3 },
      c: { enum: ['x', 'y'] },
      d: { type: 'boolean' },
      e: { type: 'string' },
    };
    expect(exampleOf({ properties, required: ['a', 'b', 'c', 'd'] }, 'T')).toEqual({ a: 'T', b: 3, c: 'x', d: true });
    expect(exampleOf({ properties }, 'T')).toEqual({ a: 'T' });
    expect(exampleOf(undefined, 'T')).toEqual({});
  });
});

describe('a queue', () => {
  it('gives back what was put in, in order, however much it is', () => {
    const queue = new Queue<number>();
    for (let each = 0; each < 5000; each++) queue.push(each);
    expect(Array.from({ length: 3000 }, () => queue.shift())).toEqual(Array.from({ length: 3000 }, (_, each) => each));
    queue.push(5000);
    expect(queue.length).toBe(2001);
    expect(Array.from({ length: 2002 }, () => queue.shift()).slice(-3)).toEqual([4999, 5000, undefined]);
  });
});

describe('what is drawn', () => {
  it('is cut, with its colours, to the width that there is', () => {
    expect(fit('abcdef', 4)).toMatch(/^abc…/);
    expect(fit('\u001b[31mabc\u001b[39m', 3)).toBe('\u001b[31mabc\u001b[39m');
    expect([sparkline([0, 1, 2], 2), bar(0.5, 4)]).toEqual(['▅█', '██░░']);
    expect(sparkline([2, undefined, 2], 3)).toBe('█ █');
  });

  it('is never taller than the terminal, and erases what a narrower one has wrapped', () => {
    const written: string[] = [];
    const terminal = { columns: 40, rows: 6, write: (text: string) => void written.push(text) };
    const screen = new Screen(terminal as unknown as NodeJS.WriteStream);
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index} ${'x'.repeat(30)}`);
    screen.draw(lines);
    expect(written.pop()?.split('\n')).toHaveLength(6);
    screen.draw(lines.slice(0, 2));
    expect(written.pop()).toContain('\u001b[5A\r\u001b[0J');
    terminal.columns = 20;
    screen.clear();
    expect(written.pop()).toBe('\u001b[4A\r\u001b[0J');
  });

  it('has a gap in a line where nothing was measured, and shades where the run was paused', () => {
    const html = chartOf({
      title: 'Latency',
      kind: 'line',
      showX: String,
      showY: String,
      pauses: [[1, 3]],
      series: [
        {
          name: '',
          colour: 'a',
          points: [
            [1, 5],
            [2, undefined],
            [3, 5],
            [4, 6],
          ],
        },
      ],
    });
    expect(html.match(/<polyline/g)).toHaveLength(2);
    expect(html).toContain('<rect class="pause"');
    expect(html).not.toContain('undefined');
  });

  it('has ticks that people like', () => {
    expect(niceTicks(7)).toEqual([0, 2, 4, 6, 8]);
    expect(niceTicks(0)).toEqual([0, 0.25]);
    expect(niceTicks(150 * 1024 ** 2, 1024).at(1)).toBe(50 * 1024 ** 2);
  });
});
