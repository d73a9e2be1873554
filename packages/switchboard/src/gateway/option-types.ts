/** The kinds of values that options have: each reads what a file, the environment or a flag says, or tells what it expected. */
import { z } from 'zod';

import { shown } from '../protocol/shown.ts';
import { isRedisUrl } from '../stores/redis-url.ts';
import { networkOf } from '../transports/http/client-address.ts';
import { parseDuration, parseSize } from '../util/units.ts';
import type { Duration, Size } from '../util/units.ts';

/** How clients can be served. */
export type TransportName = 'websocket' | 'http' | 'stdio';

/** Reads what is written, or says what is wrong with it. */
export type OptionType<Read, Written = Read> = z.ZodType<Read, Written>;

/** A type for each field of an interface: one that has no type, or a type without a field, does not compile. */
export type Fields<T> = { readonly [Name in keyof T]-?: OptionType<unknown, T[Name] | undefined> };

/** How the interfaces that are generated from the table say a type in TypeScript. */
export interface Names {
  /** What a program writes. */
  written: string;
  /** What it is read as. */
  read: string;
  /** In which unit that is. */
  unit?: string;
}

const NAMES = new WeakMap<z.ZodType, Names>();

/**
 * A type by its TypeScript names. A program is told the narrowest type that says what it means, though a file, the environment and
 * flags can only write text.
 */
const named = <Read, Written = Read>(names: Names, type: z.ZodType): z.ZodType<Read, Written> => {
  NAMES.set(type, names);
  return type as z.ZodType<Read, Written>;
};

/** What a type of the table is called in TypeScript. */
export const namesOf = (type: z.ZodType): Names => NAMES.get(type)!;

/** What a file has as it is, the environment and flags have as text. */
const written = z.union([z.string(), z.number()]);

/** A type that reads text or a number, and says what it expected when it cannot. */
const read = (expected: string, parse: (value: string | number) => unknown): z.ZodType =>
  written.transform((value, context) => {
    const parsed = parse(value);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: `expected ${expected}, got ${JSON.stringify(value)}` });
    return z.NEVER;
  });

const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
const positive = (number: number | undefined): number | undefined => (number === 0 ? undefined : number);
const milliseconds = { read: 'number', unit: 'milliseconds' };
const bytes = { written: 'Size', read: 'number', unit: 'bytes' };

export const duration: OptionType<number, Duration> = named(
  { ...milliseconds, written: 'Duration' },
  read('a duration such as 90s, 60m or 2h', (value) => positive(parseDuration(value))),
);
export const durationOrNever: OptionType<number, Duration | 'never'> = named(
  { ...milliseconds, written: "Duration | 'never'" },
  read('a duration such as 90s, 60m or 2h, or "never"', (value) =>
    value === 'never' ? Infinity : positive(parseDuration(value)),
  ),
);
export const size: OptionType<number, Size> = named(
  bytes,
  read('a size such as 512KiB or 4MiB', (value) => positive(parseSize(value))),
);
/** A message is read as one string, and those have an end. */
export const messageSize: OptionType<number, Size> = named(
  bytes,
  read('a size up to 256MiB, such as 512KiB or 4MiB', (value) => {
    const bytes = positive(parseSize(value));
    return bytes !== undefined && bytes <= MAX_MESSAGE_BYTES ? bytes : undefined;
  }),
);

const whole = (value: string | number, least: number, most: number): number | undefined => {
  const number = typeof value === 'number' || /^\d+$/.test(value.trim()) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) && number >= least && number <= most ? number : undefined;
};
export const count = (least: number, most: number = Number.MAX_SAFE_INTEGER): OptionType<number> =>
  named(
    { written: 'number', read: 'number' },
    read(`a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`}`, (value) =>
      whole(value, least, most),
    ),
  );
export const countOrAuto: OptionType<number | 'auto'> = named(
  { written: "number | 'auto'", read: "number | 'auto'" },
  read('auto, or a whole number from 0 to 100', (value) => (value === 'auto' ? value : whole(value, 0, 100))),
);
export const processCount: OptionType<number | 'auto'> = named(
  { written: "number | 'auto'", read: "number | 'auto'" },
  read('auto, or a whole number from 1 to 64', (value) => (value === 'auto' ? value : whole(value, 1, 64))),
);
export const countOrHalf: OptionType<number | undefined, number | 'half'> = named(
  { written: "number | 'half'", read: 'number | undefined' },
  z.union([z.literal('half').transform(() => undefined), count(1)]),
);
export const portOrSharing: OptionType<number | 'shared' | 'off'> = named(
  { written: "number | 'shared' | 'off'", read: "number | 'shared' | 'off'" },
  read('shared, off or a port', (value) => (value === 'shared' || value === 'off' ? value : whole(value, 0, 65_535))),
);

const readRate = (value: string | number): number | undefined => {
  if (value === 'unlimited') return Infinity;
  const number = Number(value);
  return Number.isFinite(number) && number > 0 ? number : undefined;
};
export const rate: OptionType<number, number | 'unlimited'> = named(
  { written: "number | 'unlimited'", read: 'number' },
  read('a number above 0, or "unlimited"', readRate),
);
export const rateOrAuto: OptionType<number | 'auto', number | 'unlimited' | 'auto'> = named(
  { written: "number | 'unlimited' | 'auto'", read: "number | 'auto'" },
  read('a number above 0, "unlimited" or "auto"', (value) => (value === 'auto' ? value : readRate(value))),
);

const string = { written: 'string', read: 'string' };
export const text: OptionType<string> = named(string, z.string());
export const someText: OptionType<string> = named(string, z.string().min(1));
/** What is wrong is not repeated. */
export const token: OptionType<string> = named(
  string,
  z.string().refine((given) => given === '' || given === 'auto' || given.length >= 32, {
    error: 'expected auto, or 32 characters or more',
  }),
);
/** Never repeated in an error. */
export const adminToken: OptionType<string> = named(
  string,
  z
    .string('expected a text')
    .regex(
      /^([\w.~+/=-]{24,512})?$/,
      'expected 24 to 512 letters, digits and -._~+/=, which is what a header can carry',
    ),
);
/** Never repeated in an error. */
export const clusterKey: OptionType<string> = named(
  string,
  z.string('expected a text').refine((given) => given === '' || Buffer.byteLength(given) >= 32, {
    error: 'expected 32 bytes or more',
  }),
);
/** Never repeated in an error: it may hold a password. */
export const storeSetting: OptionType<string> = named(
  string,
  z.string('expected a text').refine((given) => /^(auto|memory|sqlite:.+)$/s.test(given) || isRedisUrl(given), {
    error:
      'expected memory, sqlite:<file>, or a URL such as redis://host:6379, rediss://user:password@host:6379/0 or redis+sentinel://host:26379,host:26379/mymaster, with ?prefix= and ?replicas= at most',
  }),
);

/** Where a node listens: an address and a port. */
export const listenAddress: OptionType<string> = named(
  string,
  z.string().refine((given) => given === '' || readListenAddress(given) !== undefined, {
    error: ({ input }) => `expected an address and a port such as 10.0.0.1:8766, got ${shown(input)}`,
  }),
);
export const httpUrl: OptionType<string> = named(
  string,
  z.string().refine((given) => given === '' || isOrigin(given), {
    error: ({ input }) => `expected a URL such as http://10.0.0.1:8766 without a path, got ${shownUrl(input)}`,
  }),
);

/** A URL that is refused, as it may be for its password, which an error must not repeat. */
const shownUrl = (given: unknown): string =>
  shown(typeof given === 'string' ? given.replace(/^([^:]*:[/\\]*).*@/s, '$1…@') : given);

/** What stands for the id of a trace in the address of one. */
export const TRACE_ID = '{traceId}';

/** Where a trace system shows a trace. */
export const traceUrl: OptionType<string> = named(
  string,
  z.string().refine((given) => given === '' || isTraceUrl(given), {
    error: ({ input }) =>
      `expected a URL with http or https and ${TRACE_ID}, and without a password, such as https://jaeger.example.com/trace/${TRACE_ID}, got ${shownUrl(input)}`,
  }),
);

/** The id stands behind the host: it must not choose one. */
function isTraceUrl(text: string): boolean {
  const filled = text.replaceAll(TRACE_ID, 'a'.repeat(32));
  if (filled === text || !URL.canParse(filled)) return false;
  const { protocol, username, password, origin } = new URL(filled);
  return /^https?:$/.test(protocol) && username === '' && password === '' && !/a{32}/.test(origin);
}

const isOrigin = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && `${new URL(text).origin}/` === new URL(text).href;

/** An address and a port as they are written; IPv6 stands in brackets. */
export function readListenAddress(text: string): { host: string; port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([\da-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}

export const oneOf = <const Name extends string>(...names: Name[]): OptionType<Name> => {
  const union = names.map((name) => `'${name}'`).join(' | ');
  const expected = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  const type = z.enum(names, { error: ({ input }) => `expected ${expected}, got ${shown(input)}` });
  return named({ written: union, read: union }, type);
};
export const flag: OptionType<boolean> = named(
  { written: 'boolean', read: 'boolean' },
  z
    .union([z.boolean(), z.enum(['true', 'false', '1', '0'])])
    .transform((value) => value === true || value === 'true' || value === '1'),
);
export const onOrOff: OptionType<boolean, boolean | 'on' | 'off'> = named(
  { written: "boolean | 'on' | 'off'", read: 'boolean' },
  z
    .union([z.boolean(), z.enum(['on', 'off', 'true', 'false', '1', '0'])])
    .transform((value) => value === true || value === 'on' || value === 'true' || value === '1'),
);
export const consoleMode: OptionType<'on' | 'read-only' | 'off', boolean | 'on' | 'read-only' | 'off'> = named(
  { written: "boolean | 'on' | 'read-only' | 'off'", read: "'on' | 'read-only' | 'off'" },
  z.union([z.literal('read-only'), onOrOff.transform((isOn) => (isOn ? 'on' : 'off'))], {
    error: ({ input }) => `expected on, read-only or off, got ${shown(input)}`,
  }),
);

const texts = { written: 'string | readonly string[]', read: 'string[]' };
type Texts = string | readonly string[];
const split = z
  .union([z.array(z.string()), z.string()])
  .transform((value) =>
    (typeof value === 'string' ? value.split(',') : value).map((each) => each.trim()).filter(Boolean),
  );
export const list: OptionType<string[], Texts> = named(texts, split);

/** The name of an environment variable, in which `*` stands for any characters. */
export const variableName: z.ZodString = z.string().regex(/^[A-Za-z_*][A-Za-z0-9_*]*$/, {
  error: ({ input }) =>
    `expected the name of an environment variable, in which * stands for any characters, got ${JSON.stringify(input)}`,
});
export const variableNames: OptionType<string[], Texts> = named(
  texts,
  split.transform((names, context) => {
    for (const name of names) {
      for (const { message } of variableName.safeParse(name).error?.issues ?? []) {
        context.addIssue({ code: 'custom', message });
      }
    }
    return names;
  }),
);

export const networks: OptionType<string[], Texts> = named(
  texts,
  split.transform((all, context) => {
    for (const each of all) {
      if (networkOf(each) !== undefined) continue;
      const message = `expected an address or a network such as 10.0.0.0/8, got ${JSON.stringify(each)}`;
      context.addIssue({ code: 'custom', message });
    }
    return all;
  }),
);

/** One of the transports, or `all`: WebSocket and HTTP. */
export type TransportChoice = TransportName | 'all';

export const transports: OptionType<TransportName[], TransportChoice | readonly TransportChoice[]> = named(
  { written: 'TransportChoice | readonly TransportChoice[]', read: 'TransportName[]' },
  split.transform((names, context): TransportName[] => {
    const known: Record<string, TransportName[]> = {
      all: ['websocket', 'http'],
      websocket: ['websocket'],
      http: ['http'],
      stdio: ['stdio'],
    };
    const chosen = names.flatMap((name) => (Object.hasOwn(known, name) ? known[name]! : [undefined]));
    if (chosen.length > 0 && !chosen.includes(undefined)) return [...new Set(chosen)] as TransportName[];
    const message = `expected ${Object.keys(known).join(', ')} or several with commas, got ${JSON.stringify(names.join(','))}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }),
);
