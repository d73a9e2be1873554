/** The routes of the admin API for people, their keys, and addresses with wrong credentials. */
import { checkMayGive } from './operator.ts';
import { define } from './route.ts';
import type { Route } from './route.ts';
import * as shapes from './shapes.ts';

export const PEOPLE_ROUTES: readonly Route[] = [
  define({
    method: 'GET',
    path: '/people',
    spread: 'list',
    summary: 'Every principal that is connected or has a key, with its roles, its limits and what is left of them',
    command: 'people',
    answer: shapes.list(shapes.person),
    handle: ({ people }) => people(),
  }),
  define({
    method: 'GET',
    path: '/lockouts',
    spread: 'list',
    summary: 'Addresses that have shown wrong credentials, the last one first',
    command: 'people --lockouts',
    answer: shapes.list(shapes.lockout),
    handle: ({ lockout }) => lockout.list(),
  }),
  define({
    method: 'DELETE',
    path: '/lockouts/{address}',
    spread: 'count',
    summary: 'Forget the wrong credentials that an address has shown',
    command: 'people --unlock <address>',
    answer: shapes.counted,
    handle: ({ lockout }, { name }) => ({ count: lockout.forget(name) ? 1 : 0 }),
  }),
  define({
    method: 'GET',
    path: '/keys',
    summary: 'The API keys of the keys file, the newest first, without what opens anything',
    command: 'keys list',
    answer: shapes.list(shapes.key),
    handle: ({ keys }) => keys.list(),
  }),
  define({
    method: 'POST',
    path: '/keys',
    summary: 'Make an API key; it is in the answer and nowhere else',
    command: 'keys create <principal>',
    body: shapes.newKey,
    answer: shapes.madeKey,
    subject: ({ body: { principal, roles = [] } }) =>
      roles.length === 0 ? principal : `${principal} (${roles.join(', ')})`,
    handle: ({ keys }, { body, operator }) => {
      checkMayGive(operator, body.roles ?? []);
      return keys.create(body);
    },
  }),
  define({
    method: 'DELETE',
    path: '/keys/{id}',
    spread: 'find',
    summary: 'Revoke an API key; what was opened with it ends',
    command: 'keys revoke <id>',
    answer: shapes.nothing,
    handle: ({ keys }, { name }) => {
      keys.revoke(name);
      return {};
    },
  }),
];
