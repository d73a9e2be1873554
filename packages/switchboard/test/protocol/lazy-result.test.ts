import { describe, expect, it } from 'vitest';

import { encodeMessage } from '../../src/protocol/jsonrpc.ts';
import { LazyResult } from '../../src/protocol/lazy-result.ts';

const from = (text: string): LazyResult | undefined => LazyResult.from(Buffer.from(text));

describe('LazyResult', () => {
  it.each([
    '{"jsonrpc":"2.0","id":17,"result":{"a":[1,{"id":5}],"s":"x}\\"{"}}',
    '{"result":{"content":[]},"jsonrpc":"2.0","id":17}',
    ' { "id" : 17 , "result" : { "n" : 12345678901234567890 } , "jsonrpc" : "2.0" } \r',
    '{"jsonrpc":"2.0","id":17,"result":{"s":"ends with a backslash \\\\"}}',
    '{"jsonrpc":"2.0","result":{"":{"":[[],{}]}},"id":17}',
  ])('changes the id and nothing else: %s', (text) => {
    const lazy = from(text)!;
    expect(lazy.id).toBe(17);
    expect(lazy.result).toEqual((JSON.parse(text) as { result: unknown }).result);
    for (const [id, written] of [
      [3, '3'],
      ['a"b', '"a\\"b"'],
      [12345678901234567890n, '12345678901234567890'],
    ] as const) {
      const bytes = encodeMessage(lazy.answering(id)).toString();
      expect(bytes).toBe(text.trimEnd().replace(/("id"\s*:)\s*17\s*(?=[,}])/, `$1${written}`));
    }
  });

  it.each([
    ['a request', '{"jsonrpc":"2.0","id":1,"method":"m"}'],
    ['an error', '{"jsonrpc":"2.0","id":1,"error":{}}'],
    ['another member', '{"jsonrpc":"2.0","id":1,"result":{},"x":1}'],
    ['an id twice', '{"jsonrpc":"2.0","id":1,"result":{},"id":2}'],
    ['a result twice', '{"jsonrpc":"2.0","id":1,"result":{},"result":{}}'],
    ['an id that is a string', '{"jsonrpc":"2.0","id":"1","result":{}}'],
    ['a result that is an array', '{"jsonrpc":"2.0","id":1,"result":[]}'],
    ['another version', '{"jsonrpc":"1.0","id":1,"result":{}}'],
    ['an array', '[{"jsonrpc":"2.0","id":1,"result":{}}]'],
    ['two objects', '{"jsonrpc":"2.0","id":1,"result":{}}{}'],
    ['an open string', '{"jsonrpc":"2.0","id":1,"result":{"a":"b}}'],
    ['an open bracket', '{"jsonrpc":"2.0","id":1,"result":{"a":[}'],
    ['too many brackets', '{"jsonrpc":"2.0","id":1,"result":{}}}'],
    ['nothing', ''],
    ['a carriage return in a string', '{"jsonrpc":"2.0","id":1,"result":{"a":"\r\rdata: x\r\r"}}'],
    ['a carriage return between tokens', '{"jsonrpc":"2.0","id":1,\r"result":{}}'],
    ['a line feed between tokens', '{"jsonrpc":"2.0","id":1,\n"result":{}}'],
    ['a number that is none', '{"jsonrpc":"2.0","id":1,"result":{"a":NaN}}'],
    ['a byte order mark', '\ufeff{"jsonrpc":"2.0","id":1,"result":{}}'],
    ['something before it', 'junk{"jsonrpc":"2.0","id":1,"result":{}}'],
    ['a zero byte behind it', '{"jsonrpc":"2.0","id":1,"result":{}}\0'],
    ['a key that only looks like one', '{"jsonrpc":"2.0"," id":1,"result":{}}'],
    ['an id with a zero before it', '{"jsonrpc":"2.0","id":01,"result":{}}'],
    ['too many levels', `{"jsonrpc":"2.0","id":1,"result":{"a":${'['.repeat(511)}${']'.repeat(511)}}}`],
    ['too many values', `{"jsonrpc":"2.0","id":1,"result":{"a":[${'0,'.repeat(1e6)}0]}}`],
  ])('leaves %s to the parser', (_, text) => expect(from(text)).toBeUndefined());

  it('may mention a key that is written with escapes', () => {
    expect(from('{"jsonrpc":"2.0","id":1,"result":{"\\u0069sError":true}}')!.mentions('isError')).toBe(true);
    expect(from('{"jsonrpc":"2.0","id":1,"result":{"a":"\\u0069sError"}}')!.mentions('isError')).toBe(false);
  });

  it('leaves what is no UTF-8 to the parser', () => {
    const bytes = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"a":"?"}}');
    bytes[bytes.indexOf('?')] = 0xff;
    expect(LazyResult.from(bytes)).toBeUndefined();
  });
});
