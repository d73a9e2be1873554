/** The routes of the admin API for runs of the simulator. */
import { define } from './route.ts';
import type { Route } from './route.ts';
import * as shapes from './shapes.ts';
import * as own from './simulation-shapes.ts';

/** The report runs a script of its own; without the origin of the console, it could do nothing else than draw. */
const REPORT_POLICY =
  "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'";

export const SIMULATION_ROUTES: readonly Route[] = [
  define({
    method: 'GET',
    path: '/simulations',
    summary: 'The last runs of the simulator that were started here, the newest first',
    command: 'simulations list',
    answer: shapes.list(own.simulation),
    handle: ({ simulations }) => simulations.list(),
  }),
  define({
    method: 'POST',
    path: '/simulations',
    summary: 'Put a server under load by many clients, in a process of its own; one run at a time',
    command: 'simulations start <server>',
    body: own.load,
    status: 202,
    answer: own.simulation,
    subject: ({ body: { upstream, clients = 10, tool } }) =>
      [upstream, tool, clients === 1 ? '1 client' : `${clients} clients`].filter(Boolean).join(' '),
    handle: ({ simulations }, { body, operator }) => simulations.start(body, operator.name),
  }),
  define({
    method: 'GET',
    path: '/simulations/{id}',
    summary: 'One run with its points, and what it found once it has ended',
    command: 'simulations show <run>',
    answer: own.simulationDetail,
    handle: ({ simulations }, { name }) => simulations.get(name),
  }),
  define({
    method: 'DELETE',
    path: '/simulations/{id}',
    summary: 'End a run early; what it has found counts',
    command: 'simulations stop <run>',
    answer: shapes.nothing,
    handle: ({ simulations }, { name }) => {
      simulations.stop(name);
      return {};
    },
  }),
  define({
    method: 'GET',
    path: '/simulations/{id}/report',
    summary: 'What a run found as an HTML page, beside an earlier one where that is named',
    command: 'simulations report <run>',
    query: own.beside,
    answer: shapes.text,
    stream: true,
    type: 'text/html',
    handle: async ({ simulations }, { name, query: { before } }, response) => {
      const page = await simulations.report(name, before);
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'content-security-policy': REPORT_POLICY,
        'x-content-type-options': 'nosniff',
      });
      response.end(page);
    },
  }),
];
