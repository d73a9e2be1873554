/** `people`: who uses a running Switchboard, with which roles, and what is left to them. */
import type { Command } from 'commander';

import type { PersonFacts } from '../gateway/people.ts';
import type { LockedAddress } from '../limits/lockout.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { usageError } from './exit.ts';
import { duration, onNode, print, printJson, printTable } from './table.ts';

interface PeopleFlags extends AdminFlags {
  lockouts?: boolean;
  unlock?: string;
}

export const peopleCommand = (): Command =>
  adminCommand('people', 'List who uses a running Switchboard, with roles and what is left of their limits.')
    .option('--lockouts', 'addresses that have shown wrong credentials instead')
    .option('--unlock <address>', 'forget the wrong credentials that this address has shown')
    .action(async ({ lockouts, unlock, ...flags }: PeopleFlags) => {
      if (lockouts === true && unlock !== undefined) throw usageError('give either --lockouts or --unlock');
      const client = AdminClient.find(flags, process.env);
      if (unlock !== undefined) {
        const answer = await client.ask<{ count: number }>('DELETE', `/lockouts/${encodeURIComponent(unlock)}`);
        if (flags.json === true) printJson(answer);
        else print(answer.count === 0 ? `nothing wrong is remembered of ${unlock}` : `${unlock} begins again`);
      } else if (lockouts === true) {
        const locked = await client.askAll<LockedAddress>('/lockouts');
        if (flags.json === true) printJson(locked);
        else printLockouts(locked);
      } else {
        const people = await client.askAll<PersonFacts>('/people');
        if (flags.json === true) printJson(people);
        else printPeople(people);
      }
    });

function printPeople(people: readonly (PersonFacts & { node?: string })[]): void {
  const now = Date.now();
  printTable(
    ['principal', 'roles', 'sessions', 'running', 'rate left', 'keys', 'servers', 'quiet'],
    people.map(({ node, principal, effective, sessions, inFlight, quotas, keys, upstreams, lastActivity }) => [
      onNode(principal, node),
      effective.join(','),
      sessions,
      inFlight,
      quotas?.rate === undefined ? '' : `${quotas.rate.remaining}/${quotas.rate.burst}`,
      keys,
      upstreams.join(','),
      lastActivity === undefined ? '' : duration(now - lastActivity),
    ]),
    'nobody is connected, and there is no key',
  );
}

function printLockouts(locked: readonly (LockedAddress & { node?: string })[]): void {
  const now = Date.now();
  printTable(
    ['address', 'failures', 'last ago', 'locked for'],
    locked.map(({ node, address, failures, lastAt, waitMs }) => [
      onNode(address, node),
      failures,
      duration(now - lastAt),
      waitMs === 0 ? '' : duration(waitMs),
    ]),
    'no address has shown wrong credentials lately',
  );
}
