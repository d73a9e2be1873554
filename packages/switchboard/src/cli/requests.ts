/** `requests` and `cancel`: what is under way in a running Switchboard. */
import type { Command } from 'commander';

import type { OpenRequest } from '../gateway/operations.ts';
import type { RecentRequest } from '../observe/recent-requests.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { reasonQuery, wholeId } from './sessions.ts';
import { duration, onNode, print, printJson, printTable } from './table.ts';
import { usageError } from './exit.ts';
import { counted } from '../util/counted.ts';

export const requestsCommand = (): Command =>
  adminCommand('requests', 'List the running requests of a running Switchboard.')
    .option('--recent', 'the newest that have ended or were refused instead, and why')
    .action(async ({ recent, ...flags }: AdminFlags & { recent?: boolean }) => {
      const client = AdminClient.find(flags, process.env);
      if (recent === true) {
        const ended = await client.ask<RecentRequest[]>('GET', '/requests/recent?limit=100');
        if (flags.json === true) printJson(ended);
        else printRecent(ended);
        return;
      }
      const running = await client.askAll<OpenRequest>('/requests');
      if (flags.json === true) printJson(running);
      else printRunning(running);
    });

function printRunning(requests: readonly (OpenRequest & { node?: string })[]): void {
  printTable(
    ['request', 'state', 'method', 'target', 'upstream', 'principal', 'session', 'age'],
    requests.map(({ node, id, state, method, target = '', upstream, principal, session, ageMs }) => [
      onNode(id, node),
      state,
      method,
      target,
      upstream,
      principal,
      session,
      duration(ageMs),
    ]),
    'no requests are under way',
  );
}

function printRecent(requests: readonly RecentRequest[]): void {
  const now = Date.now();
  printTable(
    ['ago', 'outcome', 'why', 'method', 'target', 'upstream', 'principal', 'session', 'took'],
    requests.map(({ time, outcome, error = '', method, target = '', upstream, principal, session = '', ms }) => [
      duration(now - time),
      outcome,
      error,
      method,
      target,
      upstream,
      principal,
      session,
      ms === undefined ? '' : duration(ms),
    ]),
    'no requests have ended yet',
  );
}

interface CancelFlags extends AdminFlags {
  session?: string;
  reason?: string;
}

export const cancelCommand = (): Command =>
  adminCommand('cancel', 'Cancel a request, or every request of a session.')
    .argument('[request]', 'as requests lists it, or the beginning that no other one has')
    .option(
      '--session <session>',
      'cancel every request of this session, or of a client without one, as sessions lists it',
    )
    .option('--reason <text>', 'told to the client')
    .action(async (request: string | undefined, { session, reason, ...flags }: CancelFlags) => {
      if ((request === undefined) === (session === undefined)) {
        throw usageError('give either a request or --session');
      }
      const client = AdminClient.find(flags, process.env);
      const query = reasonQuery(reason);
      if (session !== undefined) {
        const whole = await wholeId(client, 'session', session);
        const path = `/sessions/${encodeURIComponent(whole)}/requests${query}`;
        const answer = await client.ask<{ count: number }>('DELETE', path);
        if (flags.json === true) printJson(answer);
        else print(`${counted(answer.count, 'request')} cancelled`);
        return;
      }
      const whole = await wholeId(client, 'request', request ?? '');
      const answer = await client.ask('DELETE', `/requests/${encodeURIComponent(whole)}${query}`);
      if (flags.json === true) printJson(answer);
      else print(`request ${whole} was cancelled`);
    });
