/** Parsers against input that nobody thought of. The seed is fixed, so that a failure here is a failure everywhere. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { alternativeNames } from '../../src/auth/mtls.ts';
import { expandVariables } from '../../src/cli/variables.ts';
import { readSettings, OPTION_NAMES } from '../../src/gateway/options.ts';
import { MAX_DEPTH, MAX_VALUES, boundsExceeded } from '../../src/protocol/json-bounds.ts';
import { SwitchboardError } from '../../src/protocol/errors.ts';
import { asForeign, parseMessage, stringifyMessage } from '../../src/protocol/jsonrpc.ts';
import { LazyResult } from '../../src/protocol/lazy-result.ts';
import { Proxies, networkOf } from '../../src/transports/http/client-address.ts';
import { decodeHeader, encodeHeader } from '../../src/transports/http/headers.ts';
import { LineSplitter } from '../../src/transports/stdio/lines.ts';
import { offeredCredentials, offeredSubprotocols } from '../../src/transports/websocket/server.ts';
import { matchesPattern } from '../../src/util/pattern.ts';
import { parseDuration, parseSize } from '../../src/util/units.ts';

const RUNS = { seed: 20_250_716, numRuns: 400 };
const check = <T>(arbitrary: fc.Arbitrary<T>, predicate: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, predicate), RUNS);

/** Text that is nearly something: characters that parsers care for, in any order. */
const nearly = (alphabet: string): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...alphabet.split('')) },
        { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 3 }) },
      ),
      { maxLength: 60 },
    )
    .map((parts) => parts.join(''));

const keys = fc.oneof(
  fc.string(),
  fc.constantFrom('__proto__', 'constructor', 'id', 'method', 'params', 'result', 'error', 'jsonrpc'),
);
const json = fc.jsonValue({ maxDepth: 4 });
const ids = fc.oneof(fc.string(), fc.integer(), fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }));

/** Text of a JSON-RPC message that is right, or nearly so. */
const messages = fc.oneof(
  nearly('{}[]",:\\ntrue0123456789.eE-+ \n'),
  fc
    .array(fc.tuple(keys, fc.oneof(json, fc.constant('2.0'))), { maxLength: 6 })
    .map(
      (members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`,
    ),
  fc
    .tuple(ids, keys, fc.dictionary(keys, json))
    .map(
      ([id, method, params]) =>
        `{"jsonrpc":"2.0","id":${typeof id === 'string' ? JSON.stringify(id) : id},"method":${JSON.stringify(method)},"params":${JSON.stringify(params)}}`,
    ),
);

function attempt<T>(parse: () => T): T | SwitchboardError {
  try {
    return parse();
  } catch (error) {
    expect(error).toBeInstanceOf(SwitchboardError);
    return error as SwitchboardError;
  }
}

describe('a JSON-RPC message', () => {
  it('is read, or refused with a code; what was read is written so that it is read the same', () => {
    check(messages, (text) => {
      const message = attempt(() => parseMessage(text));
      if (message instanceof SwitchboardError) return;
      const again = parseMessage(stringifyMessage(message));
      expect(again).toEqual(message);
      expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
    });
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('comes back with the very id that it came with', () => {
    check(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), (id) => {
      const message = parseMessage(`{"jsonrpc":"2.0","method":"m","params":{"id":1,"a":"\\"id\\":7"},"id":${id}}`);
      expect(stringifyMessage(message)).toContain(`"id":${id}`);
    });
  });

  it('is foreign only where it is an object that claims nothing', () => {
    check(messages, (text) => {
      const found = asForeign(text);
      if (found !== undefined) expect(Object.hasOwn(found, 'jsonrpc')).toBe(false);
    });
  });

  it('is within bounds exactly as deep as it says', () => {
    check(
      fc.tuple(fc.integer({ min: 1, max: 2 * MAX_DEPTH }), fc.boolean(), fc.string()),
      ([depth, inObjects, text]) => {
        const [open, close] = inObjects ? ['{"a":', '}'] : ['[', ']'];
        const inner = JSON.stringify(`${text}${'[{"'.repeat(300)}\\`);
        const whole = open.repeat(depth) + inner + close.repeat(depth);
        expect(boundsExceeded(whole) !== undefined).toBe(depth > MAX_DEPTH);
      },
    );
  });

  it.each([
    ['numbers', '0', 1],
    ['empty containers', '[ ]', 1],
    ['arrays of one', '[[[0]]]', 4],
    ['objects of one', '{ "a": {"b": 0} }', 3],
    ['arrays of several', '["[,", {"a":0}, []]', 5],
  ])('is within bounds exactly as wide as it says: %s', (_, element, values) => {
    const fits = Math.floor(MAX_VALUES / values);
    const whole = (count: number): string => `[${`${element},`.repeat(count - 1)}${element}]`;
    expect(boundsExceeded(whole(fits))).toBe(undefined);
    expect(boundsExceeded(whole(fits + 1))).toContain('values');
  });

  it('that is an answer is taken lazily only if the parser would read the same', () => {
    const answers = fc
      .tuple(fc.integer(), fc.dictionary(keys, json), fc.constantFrom('', ' ', '\n\t'))
      .map(
        ([id, result, space]) =>
          `{${space}"jsonrpc":"2.0",${space}"id":${id}${space},"result":${space}${JSON.stringify(result)}}`,
      );
    check(fc.oneof(messages, answers), (text) => {
      const lazy = LazyResult.from(Buffer.from(text));
      if (lazy === undefined) return;
      const message = parseMessage(text);
      expect(lazy.id).toEqual((message as { id: unknown }).id);
      expect(lazy.result).toEqual((message as { result: unknown }).result);
    });
  });
});

describe('text of a header, a flag or a file', () => {
  it('that a header cannot carry comes back as it was', () => {
    check(
      fc.string({ unit: 'binary' }).map((text) => Buffer.from(text).toString()),
      (text) => {
        const header = encodeHeader(text);
        expect(header).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeHeader('x', header)).toBe(text);
      },
    );
    check(nearly('=?base64?QUJD+/= '), (text) => void attempt(() => decodeHeader('x', text)));
  });

  it('offers subprotocols and credentials, or none, and never fails', () => {
    check(nearly('mcp.authticket, =-_AZaz09\t'), (text) => {
      const request = { headers: { 'sec-websocket-protocol': text } } as never;
      expect(offeredSubprotocols(request).join(',').length).toBeLessThanOrEqual(text.length);
      expect(Object.keys(offeredCredentials(request)).every((key) => ['bearer', 'ticket'].includes(key))).toBe(true);
    });
  });

  it('is a duration or a size above nothing, or none', () => {
    check(nearly('0123456789.smhdKMGiBb -+eE_'), (text) => {
      for (const value of [parseDuration(text), parseSize(text)]) {
        if (value !== undefined) expect(Number.isFinite(value) && value >= 0).toBe(true);
      }
    });
  });

  it('is a setting, or a problem that names it', () => {
    check(
      fc.tuple(fc.constantFrom(...OPTION_NAMES), fc.oneof(json, nearly('0123456789.smhKiB,:/[]"falsetrue'))),
      ([name, value]) => {
        const { problems } = readSettings({ [name]: value });
        for (const { path, message } of problems) expect([path[0], message !== '']).toEqual([name, true]);
      },
    );
  });

  it('has its variables in place, and nothing else changed', () => {
    check(nearly('${}env:ABC-callerhd._ '), (text) => {
      const { value, problems } = expandVariables({ args: [text] }, { A: '1' });
      if (!text.includes('${')) expect([value, problems]).toEqual([{ args: [text] }, []]);
    });
  });

  it('matches a pattern in time that grows with its length, however many stars', () => {
    const startedAt = performance.now();
    expect(matchesPattern('*a'.repeat(50) + 'b', 'a'.repeat(5000))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(500);
    check(fc.tuple(nearly('ab*.?+()[]\\^$|'), nearly('ab.*')), ([pattern, text]) => {
      if (!pattern.includes('*')) expect(matchesPattern(pattern, text)).toBe(pattern === text);
      expect(matchesPattern(`*${text}*`, text)).toBe(true);
    });
  });

  it('is an address behind proxies, or that of the connection', () => {
    check(fc.tuple(nearly('127.0.1, ;for="[]:abcdef'), nearly('for=192.0.2.1;"[]:,')), ([usual, forwarded]) => {
      const request = {
        socket: { remoteAddress: '127.0.0.1' },
        headers: { 'x-forwarded-for': usual, forwarded },
      } as never;
      expect(networkOf(new Proxies(['127.0.0.0/8']).clientOf(request))).toBeDefined();
      expect(new Proxies([]).clientOf(request)).toBe('127.0.0.1');
    });
  });

  it('names whom a certificate is for, and never more than it says', () => {
    check(nearly('DNS:URIemail, "\\abc'), (text) => {
      for (const { kind, value } of alternativeNames(text))
        expect(kind.length + value.length).toBeLessThanOrEqual(text.length * 2);
    });
    check(fc.array(fc.tuple(fc.constantFrom('DNS', 'URI', 'email'), fc.string()), { maxLength: 4 }), (names) => {
      const text = names.map(([kind, value]) => `${kind}:${JSON.stringify(value)}`).join(', ');
      expect(alternativeNames(text)).toEqual(names.map(([kind, value]) => ({ kind: kind.toLowerCase(), value })));
    });
  });
});

describe('a stream of lines', () => {
  it('gives the same lines however it is cut', () => {
    check(
      fc.tuple(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(fc.nat(200), { maxLength: 8 }),
        fc.array(fc.nat(200), { maxLength: 12 }),
      ),
      ([bytes, breaks, cuts]) => {
        const all = Buffer.from(bytes);
        for (const at of breaks) if (at < all.length) all[at] = 0x0a;
        const linesOf = (chunks: Buffer[]): string[] => {
          const lines: string[] = [];
          const splitter = new LineSplitter(
            50,
            (line) => lines.push(line.toString('hex')),
            () => lines.push('too long'),
          );
          for (const chunk of chunks) splitter.push(chunk);
          return lines;
        };
        const places = [0, ...cuts.filter((cut) => cut < all.length).toSorted((a, b) => a - b), all.length];
        const chunks = places.slice(1).map((end, n) => all.subarray(places[n], end));
        expect(linesOf(chunks)).toEqual(linesOf([all]));
      },
    );
  });
});
