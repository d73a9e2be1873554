/** A line of the log as readable text: time, level, event and facts on one line; the stack of an error is indented below it. */
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { asLine } from './line.ts';

export interface TextOptions {
  /** With colours of ANSI terminals. @default false */
  coloured?: boolean;
  /** The date is shown only where it is not the date of this moment. @default now */
  now?: Date;
}

const RESET = '\u001b[0m';
const DIM = '\u001b[2m';
const LEVELS: Readonly<Record<number, readonly [string, string]>> = {
  10: ['TRACE', DIM],
  20: ['DEBUG', DIM],
  30: ['INFO', '\u001b[32m'],
  40: ['WARN', '\u001b[33m'],
  50: ['ERROR', '\u001b[31m'],
};
/** Strings that need no quotes. */
const PLAIN = /^[\w.:/@*+%-]+$/;

/** @param line a line of JSON of {@link createLog}; anything else is shown as it is, with controls escaped. */
export function asText(line: string, { coloured = false, now = new Date() }: TextOptions = {}): string {
  const entry = entryOf(line);
  if (entry === undefined) return printable(line);
  const { level, time, msg, err, ...facts } = entry;
  const paint = (colour: string, text: string): string => (coloured ? `${colour}${text}${RESET}` : text);
  const [name, colour] = LEVELS[Number(level)] ?? [printable(String(level)), ''];
  const { error, stack } = errorOf(err);
  const all = Object.entries({ ...facts, ...(error !== undefined && { error }) });
  const head = [
    paint(DIM, timeOf(String(time), now)),
    paint(colour, name.padEnd(5)),
    printable(String(msg)),
    ...all.map(([key, value]) => `${paint(DIM, `${printable(key)}=`)}${valueOf(value)}`),
  ];
  return [head.join(' '), ...stack.map((each) => `    ${paint(DIM, printable(each.trim()))}`)].join('\n');
}

function entryOf(line: string): JsonObject | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return isObject(entry) ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** Escaped as in JSON, so that it stays on its line and cannot steer a terminal. */
const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  asLine(text.replace(/[\u0000-\u001f]/g, (char) => JSON.stringify(char).slice(1, -1)));

function valueOf(value: unknown): string {
  if (typeof value === 'string' && PLAIN.test(value)) return value;
  return asLine(JSON.stringify(value));
}

/** The message of an error, and the lines of its stack that say where it was thrown and what caused it. */
function errorOf(err: unknown): { error?: unknown; stack: string[] } {
  if (!isObject(err) || typeof err['message'] !== 'string') return { error: err, stack: [] };
  const { message, stack } = err;
  const lines = typeof stack === 'string' ? stack.split('\n') : [];
  return { error: message, stack: lines.filter((each) => /^\s*(at |caused by:)/.test(each)) };
}

/** In the time zone of this machine. */
function timeOf(iso: string, now: Date): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return printable(iso);
  const [day, clock] = localParts(time);
  return day === localParts(now)[0] ? clock : `${day} ${clock}`;
}

function localParts(time: Date): [string, string] {
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString();
  return [local.slice(0, 10), local.slice(11, 23)];
}
