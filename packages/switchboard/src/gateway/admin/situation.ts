/** How a Switchboard is at this moment, as operators see it: asked once, or live. */
import type { RangeName } from '../../observe/history.ts';
import type { SessionFacts } from '../../callers/session-facts.ts';
import type { OpenRequest } from '../operations.ts';
import { PRODUCT } from '../product.ts';
import { NAME } from '../upstream-options.ts';
import { problemsOf } from './health.ts';
import type { Problem } from './health.ts';
import type { Topic } from './live.ts';
import { NO_PROCESSES } from './member-usage.ts';
import type { AdminContext } from './route.ts';
import type { SessionAtNode } from './sessions-elsewhere.ts';
import type { AdminCluster } from './spread.ts';

type Context = Omit<AdminContext, 'live'>;

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

/** Version, uptime and counts. */
export function statusOf({ operations, settings, authentication, stats, isDraining, cluster }: Context): object {
  const { connections, exchanges: requests, parked } = stats();
  const states = operations.upstreamsWith(NO_PROCESSES);
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
    maxRequestsInFlight: settings.maxRequestsInFlight,
    authentication: authentication(),
    rest: settings.rest,
    ...(settings.traceUrl !== '' && { traceUrl: settings.traceUrl }),
    ...(cluster !== undefined && { nodes: nodesOf(cluster) }),
    upstreams: states.map(({ name, state, reason, running, members }) => ({
      name,
      state,
      ...(reason !== undefined && { reason }),
      members: members.length,
      running,
    })),
  };
}

/** Whether it is well, and what to do where it is not. */
export function healthOf({
  operations,
  settings,
  history,
  refusals,
  simulations,
  stats,
  isDraining,
  problems: given,
}: Context): {
  ok: boolean;
  problems: Problem[];
} {
  const nearLimit = new Set(operations.load().nearLimit);
  const found = problemsOf({
    isDraining: isDraining(),
    upstreams: operations.upstreamsWith(NO_PROCESSES),
    connections: stats().connections,
    maxConnections: settings.maxConnections,
    requests: operations.requests(),
    nearLimit: nearLimit.size === 0 ? [] : operations.sessions().filter(({ id }) => nearLimit.has(id)),
    // A run of the simulator is meant to be refused where it is too much, and has no key to revoke.
    floods: refusals.floods().filter(({ principal }) => principal === undefined || !simulations.isPrincipal(principal)),
    load: history.load(),
  });
  const problems = [...given(), ...found];
  return { ok: problems.length === 0, problems };
}

/** An age grows without anything having changed, so a page gets the beginning, to the second. */
const withStart = ({ ageMs, ...request }: OpenRequest): object => ({
  ...request,
  startedAt: Math.round((Date.now() - ageMs) / 1000) * 1000,
});

const STDERR = 'stderr:';
const MESSAGES = 'messages:';
const USAGE = /^usage\.(minute|hour|day):(.*)$/s;
const SIMULATION = /^simulation:[0-9a-f]{12}$/;

/** The points of a run, as they come. One that is not kept any more has none: a page may still have asked for it. */
function pointsTopic({ simulations }: Context, id: string): Topic {
  const points = (): readonly object[] => simulations.pointsOf(id) ?? [];
  return { kind: 'log', count: () => points().length, list: (after) => points().slice(after) };
}

/** The messages of a session as they pass. One that is not open has none: a page may still have asked for it. */
function messagesTopic({ operations, messages }: Context, id: string): Topic {
  const isOpen = (): boolean => operations.isOpen(id);
  return {
    kind: 'log',
    count: () => (isOpen() ? messages.count(id) : 0),
    list: (after) => (isOpen() ? messages.list(id, after) : []),
  };
}

/** In a cluster with the name of this node. */
function ownSessions({ operations, cluster }: Context): (SessionFacts & { node?: string })[] {
  const node = cluster?.nodes().find(({ self }) => self)?.name;
  return operations.sessions().map((session) => ({ ...(node !== undefined && { node }), ...session }));
}

/** What they said a little while ago. */
const sessionsOfOthers = ({ elsewhere }: Context): readonly SessionAtNode[] =>
  (elsewhere?.look().sessions ?? [])
    // A client without a session may have requests at several nodes at once.
    .map((session) => (session.key === undefined ? session : { ...session, key: `${session.key} ${session.node}` }));

/** One that goes on here meanwhile is not told of twice. */
function sessionsOfAll(context: Context): (SessionFacts & { node?: string })[] {
  const own = ownSessions(context);
  const here = new Set(own.map(({ id, key = id }) => key));
  return [...own, ...sessionsOfOthers(context).filter(({ id, key = id }) => !here.has(key))];
}

/**
 * What the live stream can be about: `stderr:` and the name of an upstream, `usage.minute:`, `usage.hour:` or `usage.day:` and such a name,
 * `messages:` and the id of a session, `simulation:` and the id of a run, or one of these.
 */
export function topicsOf(context: Context): (name: string) => Topic | undefined {
  const { operations, history, recentRequests, stderr, usage, elsewhere } = context;
  // A change that happens again stays the same one, with another time and count.
  const numbers = new WeakMap<object, number>();
  let newest = 0;
  const numberOf = (change: object): number => {
    const known = numbers.get(change) ?? ++newest;
    numbers.set(change, known);
    return known;
  };
  const topics: Readonly<Record<string, Topic>> = {
    status: { kind: 'value', look: () => statusOf(context) },
    health: { kind: 'value', look: () => healthOf(context) },
    'history.minute': { kind: 'value', look: () => history.range('minute') },
    'history.hour': { kind: 'value', look: () => history.range('hour') },
    'history.day': { kind: 'value', look: () => history.range('day') },
    load: { kind: 'value', look: () => history.load() },
    'load.hour': { kind: 'value', look: () => history.load('hour') },
    'load.day': { kind: 'value', look: () => history.load('day') },
    changes: {
      kind: 'table',
      look: () => history.changes().map((change) => ({ nr: numberOf(change), ...change })),
      idOf: ({ nr }: { nr: number }) => String(nr),
    },
    sessions: {
      kind: 'table',
      look: () => sessionsOfAll(context),
      // The id of a client without a session is its address, which others may have too.
      idOf: ({ id, key = id }: SessionFacts) => key,
    },
    elsewhere: { kind: 'value', look: () => elsewhere?.look().nodes ?? [] },
    requests: {
      kind: 'table',
      look: () => operations.requests().map(withStart),
      idOf: ({ id }: { id: string }) => id,
    },
    recent: { kind: 'log', count: () => recentRequests.count, list: (after, max) => recentRequests.list(after, max) },
    people: {
      kind: 'table',
      look: () => context.people(),
      idOf: ({ principal }: { principal: string }) => principal,
    },
    simulations: { kind: 'value', look: () => context.simulations.list() },
    lockouts: { kind: 'value', look: () => context.lockout.list() },
    upstreams: { kind: 'table', look: () => usage.upstreams(), idOf: ({ name }: { name: string }) => name },
  };
  return (name) => {
    if (Object.hasOwn(topics, name)) return topics[name];
    if (SIMULATION.test(name)) return pointsTopic(context, name.slice(name.indexOf(':') + 1));
    const [, range, used = ''] = USAGE.exec(name) ?? [];
    // Of a server that was removed nothing is known: a page may still have asked for it.
    if (range !== undefined) return { kind: 'value', look: () => history.usage(used, range as RangeName) };
    if (name.startsWith(MESSAGES)) return messagesTopic(context, name.slice(MESSAGES.length));
    const upstream = name.startsWith(STDERR) ? name.slice(STDERR.length) : '';
    // One that is not there any more has written nothing: a page may still have asked for it.
    if (!NAME.test(upstream)) return undefined;
    return { kind: 'log', count: () => stderr.count(upstream), list: (after) => stderr.list(upstream, after) };
  };
}
