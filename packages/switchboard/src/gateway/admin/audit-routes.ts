/** The routes of the admin API for the audit log. */
import { AUDIT_TYPES, exportAudit, readAudit } from './audit.ts';
import { define } from './route.ts';
import type { Route } from './route.ts';
import * as shapes from './shapes.ts';

export const AUDIT_ROUTES: readonly Route[] = [
  define({
    method: 'GET',
    path: '/audit',
    summary: 'The newest lines of the audit log that fit, and what is left out of them',
    command: 'audit',
    isAudit: true,
    query: shapes.auditSearch,
    answer: shapes.auditPage,
    subject: ({ query }) => wordsOf(query),
    handle: ({ settings }, { query, operator }) => readAudit(settings, query, operator),
  }),
  define({
    method: 'GET',
    path: '/audit/export',
    summary: 'Every line of the audit log that fits as a file, oldest first',
    command: 'audit --export <format>',
    isAudit: true,
    query: shapes.auditExport,
    answer: shapes.text,
    stream: true,
    type: AUDIT_TYPES.ndjson,
    subject: ({ query }) => wordsOf(query),
    handle: ({ settings }, { query: { format = 'ndjson', ...filter }, operator }, response) =>
      exportAudit(settings, format, filter, operator, response),
  }),
];

/** What was asked for, in the audit log. */
const wordsOf = (query: object): string =>
  Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ');
