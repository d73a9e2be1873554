/** `history`: how busy a running Switchboard was, and what changed. */
import type { Command } from 'commander';
import { Option } from 'commander';

import type { Change, HistoryRange, UpstreamLoad } from '../observe/history.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { usageError } from './exit.ts';
import { duration, printJson, printTable, size } from './table.ts';

interface HistoryFlags extends AdminFlags {
  range: string;
  upstreams?: boolean;
  changes?: boolean;
}

/** So many rows of a range are printed, each the sum of several steps. */
const MAX_ROWS = 12;

export const historyCommand = (): Command =>
  adminCommand('history', 'Show how busy a running Switchboard was, and what changed.')
    .addOption(new Option('--range <range>', 'how far back').choices(['minute', 'hour', 'day']).default('minute'))
    .option('--upstreams', 'the last minute of each server instead')
    .option('--changes', 'what changed instead: reloads, restarts, failures and what operators did')
    .action(async ({ range, upstreams, changes, ...flags }: HistoryFlags) => {
      if (upstreams === true && changes === true) throw usageError('give either --upstreams or --changes');
      const client = AdminClient.find(flags, process.env);
      const path = upstreams === true ? '/upstreams' : changes === true ? '/changes' : `?range=${range}`;
      const answer = await client.ask('GET', `/history${path}`);
      if (flags.json === true) printJson(answer);
      else if (upstreams === true) printUpstreams(answer as UpstreamLoad[]);
      else if (changes === true) printChanges(answer as Change[]);
      else printRange(answer as HistoryRange);
    });

function printUpstreams(load: readonly UpstreamLoad[]): void {
  printTable(
    ['upstream', 'calls', 'errors', 'p50', 'p99'],
    load.map(({ upstream, calls, errors, p50Ms, p99Ms }) => [upstream, calls, errors, inWords(p50Ms), inWords(p99Ms)]),
    'nothing was called in the last minute',
  );
}

function printChanges(changes: readonly Change[]): void {
  const now = Date.now();
  printTable(
    ['ago', 'level', 'upstream', 'times', 'what'],
    changes.map(({ time, level, upstream = '', text, count }) => [duration(now - time), level, upstream, count, text]),
    'nothing has changed since the start',
  );
}

function printRange({ from, stepMs, ...columns }: HistoryRange): void {
  const { length } = columns.calls;
  const each = Math.ceil(length / MAX_ROWS);
  const end = from + length * stepMs;
  const rows = Array.from({ length: Math.ceil(length / each) }, (_, nth) => {
    const part = <T>(column: readonly T[]): T[] => column.slice(nth * each, (nth + 1) * each);
    const sum = (column: readonly number[]): number => part(column).reduce((all, one) => all + one, 0);
    const most = (column: readonly (number | null)[]): number | null =>
      part(column).reduce((all, one) => (one === null ? all : Math.max(all ?? 0, one)), null);
    return [
      duration(end - (from + nth * each * stepMs)),
      sum(columns.calls),
      sum(columns.errors),
      sum(columns.refused),
      inWords(most(columns.p50Ms)),
      inWords(most(columns.p99Ms)),
      most(columns.clients) ?? 0,
      size(most(columns.memoryBytes) ?? 0),
    ];
  });
  printTable(['from ago', 'calls', 'errors', 'refused', 'p50', 'p99', 'clients', 'memory'], rows, 'nothing is known');
}

const inWords = (ms: number | null): string => (ms === null ? '' : duration(ms));
