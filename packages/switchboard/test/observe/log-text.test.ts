/** Lines of the log as text, for terminals. */
import { describe, expect, it } from 'vitest';

import { createLog } from '../../src/observe/log.ts';
import { asText } from '../../src/observe/log-text.ts';

const time = '2026-11-29T12:35:14.101Z';
const now = new Date(time);
const text = (entry: object, options: object = {}): string =>
  asText(JSON.stringify({ level: 30, time, msg: 'member.ready', ...entry }), { now, ...options });

// oxlint-disable-next-line no-control-regex
const RAW = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe('a line of the log as text', () => {
  it('has time, level, event and facts on one line, and quotes what has spaces', () => {
    const facts = { upstream: 'demo', slot: 'session abc', ms: 117, again: false, tools: ['a', 'b'] };
    expect(text(facts)).toMatch(
      /^\d\d:\d\d:14\.101 INFO {2}member\.ready upstream=demo slot="session abc" ms=117 again=false tools=\["a","b"\]$/,
    );
    expect(text({ level: 50 })).toContain(' ERROR member.ready');
    expect(text({ level: 35 })).toContain(' 35    member.ready');
  });

  it('shows the date of another day', () => {
    expect(text({}, { now: new Date('2027-03-01T12:00:00Z') })).toMatch(/^2026-11-\d\d \d\d:\d\d:14\.101 INFO/);
    expect(text({ time: 'soon' })).toMatch(/^soon INFO/);
  });

  it('has the stack of an error, and what caused it, indented below', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', write: (line) => lines.push(line) });
    log({ type: 'failed', where: 'here', error: new Error('it broke', { cause: new TypeError('no such thing') }) });
    const [head, ...stack] = asText(lines[0]!).split('\n');
    expect(head).toMatch(/ ERROR failed where=here error="it broke.*"$/);
    expect(stack[0]).toMatch(/^ {4}at .*log-text\.test\.ts/);
    expect(stack.join('\n')).toContain('\n    caused by: TypeError: no such thing');
    log({ type: 'failed', where: 'here', error: 'only words' });
    expect(asText(lines[1]!)).toMatch(/ error="only words"$/);
  });

  it('lets nothing that a server or client wrote reach the terminal raw', () => {
    const evil = '\u001b[2J\u009b2J\u007f\r\n\u0000\u2028\u202e\u2066\u200f\u061cx';
    const err = { message: evil, stack: `Error\n    at ${evil}` };
    const line = text({ [evil]: evil, msg: evil, level: evil, time: evil, deep: { [evil]: [evil] }, err });
    for (const shown of [line, asText(evil), asText(JSON.stringify(evil)), asText('null'), asText('[5')]) {
      expect(shown.replaceAll('\n', '')).not.toMatch(RAW);
    }
    expect(asText(evil)).toBe('\\u001b[2J\\u009b2J\\u007f\\r\\n\\u0000\\u2028\\u202e\\u2066\\u200f\\u061cx');
    // The head, and one line of the stack: only where the line feed of the stack itself is.
    expect(line.split('\n').every((each, at) => at === 0 || each.startsWith('    '))).toBe(true);
  });

  it('is coloured only when asked', () => {
    expect(text({ a: 1 })).not.toContain('\u001b');
    expect(text({ a: 1 }, { coloured: true })).toContain('\u001b[32mINFO \u001b[0m member.ready');
  });
});

describe('the log', () => {
  it('gives lines of JSON to a program, with the least level and no raw controls', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', format: 'text', write: (line) => lines.push(line) });
    log({ type: 'upstream.stderr', upstream: 'demo', line: 'too quiet' });
    log({ type: 'chat.room', name: '\u009b2J\u202e' });
    log({ type: 'chat.failed', error: new Error('broken') });
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 30, msg: 'chat.room', name: '\u009b2J\u202e' },
      { level: 50, msg: 'chat.failed', err: { message: 'broken' } },
    ]);
    expect(lines[0]).toContain('\\u009b2J\\u202e');
  });
});
