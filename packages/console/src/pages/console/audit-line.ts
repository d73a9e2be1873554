/** What a line of the audit log says, for a table. A line is untrusted: each part is used only where it is a text. */
import type { AuditLine } from './facts.ts';

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
