/** The scanner against `JSON.parse`, which is the judge of what JSON is. The seed is fixed. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { scanJson } from '../../src/protocol/json-scan.ts';
import type { JsonScan } from '../../src/protocol/json-scan.ts';

const WIDE = { maxDepth: 10_000, maxValues: Number.MAX_SAFE_INTEGER };
const scan = (text: string, bounds = WIDE): JsonScan => scanJson(Buffer.from(text), bounds);

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const countValues = (value: unknown): number =>
  typeof value === 'object' && value !== null
    ? Object.values(value).reduce<number>((sum, each) => sum + 1 + countValues(each), 0)
    : 0;

describe('the scanner', () => {
  const texts = [
    ['', ' ', '{}', '[]', '{ }', '[ ]', '[,]', '[1,]', '[,1]', '{,}', '{"a"}', '{"a":}', '{"a":1,}', '{a:1}', '{1:1}'],
    ['0', '-0', '-', '+1', '01', '00', '1.', '.5', '1.5', '1e', '1e+', '1e5', '1E-5', '1.e5', '0e0', '-01', '0x1'],
    ['true', 'tru', 'truee', 'True', 'null', 'nul', 'NaN', 'Infinity', '-Infinity', 'undefined', 'false,'],
    ['""', '"', '"\\"', '"\\""', '"\\u12"', '"\\u12g4"', '"\\uD800"', '"\\x41"', '"\\', '"\\u', '"a\tb"', '"\u007f"'],
    [
      '"a\rb"',
      '"a\nb"',
      '"\0"',
      '"\u001f"',
      '"\u2028"',
      '"é💚"',
      "'a'",
      '[1]]',
      '[[1]',
      '{"a":1]',
      '[1}',
      '1 2',
      '[1 2]',
    ],
    [
      '\ufeff{}',
      '{}\ufeff',
      '\u00a0{}',
      '{}\0',
      '{}\n',
      '\t{}\r\n',
      '\v{}',
      '{"a" :1 , "b": [ ] }',
      'junk{}',
      '{}//',
      '/**/{}',
    ],
    [
      '{"a":1,"a":2}',
      '{"__proto__":{}}',
      '[[[[]]]]',
      '[[],{},"",0]',
      '{"":""}',
      '"12345678901234567890',
      '[1,2,3,"12345"]',
    ],
  ].flat();
  it.each(texts)('takes %j exactly if JSON.parse does', (text) => {
    expect(scan(text).fault === undefined).toBe(parses(text));
  });

  it('agrees with JSON.parse on texts that are JSON, and on texts that are JSON but for a few characters', () => {
    const odd = fc.oneof(
      fc.constantFrom(
        ...Array.from('{}[]",:\\/bfnrtu0123456789+-.eE \t\r\n'),
        'true',
        'null',
        '\0',
        '\u001f',
        '\ufeff',
        '\u2028',
        '\\u00e',
        '"a":',
      ),
      fc.string({ unit: 'grapheme', maxLength: 2 }),
    );
    const changes = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2), odd), { maxLength: 3 });
    const spaces = fc.constantFrom(undefined, 1, '\t');
    let [taken, refused] = [0, 0];
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), spaces, changes, (value, space, edits) => {
        let text = JSON.stringify(value, undefined, space);
        for (const [place, cut, insert] of edits) {
          const at = Math.floor(place * text.length);
          text = text.slice(0, at) + insert + text.slice(at + cut);
        }
        // As it would come: bytes, read as UTF-8.
        const bytes = Buffer.from(text);
        const isJson = parses(bytes.toString());
        const found = scanJson(bytes, WIDE);
        expect(found.fault === undefined).toBe(isJson);
        if (isJson) taken++;
        else refused++;
        if (edits.length === 0) expect(found.values).toBe(countValues(value));
      }),
      { seed: 20_261_129, numRuns: 20_000 },
    );
    expect(Math.min(taken, refused)).toBeGreaterThan(4000);
  });

  it('finds the same wherever the bytes begin in their memory', () => {
    const text = '{"abc":"\\u00e9 \\" é","d":[1.5e3,true,{"e":null}]}';
    for (let offset = 0; offset < 9; offset++) {
      const memory = Buffer.alloc(offset + Buffer.byteLength(text) + 3, '"');
      const end = offset + memory.write(text, offset);
      expect(scanJson(memory.subarray(offset, end), WIDE)).toEqual(scan(text));
    }
  });

  it('says where the members of the outermost object stand, and how many there are', () => {
    const text = ' {"a" : 1 ,"b":{"x":[2]} , "c\\u0041": "}"}';
    const found = scan(text);
    const part = ({ start, end }: { start: number; end: number }): string => text.slice(start, end);
    expect(found.members.map(({ key, value }) => [part(key), part(value).trim()])).toEqual([
      ['a', '1'],
      ['b', '{"x":[2]}'],
      ['c\\u0041', '"}"'],
    ]);
    expect(found).toMatchObject({ memberCount: 3, values: 5, hasEscapedKey: true });
    expect(scan('[{"a":1}]')).toMatchObject({ members: [], memberCount: 0, hasEscapedKey: false });
    const many = scan(`{${Array.from({ length: 20 }, (_, n) => `"${n}":"${n}"`).join(',')}}`);
    expect([many.memberCount, many.members.length]).toEqual([20, 8]);
  });

  it('says what it has read before a fault', () => {
    const found = scan('{"jsonrpc":"2.0","id":7,"result":{"a":NaN}}');
    expect(found).toMatchObject({ fault: 'syntax', memberCount: 2 });
    expect(scan('junk')).toMatchObject({ fault: 'syntax', members: [] });
  });

  it('refuses what is deeper or has more values than the bounds allow', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const nested = (depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`;
      expect(scan(nested(5), { ...WIDE, maxDepth: 5 }).fault).toBeUndefined();
      expect(scan(nested(6), { ...WIDE, maxDepth: 5 }).fault).toBe('depth');
    }
    expect(scan('[1,[2],{"a":3}]', { ...WIDE, maxValues: 5 }).fault).toBeUndefined();
    expect(scan('[1,[2],{"a":3}]', { ...WIDE, maxValues: 4 }).fault).toBe('values');
  });
});
