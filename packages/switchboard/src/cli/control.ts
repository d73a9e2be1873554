/** `broadcast`, `reload`, `drain` and `events`: what concerns a running Switchboard as a whole. */
import type { Command } from 'commander';

import type { Change } from '../gateway/change.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import { counted } from '../util/counted.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { clean, print, printJson, printLive } from './table.ts';
import { usageError } from './exit.ts';
import { readDuration } from './flags.ts';

/** What each node of a cluster answered. */
type Nodes = Readonly<Record<string, Change | { error: string }>>;

interface BroadcastFlags extends AdminFlags {
  params?: string;
  session?: string;
  principal?: string;
  upstream?: string;
  group?: string;
}

export const broadcastCommand = (): Command =>
  adminCommand('broadcast', 'Send a notification to all clients, or to those that match every flag.')
    .argument('<method>', 'of the notification, such as notifications/message')
    .option('--params <json>', 'its params, as a JSON object')
    .option('--session <session>', 'to this session')
    .option('--principal <principal>', 'to clients of this principal')
    .option('--upstream <upstream>', 'to clients of this server')
    .option('--group <group>', 'to clients of this group')
    .action(async (method: string, flags: BroadcastFlags) => {
      const { params: text, session, principal, upstream, group } = flags;
      const params = text === undefined ? undefined : readParams(text);
      const body = { method, params, to: { session, principal, upstream, group } };
      const answer = await AdminClient.find(flags, process.env).ask<{ count: number }>('POST', '/broadcast', body);
      if (flags.json === true) printJson(answer);
      else print(`it was sent to ${counted(answer.count, 'client')}`);
    });

export const reloadCommand = (): Command =>
  adminCommand('reload', 'Reload the configuration file of a running Switchboard.').action(
    async (flags: AdminFlags) => {
      const change = await AdminClient.find(flags, process.env).ask<Change & { nodes?: Nodes }>('POST', '/reload');
      if (flags.json === true) printJson(change);
      else if (change.nodes === undefined) print(describeChange(change));
      else
        // Those that did not do it are on stderr already.
        for (const [node, each] of Object.entries(change.nodes))
          if (!('error' in each)) print(`${node}: ${describeChange(each)}`);
    },
  );

interface DrainFlags extends AdminFlags {
  timeout?: string;
  node?: string;
  upstream?: string;
}

export const drainCommand = (): Command =>
  adminCommand('drain', 'Shut down a running Switchboard after its running requests have finished.')
    .option('--timeout <duration>', 'how long to wait for it, such as 90s. Default: its drainTimeout')
    .option('--node <name>', 'which node of its cluster. Default: the one that is asked')
    .option('--upstream <upstream>', 'only this server: it finishes, and is served no more until it is enabled')
    .action(async ({ timeout, node, upstream, ...flags }: DrainFlags) => {
      if (upstream !== undefined) {
        if (timeout !== undefined || node !== undefined)
          throw usageError('--upstream takes neither --timeout nor --node');
        const path = `/upstreams/${encodeURIComponent(upstream)}/drain`;
        const drained = await AdminClient.find(flags, process.env).ask('POST', path);
        if (flags.json === true) printJson(drained);
        else print(`${upstream} finishes what it has begun; switchboard enable ${upstream} serves it again`);
        return;
      }
      if (timeout !== undefined) readDuration('--timeout', timeout);
      const path = node === undefined ? '/drain' : `/drain?node=${encodeURIComponent(node)}`;
      const answer = await AdminClient.find(flags, process.env).ask('POST', path, { timeout });
      if (flags.json === true) printJson(answer);
      else print('it ends when what is under way has ended');
    });

export const eventsCommand = (): Command =>
  adminCommand('events', 'Print events of a running Switchboard live; Ctrl-C stops.')
    .option('--type <types>', 'only these, with commas, such as session.*,request.ended')
    .option('--node <name>', 'only those of this node of its cluster. Default: all nodes')
    .action(async ({ type, node, ...flags }: AdminFlags & { type?: string; node?: string }) => {
      const events = AdminClient.find(flags, process.env).stream('/events', { type, node });
      await printLive(events, (event) =>
        clean(flags.json === true ? event : describeEvent(JSON.parse(event) as { type: string })),
      );
    });

function readParams(text: string): JsonObject {
  try {
    const params: unknown = JSON.parse(text);
    if (isObject(params)) return params;
  } catch {
    // Told below.
  }
  throw usageError(`--params: expected a JSON object, got ${text}`);
}

/** What a reload changed, in words. */
export function describeChange({ added, changed, removed, applied, restartNeeded }: Change): string {
  const parts = Object.entries({ added, changed, removed, 'applied at once': applied }).flatMap(([what, names]) =>
    names.length === 0 ? [] : [`${what}: ${names.join(', ')}`],
  );
  const later = restartNeeded.length === 0 ? '' : `\nchanged, but needs a restart: ${restartNeeded.join(', ')}`;
  return `${parts.join('; ') || 'no server changed'}${later}`;
}

function describeEvent({ time = '', type, ...facts }: { time?: string; type: string }): string {
  const words = Object.entries(facts).map(([name, value]) => {
    return `${name}=${typeof value === 'string' && !/\s/.test(value) ? value : JSON.stringify(value)}`;
  });
  return [time, type, ...words].join(' ').trim();
}
