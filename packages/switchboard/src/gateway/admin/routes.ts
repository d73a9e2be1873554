/** The one table of the admin API: requests are led by it, and the OpenAPI document and the reference page are made from it. */

import type { Operations } from '../operations.ts';
import type { SessionNotes } from '../../callers/session-facts.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { OPTIONS, OPTION_NAMES } from '../options.ts';
import { PRODUCT } from '../product.ts';
import { didYouMean } from '../../util/nearest.ts';
import { ofTypes } from './event-watchers.ts';
import { openApi } from './openapi.ts';
import type { Node } from '../../peers/nodes.ts';
import type { Route } from './route.ts';
import type { AdminCluster } from './spread.ts';
import * as shapes from './shapes.ts';

const define = <Query, Body>(route: Route<Query, Body>): Route => route;

/** The settings that are limits: counts, sizes, durations and rates. */
const LIMITS = OPTION_NAMES.filter((name) => /^(number|size|duration)/.test(OPTIONS[name].value ?? '')).filter(
  (name) => name !== 'port' && name !== 'adminPort',
);

export const ROUTES: readonly Route[] = [
  define({
    method: 'GET',
    path: '/status',
    summary: 'Version, uptime and counts',
    answer: shapes.status,
    handle: async ({ operations, settings, stats, isDraining, cluster }) => {
      const { connections, exchanges: requests, parked } = stats();
      const states = await operations.upstreams();
      const uptimeMs = Math.round(process.uptime() * 1000);
      return {
        version: PRODUCT.version,
        state: isDraining() ? 'draining' : 'serving',
        pid: process.pid,
        node: process.versions.node,
        startedAt: Date.now() - uptimeMs,
        uptimeMs,
        memoryBytes: process.memoryUsage.rss(),
        clients: operations.sessions().length,
        connections,
        requests,
        parked,
        maxConnections: settings.maxConnections,
        ...(cluster !== undefined && { nodes: nodesOf(cluster) }),
        upstreams: states.map(({ name, state, reason, running, members }) => ({
          name,
          state,
          ...(reason !== undefined && { reason }),
          members: members.length,
          running,
        })),
      };
    },
  }),
  define({
    method: 'GET',
    path: '/limits',
    summary: 'The limits in effect',
    answer: shapes.limits,
    handle: ({ settings }) =>
      Object.fromEntries(
        LIMITS.map((name) => [
          name,
          settings[name] === Infinity ? 'unlimited' : (settings[name] ?? OPTIONS[name].fallback),
        ]),
      ),
  }),
  define({
    method: 'GET',
    path: '/sessions',
    spread: 'list',
    summary: 'Every client that is connected, may come back, or has a request under way, oldest first',
    answer: shapes.list(shapes.session),
    handle: ({ operations }) => operations.sessions(),
  }),
  define({
    method: 'GET',
    path: '/sessions/{id}',
    spread: 'find',
    summary: 'One client',
    answer: shapes.session,
    handle: ({ operations }, { name }) =>
      operations.sessions().find(({ id }) => id === name) ?? missingSession(operations, name),
  }),
  define({
    method: 'PATCH',
    path: '/sessions/{id}',
    spread: 'find',
    summary: 'Keep groups or metadata with a client',
    body: shapes.notes,
    answer: shapes.session,
    handle: ({ operations }, { name, body }) => {
      if (!operations.note(name, body as SessionNotes)) missingSession(operations, name);
      return operations.sessions().find(({ id }) => id === name);
    },
  }),
  define({
    method: 'DELETE',
    path: '/sessions/{id}',
    spread: 'find',
    summary: 'End a session; its client is closed with 1008',
    query: shapes.reason,
    answer: shapes.nothing,
    handle: ({ operations }, { name, query }) =>
      operations.kick(name, query.reason) ? {} : missingSession(operations, name),
  }),
  define({
    method: 'DELETE',
    path: '/sessions/{id}/requests',
    spread: 'count',
    summary: 'Cancel every request of a client',
    query: shapes.reason,
    answer: shapes.counted,
    handle: ({ operations }, { name, query }) => ({ count: operations.cancelAll(name, query.reason) }),
  }),
  define({
    method: 'GET',
    path: '/requests',
    spread: 'list',
    summary: 'Running requests, oldest first',
    answer: shapes.list(shapes.request),
    handle: ({ operations }) => operations.requests(),
  }),
  define({
    method: 'DELETE',
    path: '/requests/{id}',
    spread: 'find',
    summary: 'Cancel a request; its client gets SWB_CANCELLED',
    query: shapes.reason,
    answer: shapes.nothing,
    handle: ({ operations }, { name, query }) =>
      operations.cancel(name, query.reason) ? {} : missing('request', name, idsOf(operations.requests())),
  }),
  define({
    method: 'GET',
    path: '/upstreams',
    spread: 'list',
    summary: 'Every server with its members',
    answer: shapes.list(shapes.upstream),
    handle: ({ operations }) => operations.upstreams(),
  }),
  define({
    method: 'POST',
    path: '/upstreams/{name}/restart',
    spread: 'each',
    summary: 'Replace every member of a server',
    answer: shapes.restarted,
    handle: async ({ operations }, { name }) => {
      await operations.restart(name);
      return {};
    },
  }),
  define({
    method: 'POST',
    path: '/upstreams/{name}/check',
    summary: 'Start a server, do the MCP handshake and list what it has',
    answer: shapes.checkResult,
    handle: ({ operations }, { name }) => operations.check(name),
  }),
  define({
    method: 'POST',
    path: '/broadcast',
    spread: 'count',
    summary: 'Send a notification to every client, or those that fit',
    body: shapes.broadcast,
    answer: shapes.counted,
    handle: ({ operations }, { body: { method, params, to } }) => ({
      count: operations.broadcast(method, params, to),
    }),
  }),
  define({
    method: 'POST',
    path: '/reload',
    spread: 'each',
    summary: 'Read the configuration file again',
    answer: shapes.change,
    handle: ({ reload }) => reload(),
  }),
  define({
    method: 'POST',
    path: '/drain',
    summary: 'Shut down after the running requests have finished',
    query: shapes.draining,
    body: shapes.drain,
    status: 202,
    answer: shapes.nothing,
    handle: async ({ drain, cluster }, { query: { node }, body: { timeout } }, response) => {
      const other = node === undefined ? undefined : nodeNamed(node, cluster);
      if (other !== undefined && !other.self) {
        const ms = timeout === undefined ? {} : { timeout: `${timeout}ms` };
        await cluster!.ask(other, 'POST', '/drain', ms);
      } else response.once('close', () => drain(timeout));
      return {};
    },
  }),
  define({
    method: 'GET',
    path: '/events',
    summary: 'Live events',
    query: shapes.watching,
    answer: shapes.text,
    stream: true,
    handle: ({ watchers }, { query: { type } }, response) =>
      watchers.add(response, type === undefined ? undefined : ofTypes(type.split(','))),
  }),
  define({
    method: 'GET',
    path: '/logs',
    summary: 'The newest lines of the log, and new ones as they come',
    query: shapes.logs,
    answer: shapes.text,
    stream: true,
    handle: ({ recentLog }, { query: { lines, follow, level } }, response) =>
      recentLog.send(response, { lines, follow: follow === 'true', level }),
  }),
  define({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This API as an OpenAPI document',
    answer: shapes.anything,
    handle: () => openApi(ROUTES),
  }),
];

/** In a cluster, as one of them sees the others. */
const nodesOf = (cluster: AdminCluster): object[] => {
  const nodes = cluster.nodes();
  const own = nodes.find(({ self }) => self);
  return nodes.map(({ id, name, url, version, state, startedAt, digest, self }) => ({
    id,
    name,
    url,
    version,
    state,
    startedAt,
    self,
    sameUpstreams: digest === own?.digest,
  }));
};

function nodeNamed(name: string, cluster: AdminCluster | undefined): Node {
  const nodes = cluster?.nodes() ?? [];
  const found = nodes.filter((node) => node.id === name || node.name === name);
  if (found.length === 1) return found[0]!;
  const names = nodes.map((node) => node.name);
  if (found.length === 0) missing('node', name, names);
  const detail = `${found.length} nodes are called ${JSON.stringify(name)}; give an id: ${found.map(({ id }) => id).join(', ')}`;
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}

function missing(what: string, name: string, known: readonly string[]): never {
  const detail = `there is no ${what} ${JSON.stringify(name)} now.${didYouMean(name, known)}`;
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}

function missingSession(operations: Operations, name: string): never {
  const ids = idsOf(operations.sessions());
  if (!ids.includes(name)) missing('session', name, ids);
  const detail = `${JSON.stringify(name)} is a client without a session, over modern HTTP or REST: cancel its requests instead`;
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}

const idsOf = (all: readonly { id: string }[]): string[] => all.map(({ id }) => id);
