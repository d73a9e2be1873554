/** What a line of the audit log says, for a table. A line is untrusted: each part is used only where it is a text. */
import type { AuditLine } from './facts.ts';
import { duration, size } from './words.ts';

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
