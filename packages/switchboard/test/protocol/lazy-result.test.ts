import { describe, expect, it } from 'vitest';

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
      const bytes = lazy.answering(id).toBytes().toString();
      expect(bytes).toBe(text.replace(/("id"\s*:)\s*17\s*(?=[,}])/, `$1${written}`));
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
  ])('leaves %s to the parser', (_, text) => expect(from(text)).toBeUndefined());

  it('leaves what is no UTF-8 to the parser', () => {
    const bytes = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"a":"?"}}');
    bytes[bytes.indexOf('?')] = 0xff;
    expect(LazyResult.from(bytes)).toBeUndefined();
  });
});
