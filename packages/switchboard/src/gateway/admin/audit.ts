/** The audit log for operators and auditors: searched and exported, and what of it they do not get is said. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

import { auditLines, clientNameOf, outcomeOf, searchAudit, whatOf, whoOf } from '../../observe/audit-reader.ts';
import type { AuditFilter, AuditPage } from '../../observe/audit-reader.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { omit } from '../../util/omit.ts';
import type { Settings } from '../settings.ts';
import type { Operator } from './operator.ts';

export interface AuditSearch extends AuditFilter {
  limit?: number | undefined;
  before?: number | undefined;
}

export interface AuditAnswer extends AuditPage {
  /** What is not in it, and why, in sentences. */
  redacted: string[];
}

export type AuditFormat = 'ndjson' | 'csv';

export const AUDIT_TYPES: Readonly<Record<AuditFormat, string>> = { ndjson: 'application/x-ndjson', csv: 'text/csv' };
/** How many lines an answer has, where nothing else is asked for, and at the most. */
const LINES = 100;
export const MAX_LINES = 1000;
/** How many may search or export at a time, of all operators. */
export const MAX_READERS = 4;
/** How long an export waits for its reader, in ms. */
const MAX_SLOW_MS = 60_000;

let readers = 0;

/** @throws {SwitchboardError} `SWB_NOT_FOUND` where there is no audit log, `SWB_OVERLOADED` */
export function readAudit(
  { auditLog, auditContents }: Pick<Settings, 'auditLog' | 'auditContents'>,
  { limit = LINES, before, ...filter }: AuditSearch,
  { readsContents = false }: Operator,
): Promise<AuditAnswer> {
  return reading(auditLog, async () => {
    const page = await searchAudit(auditLog, filter, { limit, before });
    return {
      ...page,
      lines: page.lines.map((line) => (readsContents ? line : withoutContents(line))),
      redacted: redactedFor(auditContents, readsContents),
    };
  });
}

/** Sends every line that fits as a file, oldest first. @throws as {@link readAudit} */
export function exportAudit(
  { auditLog }: Pick<Settings, 'auditLog'>,
  format: AuditFormat,
  filter: AuditFilter,
  { readsContents = false }: Operator,
  response: ServerResponse,
): Promise<void> {
  return reading(auditLog, async () => {
    const lines = auditLines(auditLog, filter);
    const first = await lines.next();
    response.writeHead(200, {
      'content-type': `${AUDIT_TYPES[format]}; charset=utf-8`,
      'content-disposition': `attachment; filename="audit.${format}"`,
      'cache-control': 'no-store',
    });
    if (format === 'csv') response.write(`${COLUMNS.join(',')}\r\n`);
    const write = async (some: readonly JsonObject[]): Promise<void> => {
      const text = some.map((line) => {
        const shown = readsContents ? line : withoutContents(line);
        return format === 'csv' ? `${csvOf(shown)}\r\n` : `${JSON.stringify(shown)}\n`;
      });
      if (!response.write(text.join(''))) await drained(response);
    };
    if (first.done !== true) await write(first.value);
    for await (const some of lines) {
      if (response.destroyed) break;
      await write(some);
    }
    response.end();
  });
}

/** Whoever reads slowly is waited for; who reads nothing gives its place back. */
async function drained(response: ServerResponse): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(MAX_SLOW_MS)]);
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } catch {
    response.destroy();
  } finally {
    over.abort();
  }
}

async function reading<Answer>(path: string, work: () => Promise<Answer>): Promise<Answer> {
  if (path === '') {
    const detail = 'there is no audit log here; start Switchboard with --audit-log audit.jsonl to have one';
    throw new SwitchboardError('SWB_NOT_FOUND', { detail });
  }
  if (readers >= MAX_READERS) {
    throw new SwitchboardError('SWB_OVERLOADED', { detail: `${MAX_READERS} read the audit log already, the limit` });
  }
  readers++;
  try {
    return await work();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof SwitchboardError || typeof code !== 'string') throw cause;
    throw new SwitchboardError('SWB_NOT_FOUND', { detail: `the audit log cannot be read: ${message}`, cause });
  } finally {
    readers--;
  }
}

function redactedFor(auditContents: boolean, readsContents: boolean): string[] {
  if (!auditContents)
    return ['The log has names and sizes of messages, not their contents: the option auditContents is off.'];
  if (!readsContents) return ['Params, results and error texts are left out: reading them requires the role auditor.'];
  return [
    'Values under names that sound like a secret, such as password or token, were replaced by [redacted] as they were written. ' +
      'A secret within a text is not found.',
  ];
}

/** Where contents are recorded, `error` is what was answered; its name is no content. */
function withoutContents(line: JsonObject): JsonObject {
  const shown = omit(line, 'params', 'result', 'error');
  const { error } = line;
  const data = isObject(error) ? error['data'] : undefined;
  const name = isObject(data) ? data['code'] : error;
  return typeof name === 'string' ? { ...shown, error: name } : shown;
}

const COLUMNS = [
  'time',
  'type',
  'who',
  'client',
  'what',
  'upstream',
  'outcome',
  'error',
  'ms',
  'transport',
  'session',
  'exchange',
  'bytesIn',
  'bytesOut',
  'more',
] as const;

function csvOf(line: JsonObject): string {
  const { error, params, result } = line;
  const more = { ...(params !== undefined && { params }), ...(result !== undefined && { result }) };
  const cells: Readonly<Record<(typeof COLUMNS)[number], unknown>> = {
    time: line['time'],
    type: line['type'],
    who: whoOf(line),
    client: clientNameOf(line),
    what: whatOf(line),
    upstream: line['upstream'],
    outcome: outcomeOf(line),
    error: isObject(error) ? JSON.stringify(error) : (error ?? line['code']),
    ms: line['ms'],
    transport: line['transport'],
    session: line['session'] ?? line['connection'],
    exchange: line['exchange'],
    bytesIn: line['bytesIn'],
    bytesOut: line['bytesOut'],
    more:
      Object.keys(more).length > 0
        ? JSON.stringify(more)
        : textOf(line['subject']) || textOf(line['reason']) || textOf(line['detail']),
  };
  return COLUMNS.map((name) => cellOf(cells[name])).join(',');
}

/** A spreadsheet takes what begins so for a formula, and it was written by a client. */
const FORMULA = /^[=+\-@\t\r]/;

function cellOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'string' ? value : '';
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
