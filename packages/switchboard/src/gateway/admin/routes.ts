/** The one table of the admin API: requests are led by it, and the OpenAPI document and the reference page are made from it. */

import type { Operations } from '../operations.ts';
import type { SessionFacts, SessionNotes } from '../../callers/session-facts.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { OPERATOR_ROLE } from '../../router/roles.ts';
import { OPTIONS, OPTION_NAMES } from '../options.ts';
import { didYouMean } from '../../util/nearest.ts';
import { ofTypes } from './event-watchers.ts';
import { healthOf, statusOf } from './situation.ts';
import { checkMayGive, operatorRoleOf } from './operator.ts';
import { nodeFactsOf } from './node-facts.ts';
import { nodeFacts } from './node-shapes.ts';
import { openApi } from './openapi.ts';
import type { Node } from '../../peers/nodes.ts';
import { AUDIT_ROUTES } from './audit-routes.ts';
import { configuration as configurationShape } from './configuration-shapes.ts';
import { CONFIGURATION_ROUTES, fileIn } from './configuration-routes.ts';
import { PEOPLE_ROUTES } from './people-routes.ts';
import { define } from './route.ts';
import type { Route } from './route.ts';
import { SIMULATION_ROUTES } from './simulation-routes.ts';
import type { AdminCluster } from './spread.ts';
import * as histories from './history-shapes.ts';
import * as sessions from './session-shapes.ts';
import * as shapes from './shapes.ts';

/** The settings that are limits: counts, sizes, durations and rates. */
const LIMITS = OPTION_NAMES.filter((name) => /^(number|size|duration)/.test(OPTIONS[name].value ?? '')).filter(
  (name) => name !== 'port' && name !== 'adminPort',
);

export const ROUTES: readonly Route[] = [
  define({
    method: 'GET',
    path: '/status',
    summary: 'Version, uptime and counts',
    command: 'status',
    answer: shapes.status,
    handle: statusOf,
  }),
  define({
    method: 'GET',
    path: '/nodes',
    spread: 'list',
    summary: 'In a cluster what each node holds: its lease, members, sessions, and how far the store is behind it',
    command: 'status --nodes',
    answer: shapes.list(nodeFacts),
    handle: nodeFactsOf,
  }),
  define({
    method: 'GET',
    path: '/configuration',
    summary: 'The options in effect with their origins, the servers and the roles, without secrets',
    command: 'configuration',
    answer: configurationShape,
    handle: ({ configuration }) => configuration(),
  }),
  ...CONFIGURATION_ROUTES,
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
    path: '/health',
    summary: 'Whether it is well, and what to do where it is not',
    command: 'status',
    answer: shapes.health,
    handle: healthOf,
  }),
  define({
    method: 'GET',
    path: '/history',
    summary: 'Calls, errors, latency, clients, sessions and memory of the last minute, hour or day',
    command: 'history',
    query: histories.range,
    answer: histories.history,
    handle: ({ history }, { query: { range = 'minute' } }) => history.range(range),
  }),
  define({
    method: 'GET',
    path: '/history/upstreams',
    summary: 'Every server that was called in the last minute, hour or day',
    command: 'history --upstreams',
    query: histories.range,
    answer: shapes.list(histories.upstreamLoad),
    handle: ({ history }, { query: { range } }) => history.load(range),
  }),
  define({
    method: 'GET',
    path: '/history/changes',
    summary: 'What changed: reloads, restarts, failures and what operators did, oldest first',
    command: 'history --changes',
    answer: shapes.list(histories.recentChange),
    handle: ({ history }) => history.changes(),
  }),
  define({
    method: 'GET',
    path: '/sessions',
    spread: 'list',
    summary: 'Every client that is connected, may come back, or has a request under way, oldest first',
    command: 'sessions',
    answer: shapes.list(sessions.session),
    handle: ({ operations }) => operations.sessions(),
  }),
  define({
    method: 'GET',
    path: '/sessions/{id}',
    spread: 'find',
    summary: 'One client',
    command: 'sessions <session>',
    answer: sessions.session,
    handle: ({ operations }, { name }) =>
      operations.sessions().find((session) => isNamed(session, name)) ?? missingSession(operations, name),
  }),
  define({
    method: 'GET',
    path: '/sessions/{id}/messages',
    spread: 'find',
    summary: 'The newest messages of a client by name and size, since somebody first asked for them',
    command: 'sessions --messages <session>',
    answer: sessions.sessionMessages,
    handle: ({ operations, messages }, { name }) =>
      operations.isOpen(name) ? { messages: messages.list(name) } : missingSession(operations, name),
  }),
  define({
    method: 'PATCH',
    path: '/sessions/{id}',
    spread: 'find',
    summary: 'Keep groups or metadata with a client',
    body: sessions.notes,
    answer: sessions.session,
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
    command: 'kick <session>',
    query: shapes.reason,
    answer: shapes.nothing,
    handle: ({ operations }, { name, query }) =>
      operations.kick(name, query.reason) ? {} : missingSession(operations, name),
  }),
  define({
    method: 'DELETE',
    path: '/sessions/{id}/requests',
    spread: 'count',
    summary: 'Cancel every request of a client, by its id or key; an address stands for all who come from there',
    command: 'cancel --session <session>',
    query: shapes.reason,
    answer: shapes.counted,
    handle: ({ operations }, { name, query }) => {
      const count = operations.cancelAll(name, query.reason);
      const isKnown = count > 0 || operations.sessions().some((session) => isNamed(session, name));
      return isKnown ? { count } : missing('session', name, idsOf(operations.sessions()));
    },
  }),
  define({
    method: 'GET',
    path: '/requests',
    spread: 'list',
    summary: 'Running requests, oldest first',
    command: 'requests',
    answer: shapes.list(shapes.request),
    handle: ({ operations }) => operations.requests(),
  }),
  define({
    method: 'GET',
    path: '/requests/recent',
    summary: 'The newest requests that have ended or were refused, oldest first',
    command: 'requests --recent',
    query: shapes.recent,
    answer: shapes.list(shapes.recentRequest),
    handle: ({ recentRequests }, { query: { after, limit } }) => recentRequests.list(after, limit),
  }),
  define({
    method: 'DELETE',
    path: '/requests/{id}',
    spread: 'find',
    summary: 'Cancel a request; its client gets SWB_CANCELLED',
    command: 'cancel <request>',
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
    command: 'upstreams',
    answer: shapes.list(shapes.upstream),
    handle: ({ operations }) => operations.upstreams(),
  }),
  define({
    method: 'POST',
    path: '/upstreams/{name}/restart',
    spread: 'each',
    summary: 'Replace every member of a server',
    command: 'restart <upstream>',
    answer: shapes.restarted,
    handle: async ({ operations }, { name }) => {
      await operations.restart(name);
      return {};
    },
  }),
  define({
    method: 'POST',
    path: '/upstreams/{name}/drain',
    spread: 'each',
    summary:
      'Let a server finish what it has begun, and serve it no more until it is enabled or Switchboard starts again',
    command: 'drain --upstream <upstream>',
    answer: shapes.restarted,
    handle: ({ operations }, { name }) => {
      operations.drain(name);
      return {};
    },
  }),
  define({
    method: 'POST',
    path: '/upstreams/{name}/disable',
    summary: 'The same, and in the configuration file',
    command: 'disable <server>',
    answer: shapes.change,
    handle: ({ operations, configurationFile }, { name, operator }) => {
      if (configurationFile === undefined) operations.checkUpstream(name);
      return fileIn(configurationFile).apply({ servers: { [name]: 'disable' } }, operator.name);
    },
  }),
  define({
    method: 'POST',
    path: '/upstreams/{name}/enable',
    spread: 'each',
    summary: 'Serve a server again that was drained, or is disabled in the configuration file',
    command: 'enable <server>',
    answer: shapes.restarted,
    handle: ({ operations, configurationFile }, { name, operator }) => {
      if (configurationFile?.disabled().includes(name) === true) {
        configurationFile.apply({ servers: { [name]: 'enable' } }, operator.name);
      } else operations.enable(name);
      return {};
    },
  }),
  define({
    method: 'POST',
    path: '/upstreams/{name}/check',
    summary: 'Start a server, do the MCP handshake and list what it has',
    command: 'check <upstream>',
    answer: shapes.checkResult,
    handle: ({ operations }, { name }) => operations.check(name),
  }),
  define({
    method: 'GET',
    path: '/upstreams/{name}/stderr',
    summary: 'The newest lines that a server wrote to stderr, oldest first',
    command: 'upstreams --stderr <upstream>',
    answer: shapes.list(shapes.stderrLine),
    handle: ({ operations, stderr }, { name }) => {
      operations.checkUpstream(name);
      return stderr.list(name);
    },
  }),
  define({
    method: 'GET',
    path: '/upstreams/{name}/usage',
    summary: 'Memory and processor time of the processes of a server in the last minute, hour or day',
    command: 'history --usage <upstream>',
    query: histories.range,
    answer: histories.usage,
    handle: ({ operations, history }, { name, query: { range = 'minute' } }) => {
      operations.checkUpstream(name);
      return history.usage(name, range);
    },
  }),
  define({
    method: 'GET',
    path: '/upstreams/{name}/tool-changes',
    summary: 'What has changed in the tools of a server since somebody first looked at them, oldest first',
    command: 'upstreams --tool-changes <upstream>',
    answer: shapes.list(shapes.toolChange),
    handle: ({ operations, tools }, { name }) => {
      operations.checkUpstream(name);
      return tools.changesOf(name);
    },
  }),
  define({
    method: 'POST',
    path: '/upstreams/{name}/call',
    summary: 'Call a tool of a server, with its progress; closing the stream cancels the call',
    command: 'call <url>',
    body: shapes.trial,
    answer: shapes.text,
    stream: true,
    subject: ({ body: { tool, role } }) => [tool, role].filter(Boolean).join(' as '),
    handle: ({ openClient, trials }, { name, body: { tool, arguments: args = {}, role }, operator }, response) =>
      trials.start(openClient(name, operator.name, role), { tool, arguments: args }, operator, response),
  }),
  define({
    method: 'POST',
    path: '/trials/{id}',
    summary: 'Answer what a server asks while a tool of it is called',
    command: 'call <url>',
    body: shapes.answers,
    answer: shapes.nothing,
    handle: ({ trials }, { name, body: { answers }, operator }) => {
      trials.answer(name, answers, operator);
      return {};
    },
  }),
  define({
    method: 'GET',
    path: '/tools',
    summary: 'The tools of all servers, with what hides each from a role or a principal',
    command: 'tools',
    query: shapes.asSeenBy,
    answer: shapes.survey,
    // A viewer changes nothing, and starts nothing.
    handle: ({ tools }, { query, operator }) => tools.list(query, operator.role === OPERATOR_ROLE),
  }),
  ...PEOPLE_ROUTES,
  ...AUDIT_ROUTES,
  ...SIMULATION_ROUTES,
  define({
    method: 'POST',
    path: '/broadcast',
    spread: 'count',
    summary: 'Send a notification to every client, or those that fit',
    command: 'broadcast <method>',
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
    command: 'reload',
    answer: shapes.change,
    handle: ({ reload }) => reload(),
  }),
  define({
    method: 'POST',
    path: '/drain',
    summary: 'Shut down after the running requests have finished',
    command: 'drain',
    query: shapes.draining,
    body: shapes.drain,
    status: 202,
    answer: shapes.nothing,
    handle: async ({ drain, cluster }, { query: { node }, body: { timeout } }, response) => {
      const other = node === undefined ? undefined : nodeNamed(node, cluster);
      if (other !== undefined && !other.self) {
        const ms = timeout === undefined ? {} : { timeout: `${timeout}ms` };
        await cluster!.ask(other, 'POST', `/drain?node=${other.id}`, ms);
      } else response.once('close', () => drain(timeout, other !== undefined));
      return {};
    },
  }),
  define({
    method: 'GET',
    path: '/events',
    summary: 'Live events; in a cluster those of all nodes, each with the name of its own as reportedBy',
    command: 'events',
    query: shapes.watching,
    answer: shapes.text,
    stream: true,
    handle: (
      { watchers, nodeWatchers, clusterEvents, cluster },
      { query: { type, node }, operator, isForAll },
      response,
    ) => {
      // Whoever asks for some is told of the nodes, and of the number, that are not among them.
      const isWanted = type === undefined ? (): boolean => true : ofTypes([...type.split(','), 'unanswered', 'missed']);
      const only = node === undefined ? undefined : nodeNamed(node, cluster);
      if (!isForAll) nodeWatchers.add(response, operator, isWanted);
      else if (clusterEvents === undefined || only?.self === true) watchers.add(response, operator, isWanted);
      else {
        const names = only && [only.name, `${only.name} (${only.id})`];
        const isOf = (reportedBy: string): boolean => names?.includes(reportedBy) ?? true;
        clusterEvents.add(response, operator, (event) => isWanted(event) && isOf(event.reportedBy));
      }
    },
  }),
  define({
    method: 'GET',
    path: '/logs',
    summary: 'The newest lines of the log, and new ones as they come',
    command: 'logs',
    query: shapes.logs,
    answer: shapes.text,
    stream: true,
    handle: ({ recentLog }, { query: { lines, follow, level }, operator }, response) =>
      recentLog.send(response, operator, { lines, follow: follow === 'true', level }),
  }),
  define({
    method: 'GET',
    path: '/live',
    summary: 'Everything that operators see, as it changes',
    command: 'events',
    query: shapes.topics,
    answer: shapes.text,
    stream: true,
    handle: ({ live }, { query: { topics }, operator }, response) => live.add(response, topics.split(','), operator),
  }),
  define({
    method: 'POST',
    path: '/console-link',
    summary: 'A link to the console that signs in whoever opens it first',
    command: 'console',
    body: shapes.link,
    answer: shapes.consoleLink,
    subject: ({ body: { role = 'operator' } }) => role,
    handle: ({ consoleLink }, { body: { role = 'operator' }, operator }) => {
      checkMayGive(operator, [role]);
      const { name, signedIn } = operator;
      const rights = operatorRoleOf([role])!;
      return consoleLink({ name, ...rights, ...(signedIn !== undefined && { signedIn }) });
    },
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
  const sessions = operations.sessions();
  const found = sessions.find((session) => isNamed(session, name));
  if (found === undefined) missing('session', name, idsOf(sessions));
  const detail =
    found.key === undefined
      ? `${JSON.stringify(name)} is a session of the program around the gateway, which does not do this`
      : `${JSON.stringify(name)} is a client without a session, over modern HTTP or REST: cancel its requests instead`;
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}

/** A client without a session has a key as well, as others may have its id. */
const isNamed = ({ id, key }: SessionFacts, name: string): boolean => id === name || key === name;
const idsOf = (all: readonly { id: string }[]): string[] => all.map(({ id }) => id);
