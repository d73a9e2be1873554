/** The kinds of values that options have: each reads what a file, the environment or a flag says, or tells what it expected. */
import { z } from 'zod';

import { networkOf } from '../transports/http/client-address.ts';
import { parseDuration, parseSize } from '../util/units.ts';

export type TransportName = 'websocket' | 'http' | 'stdio';

/** What a file has as it is, the environment and flags have as text. */
const written = z.union([z.string(), z.number()]);

/** A type that reads text or a number, and says what it expected when it cannot. */
const read = (expected: string, parse: (value: string | number) => number | undefined): z.ZodType =>
  written.transform((value, context) => {
    const number = parse(value);
    if (number !== undefined) return number;
    context.addIssue({ code: 'custom', message: `expected ${expected}, got ${JSON.stringify(value)}` });
    return z.NEVER;
  });

const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
const positive = (number: number | undefined): number | undefined => (number === 0 ? undefined : number);
export const duration: z.ZodType = read('a duration such as 90s, 60m or 2h', (value) => positive(parseDuration(value)));
export const durationOrNever: z.ZodType = read('a duration such as 90s, 60m or 2h, or "never"', (value) =>
  value === 'never' ? Infinity : positive(parseDuration(value)),
);
export const size: z.ZodType = read('a size such as 512KiB or 4MiB', (value) => positive(parseSize(value)));
/** A message is read as one string, and those have an end. */
export const messageSize: z.ZodType = read('a size up to 256MiB, such as 512KiB or 4MiB', (value) => {
  const bytes = positive(parseSize(value));
  return bytes !== undefined && bytes <= MAX_MESSAGE_BYTES ? bytes : undefined;
});
export const count = (least: number, most: number = Number.MAX_SAFE_INTEGER): z.ZodType =>
  read(`a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`}`, (value) => {
    const number = typeof value === 'number' || /^\d+$/.test(value.trim()) ? Number(value) : Number.NaN;
    return Number.isSafeInteger(number) && number >= least && number <= most ? number : undefined;
  });
export const rate: z.ZodType = read('a number above 0, or "unlimited"', (value) => {
  if (value === 'unlimited') return Infinity;
  const number = Number(value);
  return Number.isFinite(number) && number > 0 ? number : undefined;
});
/** What is wrong is not repeated. */
export const token: z.ZodType = z.string().refine((text) => text === '' || text === 'auto' || text.length >= 32, {
  error: 'expected auto, or 32 characters or more',
});
export const countOrAuto: z.ZodType = written.transform((value, context) => {
  if (value === 'auto') return value;
  const parsed = count(0, 100).safeParse(value);
  if (parsed.success) return parsed.data;
  context.addIssue({
    code: 'custom',
    message: `expected auto, or a whole number from 0 to 100, got ${JSON.stringify(value)}`,
  });
  return z.NEVER;
});
export const countOrHalf: z.ZodType = z.union([
  z.literal('half').transform(() => undefined),
  count(1, Number.MAX_SAFE_INTEGER),
]);
export const portOrSharing: z.ZodType = written.transform((value, context) => {
  if (value === 'shared' || value === 'off') return value;
  const parsed = count(0, 65_535).safeParse(value);
  if (parsed.success) return parsed.data;
  context.addIssue({ code: 'custom', message: `expected shared, off or a port, got ${JSON.stringify(value)}` });
  return z.NEVER;
});
/** Never repeated in an error. */
export const adminToken: z.ZodType = z
  .string('expected a text')
  .regex(/^([\w.~+/=-]{24,512})?$/, 'expected 24 to 512 letters, digits and -._~+/=, which is what a header can carry');
export const oneOf = (...names: string[]): z.ZodType => z.enum(names);
export const flag: z.ZodType = z
  .union([z.boolean(), z.enum(['true', 'false', '1', '0'])])
  .transform((value) => value === true || value === 'true' || value === '1');
export const onOrOff: z.ZodType = z
  .union([z.boolean(), z.enum(['on', 'off', 'true', 'false', '1', '0'])])
  .transform((value) => value === true || value === 'on' || value === 'true' || value === '1');
export const list: z.ZodType<string[]> = z
  .union([z.array(z.string()), z.string()])
  .transform((value) =>
    (typeof value === 'string' ? value.split(',') : value).map((each) => each.trim()).filter(Boolean),
  );

/** The name of an environment variable, in which `*` stands for any characters. */
export const variableName: z.ZodString = z.string().regex(/^[A-Za-z_*][A-Za-z0-9_*]*$/, {
  error: ({ input }) =>
    `expected the name of an environment variable, in which * stands for any characters, got ${JSON.stringify(input)}`,
});
export const variableNames: z.ZodType<string[]> = list.transform((names, context) => {
  for (const name of names) {
    for (const { message } of variableName.safeParse(name).error?.issues ?? []) {
      context.addIssue({ code: 'custom', message });
    }
  }
  return names;
});

export const networks: z.ZodType = list.transform((texts, context) => {
  for (const text of texts) {
    if (networkOf(text) !== undefined) continue;
    const message = `expected an address or a network such as 10.0.0.0/8, got ${JSON.stringify(text)}`;
    context.addIssue({ code: 'custom', message });
  }
  return texts;
});

export const transports: z.ZodType = list.transform((names, context): TransportName[] => {
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
});
