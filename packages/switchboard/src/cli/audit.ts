/** `audit`: the audit log of a running Switchboard. */
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { Option } from 'commander';

import type { AuditAnswer } from '../gateway/admin/audit.ts';
import { clientNameOf, outcomeOf, whatOf, whoOf } from '../observe/audit-reader.ts';
import { textOf } from '../protocol/jsonrpc.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { print, printJson, printTable, size } from './table.ts';

interface AuditFlags extends AdminFlags {
  limit?: string;
  export?: string;
  principal?: string;
  client?: string;
  tool?: string;
  upstream?: string;
  type?: string;
  outcome?: string;
  since?: string;
  until?: string;
}

export const auditCommand = (): Command =>
  adminCommand('audit', 'Search the audit log of a running Switchboard.')
    .option('--principal <name>', 'a part of the name of the principal or operator')
    .option('--client <name>', 'a part of how the client named itself')
    .option('--tool <name>', 'a part of the tool, the method, or what an operator did')
    .option('--upstream <name>', 'a part of the name of the server')
    .option('--type <type>', 'of the line, such as request.ended')
    .addOption(
      new Option('--outcome <outcome>', 'how it ended').choices([
        'ok',
        'isError',
        'error',
        'cancelled',
        'refused',
        'other',
      ]),
    )
    .option('--since <time>', 'a time such as 2026-11-29T22:00:00Z, or how long ago, such as 2h')
    .option('--until <time>', 'as --since')
    .option('--limit <count>', 'how many of the newest lines', '100')
    .addOption(new Option('--export <format>', 'every line, oldest first, instead').choices(['ndjson', 'csv']))
    .action(async ({ url, token, json, limit, export: format, ...filter }: AuditFlags) => {
      const client = AdminClient.find(
        { ...(url !== undefined && { url }), ...(token !== undefined && { token }) },
        process.env,
      );
      const given = Object.entries(filter).filter((each): each is [string, string] => each[1] !== undefined);
      const queryWith = (more: Record<string, string>): string =>
        new URLSearchParams({ ...Object.fromEntries(given), ...more }).toString();
      if (format !== undefined) {
        await pipeline(await client.body(`/audit/export?${queryWith({ format })}`), process.stdout, { end: false });
        return;
      }
      const page = await client.ask<AuditAnswer>('GET', `/audit?${queryWith({ limit: limit ?? '100' })}`);
      if (json === true) printJson(page);
      else printPage(page);
    });

function printPage({ lines, before, searchedBytes, redacted }: AuditAnswer): void {
  printTable(
    ['time', 'who', 'client', 'type', 'what', 'upstream', 'outcome'],
    lines.map((line) => [
      textOf(line['time']).slice(0, 19),
      whoOf(line),
      clientNameOf(line),
      textOf(line['type']),
      whatOf(line),
      textOf(line['upstream']),
      outcomeOf(line),
    ]),
    before === undefined ? 'no line fits' : `no line of the newest ${size(searchedBytes)} fits`,
  );
  if (before !== undefined)
    print('\nThere may be older lines: raise --limit, or narrow it down with --since and --until.');
  for (const sentence of redacted) process.stderr.write(`${sentence}\n`);
}
