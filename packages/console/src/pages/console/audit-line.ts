/** What a line of the audit log says, for a table. A line is untrusted: each part is used only where it is a text. */
import type { AuditLine, AuditPage } from './facts.ts';
import { counted, duration, size } from './words.ts';

const textIn = (line: AuditLine, ...names: readonly string[]): string => {
  for (const name of names) {
    const value = line[name];
    if (typeof value === 'string' && value !== '') return value;
  }
  return '';
};

export const whoOf = (line: AuditLine): string => textIn(line, 'principal', 'operator');
export const clientOf = (line: AuditLine): string => textIn(line, 'client', 'userAgent');
export const serverOf = (line: AuditLine): string => textIn(line, 'upstream');
export const typeOf = (line: AuditLine): string => textIn(line, 'type');

/** What was asked for or done, with whom or what. */
export function whatOf(line: AuditLine): string {
  const what = textIn(line, 'target', 'method', 'action', 'reason', 'detail');
  return typeOf(line) === 'operator.acted' ? [what, textIn(line, 'subject')].filter(Boolean).join(' ') : what;
}

/** What parts of a line are called, in the order in which they are shown. */
const LABELS: Readonly<Record<string, string>> = {
  principal: 'Who',
  operator: 'Who',
  client: 'Client',
  userAgent: 'User agent',
  upstream: 'Server',
  method: 'Method',
  target: 'Tool or prompt',
  action: 'Did',
  subject: 'With',
  reason: 'Because',
  detail: 'Detail',
  tools: 'Tools',
  ms: 'Took',
  bytesIn: 'Params',
  bytesOut: 'Answer',
  session: 'Session',
  connection: 'Connection',
  address: 'Address',
  transport: 'Transport',
  era: 'Era',
  version: 'Protocol',
  exchange: 'Call',
};
/** What stands elsewhere. */
const SHOWN_APART: ReadonlySet<string> = new Set(['time', 'type', 'outcome', 'code', 'params', 'result', 'error']);

/** Every part of a line by its name, known ones first. */
export function factsOf(line: AuditLine): Record<string, string> {
  const known = Object.keys(LABELS);
  const names = Object.keys(line).filter((name) => !SHOWN_APART.has(name));
  const inOrder = [...known.filter((name) => names.includes(name)), ...names.filter((name) => !known.includes(name))];
  return Object.fromEntries(
    inOrder.map((name) => [Object.hasOwn(LABELS, name) ? LABELS[name]! : name, inWords(name, line[name])]),
  );
}

function inWords(name: string, value: unknown): string {
  if (typeof value === 'number' && name === 'ms') return duration(value);
  if (typeof value === 'number' && name.startsWith('bytes')) return size(value);
  if (typeof value === 'string') return value;
  const isTexts = Array.isArray(value) && value.every((each): each is string => typeof each === 'string');
  return isTexts ? value.join(', ') : JSON.stringify(value);
}

/** What tells lines apart: each is written once. */
const IDENTITY = [
  'type',
  'exchange',
  'session',
  'connection',
  'address',
  'principal',
  'operator',
  'client',
  'upstream',
];
const WHAT = ['method', 'target', 'action', 'subject', 'outcome', 'code', 'reason', 'detail', 'ms'];

/**
 * A short name for each line, which is the same however it was found: by which search, and by whom, as nothing counts that is left out for
 * some. Lines that say the same are counted, the newest first.
 */
export function idsOf(lines: readonly AuditLine[]): string[] {
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const text = JSON.stringify([...IDENTITY, ...WHAT].map((name) => line[name] ?? 0));
    const id = `${timeOf(line).toString(36)}-${hashOf(text).toString(36)}`;
    const nth = seen.get(id) ?? 0;
    seen.set(id, nth + 1);
    return nth === 0 ? id : `${id}-${nth}`;
  });
}

/** FNV-1a, of 32 bits: lines of one millisecond are few. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** How much of the log the lines are, in words: all that fit, or those of the part that was read so far. */
export function extentOf({
  lines,
  before,
  searchedBytes,
}: Pick<AuditPage, 'lines' | 'searchedBytes'> & { readonly before?: number | undefined }): string {
  if (before === undefined)
    return lines.length === 0 ? 'No line of the audit log fits.' : `${counted(lines.length, 'line')}, all that fit`;
  const read = `the newest ${size(searchedBytes)} of the log`;
  return lines.length === 0 ? `No line in ${read} fits.` : `${counted(lines.length, 'line')} in ${read}`;
}

/** In ms since 1970; 0 where it does not say. */
export const timeOf = (line: AuditLine): number => Date.parse(textIn(line, 'time')) || 0;

export function outcomeOf(line: AuditLine): string {
  const outcome = textIn(line, 'outcome');
  if (typeOf(line).endsWith('.refused')) return 'refused';
  return typeOf(line) === 'operator.acted' && outcome !== 'ok' ? 'refused' : outcome;
}

/** Why it ended so. */
export function whyOf(line: AuditLine): string {
  const { code } = line;
  const named = textIn(line, 'error', 'code');
  if (named !== '' || typeof code !== 'number') {
    return typeOf(line) === 'operator.acted' && line['outcome'] !== 'ok' ? textIn(line, 'outcome') : named;
  }
  return String(code);
}
