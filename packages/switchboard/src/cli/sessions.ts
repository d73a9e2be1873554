/** `sessions` and `kick`: the clients of a running Switchboard. */
import type { Command } from 'commander';

import type { SessionFacts } from '../callers/session-facts.ts';
import type { SessionMessage } from '../callers/session-messages.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { duration, onNode, print, printJson, printTable, size } from './table.ts';

export const sessionsCommand = (): Command =>
  adminCommand('sessions', 'List the clients of a running Switchboard.')
    .option(
      '--messages <session>',
      'the newest messages of this client instead, by name and size, since this was first asked',
    )
    .action(async ({ messages, ...flags }: AdminFlags & { messages?: string }) => {
      const client = AdminClient.find(flags, process.env);
      if (messages === undefined) await printSessions(client, flags);
      else await printMessages(client, messages, flags);
    });

async function printMessages(client: AdminClient, text: string, flags: AdminFlags): Promise<void> {
  const session = await wholeId(client, 'session', text);
  const path = `/sessions/${encodeURIComponent(session)}/messages`;
  const { messages } = await client.ask<{ messages: SessionMessage[] }>('GET', path);
  if (flags.json === true) {
    printJson(messages);
    return;
  }
  printTable(
    ['time', 'from', 'kind', 'name', 'size'],
    messages.map(({ time, direction, kind, name, bytes }) => [
      new Date(time).toISOString(),
      direction === 'in' ? 'client' : 'switchboard',
      kind,
      name,
      size(bytes),
    ]),
    'no message has passed since this was first asked; ask again',
  );
}

async function printSessions(client: AdminClient, flags: AdminFlags): Promise<void> {
  const sessions = await client.askAll<SessionFacts>('/sessions');
  if (flags.json === true) {
    printJson(sessions);
    return;
  }
  const now = Date.now();
  printTable(
    [
      'session',
      'state',
      'principal',
      'upstream',
      'transport',
      'era',
      'client',
      'running',
      'left',
      'age',
      'quiet',
      'groups',
    ],
    sessions.map((session) => [
      onNode(session.key ?? session.id, session.node),
      session.state,
      session.principal,
      session.upstream,
      session.transport,
      session.era ?? '',
      [session.client?.name, session.client?.version].filter((part) => part !== undefined).join(' '),
      session.inFlight,
      session.allowance === undefined ? '' : `${session.allowance.remaining}/${session.allowance.limit}`,
      duration(now - session.startedAt),
      duration(now - session.lastActivity),
      session.groups.join(','),
    ]),
    'no clients are connected',
  );
}

export const kickCommand = (): Command =>
  adminCommand('kick', 'End a session of a running Switchboard.')
    .argument('<session>', 'as sessions lists it, or the beginning that no other one has')
    .option('--reason <text>', 'told to the client')
    .action(async (text: string, flags: AdminFlags & { reason?: string }) => {
      const client = AdminClient.find(flags, process.env);
      const session = await wholeId(client, 'session', text);
      const path = `/sessions/${encodeURIComponent(session)}${reasonQuery(flags.reason)}`;
      const answer = await client.ask('DELETE', path);
      if (flags.json === true) printJson(answer);
      else print(`session ${session} was ended`);
    });

/**
 * The id that begins with a text.
 *
 * @throws {SwitchboardError} `SWB_NOT_FOUND` when several do. Where none does, the text itself is what the server is asked for.
 */
export async function wholeId(client: AdminClient, kind: 'session' | 'request', text: string): Promise<string> {
  const listed = await client.ask<{ id: string; key?: string }[]>('GET', `/${kind}s`);
  const all = [...new Set(listed.flatMap(({ id, key = id }) => [id, key]))];
  if (text === '' || all.includes(text)) return text;
  const [found, ...others] = all.filter((id) => id.startsWith(text));
  if (others.length === 0) return found ?? text;
  const detail = `${others.length + 1} ${kind}s begin with ${JSON.stringify(text)}: give more of the id`;
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}

export const reasonQuery = (reason: string | undefined): string =>
  reason === undefined ? '' : `?reason=${encodeURIComponent(reason)}`;
