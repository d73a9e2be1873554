/** `history`: how busy a running Switchboard was, and what changed. */
import type { Command } from 'commander';
import { Option } from 'commander';

import type { Change } from '../observe/changes.ts';
import type { HistoryRange, UpstreamLoad, UsageRange } from '../observe/history.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { usageError } from './exit.ts';
import { duration, printJson, printTable, size } from './table.ts';

interface HistoryFlags extends AdminFlags {
  range: string;
  upstreams?: boolean;
  changes?: boolean;
  usage?: string;
}

/** So many rows of a range are printed, each the sum of several steps. */
const MAX_ROWS = 12;

export const historyCommand = (): Command =>
  adminCommand('history', 'Show how busy a running Switchboard was, and what changed.')
    .addOption(new Option('--range <range>', 'how far back').choices(['minute', 'hour', 'day']).default('minute'))
    .option('--upstreams', 'each server in that time instead')
    .option('--changes', 'what changed instead: reloads, restarts, failures and what operators did')
    .option('--usage <upstream>', 'memory and processor time of the processes of this server instead')
    .action(async ({ range, upstreams, changes, usage, ...flags }: HistoryFlags) => {
      const given = [upstreams, changes, usage].filter((each) => each !== undefined);
      if (given.length > 1) throw usageError('give one of --upstreams, --changes and --usage');
      const client = AdminClient.find(flags, process.env);
      if (usage !== undefined) {
        const used = await client.ask<UsageRange>(
          'GET',
          `/upstreams/${encodeURIComponent(usage)}/usage?range=${range}`,
        );
        if (flags.json === true) printJson(used);
        else printUsage(used);
        return;
      }
      const path = upstreams === true ? `/upstreams?range=${range}` : changes === true ? '/changes' : `?range=${range}`;
      const answer = await client.ask('GET', `/history${path}`);
      if (flags.json === true) printJson(answer);
      else if (upstreams === true) printUpstreams(answer as UpstreamLoad[], range);
      else if (changes === true) printChanges(answer as Change[]);
      else printRange(answer as HistoryRange);
    });

function printUpstreams(load: readonly UpstreamLoad[], range: string): void {
  printTable(
    ['upstream', 'calls', 'errors', 'p50', 'p99'],
    load.map(({ upstream, calls, errors, p50Ms, p99Ms }) => [upstream, calls, errors, inWords(p50Ms), inWords(p99Ms)]),
    `nothing was called in the last ${range}`,
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
      most(columns.sessions) ?? 0,
      size(most(columns.memoryBytes) ?? 0),
    ];
  });
  printTable(
    ['from ago', 'calls', 'errors', 'refused', 'p50', 'p99', 'clients', 'sessions', 'memory'],
    rows,
    'nothing is known',
  );
}

function printUsage({ from, stepMs, memoryBytes, cores }: UsageRange): void {
  const each = Math.ceil(memoryBytes.length / MAX_ROWS);
  const end = from + memoryBytes.length * stepMs;
  const rows = Array.from({ length: Math.ceil(memoryBytes.length / each) }, (_, nth) => {
    const most = (column: readonly (number | null)[]): number | undefined => {
      const known = column.slice(nth * each, (nth + 1) * each).filter((one) => one !== null);
      return known.length === 0 ? undefined : Math.max(...known);
    };
    const [memory, used] = [most(memoryBytes), most(cores)];
    return [
      duration(end - (from + nth * each * stepMs)),
      memory === undefined ? '' : size(memory),
      used === undefined ? '' : used.toFixed(2),
    ];
  });
  printTable(['from ago', 'memory', 'cores'], rows, 'nothing is known');
}

const inWords = (ms: number | null): string => (ms === null ? '' : duration(ms));
