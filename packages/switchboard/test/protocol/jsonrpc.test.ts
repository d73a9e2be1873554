import { describe, expect, it } from 'vitest';

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
