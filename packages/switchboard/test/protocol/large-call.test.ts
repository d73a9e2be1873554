import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { encodeMessage, parseMessage, stringifyMessage } from '../../src/protocol/jsonrpc.ts';
import type { ParsedMessage, RpcRequest } from '../../src/protocol/jsonrpc.ts';
import { LARGE_BYTES, readLargeCall, readMessage } from '../../src/protocol/large-call.ts';
import { RawArguments, argumentsOf } from '../../src/protocol/raw-arguments.ts';

const FILL = 'x'.repeat(LARGE_BYTES);
const ARGUMENTS = `{"n":12345678901234567890,  "text":"${FILL} é\\u00e9\\n","deep":[{"arguments":[1]}]}`;
const read = (text: string): RpcRequest | undefined => readLargeCall(Buffer.from(text)) as RpcRequest | undefined;

/** The message, or what is wrong with it. */
function outcomeOf(read: () => ParsedMessage): ParsedMessage | string {
  try {
    return read();
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a large call', () => {
  it.each([
    `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":${ARGUMENTS}}}`,
    `{"params": {"_meta": {"progressToken":1}, "arguments" : ${ARGUMENTS} ,"name":"t"}, "id":"7", "method":"tools/call","jsonrpc":"2.0"} `,
    `{"jsonrpc":"2.0","id":12345678901234567890,"method":"tools/call","params":{"arguments":${ARGUMENTS}}}`,
  ])('is read without its arguments, and written with them as they came', (text) => {
    const call = read(text)!;
    const { arguments: args, ...others } = call.params!;
    expect(args).toBeInstanceOf(RawArguments);
    const { arguments: _, ...expected } = (JSON.parse(text) as { params: Record<string, unknown> }).params;
    expect(others).toEqual(expected);
    expect(argumentsOf(call.params)).toEqual((JSON.parse(text) as { params: { arguments: unknown } }).params.arguments);

    const written = encodeMessage({ ...call, id: 3 }).toString();
    expect(written).toContain(ARGUMENTS);
    expect(JSON.parse(written)).toEqual({ ...(JSON.parse(text) as object), id: 3 });
    expect(stringifyMessage({ ...call, id: 3 })).toBe(written);
    expect(encodeMessage(call).toString()).toMatch(
      text.includes('"7"') ? /"id":"7"/ : /"id":(7|12345678901234567890)\b/,
    );
    expect(JSON.parse(JSON.stringify(call.params))).toEqual((JSON.parse(text) as RpcRequest).params);
  });

  const params = `{"name":"t","arguments":${ARGUMENTS}}`;
  it.each([
    ['another method', `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":${params}}`],
    ['an answer', `{"jsonrpc":"2.0","id":1,"result":{"arguments":${ARGUMENTS}}}`],
    ['a batch', `[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}]`],
    ['params twice', `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{},"params":${params}}`],
    ['arguments twice', `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{},${params.slice(1)}}`],
    ['an escaped key', `{"jsonrpc":"2.0","id":1,"method":"tools/call","\\u0070arams":{},"params":${params}}`],
    ['arguments that are text', `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":"${FILL}"}}`],
    [
      'large params beside them',
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${FILL}","arguments":{}}}`,
    ],
    ['arguments elsewhere', `{"jsonrpc":"2.0","id":1,"method":"tools/call","arguments":${ARGUMENTS}}`],
    ['a line break', `{"jsonrpc":"2.0","id":1,\n"method":"tools/call","params":${params}}`],
    ['what is no JSON', `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params.replace('deep":', 'deep:')}}`],
    [
      'too many members',
      `{"a":1,"b":1,"c":1,"d":1,"e":1,"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`,
    ],
    ['a byte order mark', `\ufeff{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`],
  ])('is left to the parser with %s', (_, text) => expect(read(text)).toBeUndefined());

  it('is left to the parser where it is not UTF-8', () => {
    const bytes = Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
    bytes[bytes.indexOf(FILL)] = 0xff;
    expect(readLargeCall(bytes)).toBeUndefined();
  });

  it('is refused with what the parser says, where it says of itself that it is a call and has no name for the version', () => {
    expect(() => readMessage(Buffer.from(`{"id":1,"method":"tools/call","params":${params}}`))).toThrow(
      'without "jsonrpc"',
    );
    expect(() =>
      readMessage(Buffer.from(`{"jsonrpc":"2.0","id":null,"method":"tools/call","params":${params}}`)),
    ).toThrow('whose id is neither');
  });

  it('says the same as the parser whatever stands in it, also where a few characters are odd', () => {
    let unparsed = 0;
    const odd = fc.constantFrom(...Array.from('{}[]",:\\ \n\r0e-'), '"params":', '"arguments":{}', '\\u0061', '\ufeff');
    const edits = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2), odd), { maxLength: 2 });
    const members = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
    fc.assert(
      fc.property(
        members,
        members,
        fc.boolean(),
        fc.constantFrom(undefined, 1),
        edits,
        (inside, beside, last, space, changes) => {
          const args = { ...inside, fill: 'x'.repeat(LARGE_BYTES) };
          const params = last ? { ...beside, arguments: args } : { arguments: args, name: 'n', ...beside };
          const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
          let text = JSON.stringify(call, undefined, space).replaceAll('\n', ' ');
          for (const [place, cut, insert] of changes) {
            // Near the ends, as the filling is uniform.
            const at = Math.floor(place * 120) % text.length;
            text = text.slice(0, at) + insert + text.slice(at + cut);
          }
          const read = outcomeOf(() => readMessage(Buffer.from(text)));
          if (read instanceof Object && 'params' in read && argumentsOf(read.params) !== read.params?.['arguments'])
            unparsed++;
          const parsed = outcomeOf(() => parseMessage(text));
          const written = typeof read === 'string' ? read : (JSON.parse(encodeMessage(read).toString()) as unknown);
          expect(written).toEqual(parsed);
        },
      ),
      { seed: 20_261_129, numRuns: 3000 },
    );
    expect(unparsed).toBeGreaterThan(300);
  });
});
