/** `status` and `upstreams`: how a running Switchboard is, and its servers. */
import type { Command } from 'commander';

import type { Problem } from '../gateway/admin/health.ts';
import type { NodeFacts } from '../gateway/admin/node-facts.ts';
import type { UpstreamFacts } from '../gateway/operations.ts';
import type { ToolChange } from '../gateway/tool-survey.ts';
import type { StderrLine } from '../observe/stderr-tail.ts';
import { counted } from '../util/counted.ts';
import type { CheckResult } from '../upstreams/server-check.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { usageError } from './exit.ts';
import { duration, onNode, print, printJson, printTable, size } from './table.ts';

interface Status {
  version: string;
  state: string;
  pid: number;
  node: string;
  uptimeMs: number;
  memoryBytes: number;
  clients: number;
  connections: number;
  requests: number;
  parked: number;
  maxConnections: number;
  /** In a cluster. */
  nodes?: { name: string; url: string; version: string; state: string; self: boolean; sameUpstreams: boolean }[];
  upstreams: { name: string; state: string; reason?: string; members: number; running: number }[];
}

export const statusCommand = (): Command =>
  adminCommand('status', 'Show the state of a running Switchboard.')
    .option('--nodes', 'what each node of its cluster holds instead')
    .action(async ({ nodes, ...flags }: AdminFlags & { nodes?: boolean }) => {
      const client = AdminClient.find(flags, process.env);
      if (nodes === true) {
        const all = await client.askAll<NodeFacts>('/nodes');
        if (flags.json === true) printJson(all);
        else printNodes(all);
        return;
      }
      const status = await client.ask<Status>('GET', '/status');
      const { problems } = await client.ask<{ problems: Problem[] }>('GET', '/health');
      if (flags.json === true) {
        printJson({ ...status, problems });
        return;
      }
      const { version, state, pid, node, uptimeMs, memoryBytes, requests, parked } = status;
      const { clients, connections, maxConnections } = status;
      print(
        `Switchboard ${version} is ${state}: process ${pid}, Node ${node}, up ${duration(uptimeMs)}, ${size(memoryBytes)}`,
      );
      print(
        `${counted(clients, 'client')}, ${connections} of ${maxConnections} connections, ${counted(requests, 'request')}, ${parked} parked\n`,
      );
      if (status.nodes !== undefined) {
        const rows = status.nodes.map((each) => [
          each.name,
          each.state,
          each.version,
          each.sameUpstreams ? 'same' : 'differ',
          each.url,
          each.self ? 'this one' : '',
        ]);
        printTable(['node', 'state', 'version', 'upstreams', 'peer URL', ''], rows, 'no nodes');
        print('');
      }
      printTable(
        ['upstream', 'state', 'members', 'running', 'why'],
        status.upstreams.map(({ name, state: of, members, running, reason = '' }) => [
          name,
          of,
          members,
          running,
          reason,
        ]),
        'no upstreams',
      );
      for (const { text, advice } of problems) print(`\n${text}\n  ${advice}`);
    });

const byName = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, times]) => `${name} ${times}`)
    .join(', ');

function printNodes(nodes: readonly (NodeFacts & { node?: string })[]): void {
  printTable(
    ['node', 'lease', 'sessions', 'requests', 'members', 'elsewhere', 'lent', 'store lag'],
    nodes.map(({ node = '', id, leaseEndsInMs, sessions, requests, members, elsewhere, lent, storeLagMs }) => [
      node || id,
      leaseEndsInMs === undefined ? 'none' : duration(leaseEndsInMs),
      sessions,
      requests,
      byName(members),
      byName(elsewhere),
      lent,
      duration(storeLagMs),
    ]),
    'this Switchboard is no node of a cluster',
  );
}

export const upstreamsCommand = (): Command =>
  adminCommand('upstreams', 'List the servers of a running Switchboard and their processes.')
    .option('--stderr <upstream>', 'the newest lines that this server wrote to stderr instead')
    .option('--tool-changes <upstream>', 'what has changed in the tools of this server instead')
    .action(async ({ stderr, toolChanges, ...flags }: AdminFlags & { stderr?: string; toolChanges?: string }) => {
      if (stderr !== undefined && toolChanges !== undefined) throw usageError('give either --stderr or --tool-changes');
      const client = AdminClient.find(flags, process.env);
      if (toolChanges !== undefined) {
        const path = `/upstreams/${encodeURIComponent(toolChanges)}/tool-changes`;
        const changes = await client.ask<ToolChange[]>('GET', path);
        if (flags.json === true) printJson(changes);
        else printToolChanges(toolChanges, changes);
        return;
      }
      if (stderr !== undefined) {
        const lines = await client.ask<StderrLine[]>('GET', `/upstreams/${encodeURIComponent(stderr)}/stderr`);
        if (flags.json === true) printJson(lines);
        else for (const { line } of lines) print(line);
        return;
      }
      const upstreams = await client.askAll<UpstreamFacts>('/upstreams');
      if (flags.json === true) {
        printJson(upstreams);
        return;
      }
      const now = Date.now();
      const rows = upstreams.flatMap(({ node, name, isolation, state, running, waiting, members, reason }) => [
        [onNode(name, node), isolation, state, `${running}+${waiting}`, '', '', '', reason ?? ''],
        ...members.map(({ state: of, pid, node: at, inFlight, requests, startedAt, memoryBytes, lastReason }) => [
          `  ${pid ?? (at === undefined ? '-' : `at ${at}`)}`,
          '',
          of,
          String(inFlight),
          String(requests),
          startedAt === undefined ? '' : duration(now - startedAt),
          memoryBytes === undefined ? '' : size(memoryBytes),
          lastReason ?? '',
        ]),
      ]);
      const heads = [
        'upstream / pid',
        'isolation',
        'state',
        'running',
        'served',
        'age',
        'memory',
        'why the last one ended',
      ];
      printTable(heads, rows, 'no upstreams');
    });

function printToolChanges(upstream: string, changes: readonly ToolChange[]): void {
  if (changes.length === 0)
    print(`nothing has changed in the tools of ${upstream} since somebody first looked at them`);
  for (const { time, added, removed, changed } of changes) {
    print(new Date(time).toISOString());
    for (const tool of removed) print(`- ${tool}`);
    for (const tool of added) print(`+ ${tool}`);
    for (const { tool, parts } of changed) {
      print(`~ ${tool}`);
      for (const { part, before, after } of parts) print(`    ${part}:\n${marked('-', before)}${marked('+', after)}`);
    }
  }
}

const marked = (mark: string, text: string): string =>
  text === '' ? '' : `${text.replaceAll(/^/gm, `      ${mark} `)}\n`;

export const restartCommand = (): Command =>
  adminCommand('restart', 'Restart every process of a server.')
    .argument('<upstream>', 'its name')
    .action(async (upstream: string, flags: AdminFlags) => {
      const answer = await AdminClient.find(flags, process.env).ask(
        'POST',
        `/upstreams/${encodeURIComponent(upstream)}/restart`,
      );
      if (flags.json === true) printJson(answer);
      else print(`${upstream} was restarted`);
    });

export const checkCommand = (): Command =>
  adminCommand('check', 'Start a server, do the MCP handshake, and list what it has.')
    .argument('<upstream>', 'its name')
    .action(async (upstream: string, flags: AdminFlags) => {
      const client = AdminClient.find(flags, process.env);
      const checked = await client.ask<CheckResult>('POST', `/upstreams/${encodeURIComponent(upstream)}/check`);
      if (flags.json === true) printJson(checked);
      else print(`${upstream} is well: ${describeCheck(checked)}`);
    });

export function describeCheck({ server, era, version, tools, prompts, resources, ms }: CheckResult): string {
  const counts = Object.entries({ tool: tools, prompt: prompts, resource: resources }).flatMap(([kind, count]) =>
    count === undefined ? [] : [counted(count, kind)],
  );
  const name = typeof server?.['name'] === 'string' ? `${server['name']}, ` : '';
  return `${name}${era} ${version}, ${counts.join(', ') || 'lists nothing'}, in ${duration(ms)}`;
}
