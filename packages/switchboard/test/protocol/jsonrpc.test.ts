import { describe, expect, it } from 'vitest';

import type { SwitchboardError } from '../../src/protocol/errors.ts';
import { parseMessage, stringifyMessage } from '../../src/protocol/jsonrpc.ts';

describe('parseMessage and stringifyMessage', () => {
  it.each([
    '{"jsonrpc":"2.0","id":9007199254740993,"method":"m"}',
    '{"jsonrpc":"2.0","method":"m","params":{"id":1,"x":"\\"id\\":5"},"id":-123456789012345678901234567890}',
    '{"jsonrpc":"2.0","result":{"id":[{"id":3}]},"id" : 99999999999999999999}',
    '{"jsonrpc":"2.0","\\u0069d":12345678901234567890,"method":"m"}',
  ])('keep an id that a double cannot hold: %s', (text) => {
    const digits = /-?\d{16,}/.exec(text)![0];
    const message = parseMessage(text);
    expect('id' in message && message.id).toBe(BigInt(digits));
    expect(stringifyMessage(message)).toContain(`"id":${digits}}`);
  });

  it('take the last of several ids, as JSON.parse does', () => {
    expect(parseMessage('{"jsonrpc":"2.0","id":1,"method":"m","id":9007199254740993}')).toMatchObject({
      id: 9007199254740993n,
    });
  });

  it('never let a key reach a prototype', () => {
    const message = parseMessage('{"jsonrpc":"2.0","id":1,"method":"m","params":{"__proto__":{"polluted":true}}}');
    expect(stringifyMessage(message)).toContain('"__proto__"');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('write no line break, whatever the text has', () => {
    const text = stringifyMessage({ jsonrpc: '2.0', method: 'm', params: { text: 'a\nb\r\n\u2028' } });
    expect(text).not.toMatch(/[\n\r]/);
  });
});

describe('a message that cannot be read as a whole', () => {
  const deep = '['.repeat(600) + ']'.repeat(600);

  it.each([
    ['{"jsonrpc":"2.0","id":7,"result":{"a":NaN}}', { answerTo: 7 }],
    ['{"jsonrpc":"2.0","id":"7","result":{"a":NaN}}', { answerTo: '7' }],
    ['{"result":{"a":[NaN,"}"]},"id":7}', { answerTo: 7 }],
    [`{"jsonrpc":"2.0","result":{"a":${deep}},"id":7}`, { answerTo: 7 }],
    ['{"id":7,"method":"m","params":{"a":NaN}}', { rpcId: 7 }],
    ['{"jsonrpc":"2.0","id":7,"result":null}', { answerTo: 7 }],
    ['{"id":7,"result":{}}', { answerTo: 7 }],
    ['{"jsonrpc":"2.0","id":7}', { rpcId: 7, answerTo: 7 }],
    ['{"jsonrpc":"2.0","id":7,"method":5}', { rpcId: 7 }],
    ['{"id":7', {}],
    ['{"level":30,"id":7,"msg":"a line of a log"}', {}],
    ['{"level":30,"id":7,"x":NaN}', {}],
    ['sent: {"jsonrpc":"2.0","id":7,"result":{}}', {}],
    ['{"id":{},"result":NaN}', {}],
    ['[{"id":7,"result":NaN}]', {}],
    ['junk', {}],
  ])('says which request it is, or answers, as far as that can be read: %s', (text, whose) => {
    let thrown: unknown;
    try {
      parseMessage(text);
    } catch (error) {
      thrown = error;
    }
    const { rpcId, answerTo } = thrown as SwitchboardError;
    expect({ rpcId, answerTo }).toEqual({ rpcId: undefined, answerTo: undefined, ...whose });
  });
});

describe('an answer with an error in another shape', () => {
  it.each([
    ['"boom"', { code: -32603, message: 'boom' }],
    ['{"code":"E1","message":"boom"}', { code: -32603, message: 'boom' }],
    ['{"message":{"toString":1}}', { code: -32603, message: '{"toString":1}' }],
    ['{"code":5}', { code: 5, message: '{"code":5}' }],
    ['{"code":5,"message":"m","data":[1]}', { code: 5, message: 'm', data: [1] }],
  ])('has one afterwards: %s', (error, expected) => {
    expect(parseMessage(`{"jsonrpc":"2.0","id":1,"result":{},"error":${error}}`)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: expected,
    });
  });

  it('is a result where the error is null', () => {
    expect(parseMessage('{"jsonrpc":"2.0","id":1,"result":{},"error":null}')).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {},
    });
  });
});
