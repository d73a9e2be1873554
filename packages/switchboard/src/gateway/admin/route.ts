/** What a route of the admin API is, and what it works with. */
import type { ServerResponse } from 'node:http';
import type { z } from 'zod';

import type { History } from '../../observe/history.ts';
import type { RecentRequests } from '../../observe/recent-requests.ts';
import type { Refusals } from '../../observe/refusals.ts';
import type { StderrTail } from '../../observe/stderr-tail.ts';
import type { SessionMessages } from '../../callers/session-messages.ts';
import type { Channel } from '../../transports/channel.ts';
import type { Change } from '../change.ts';
import type { Lockout } from '../../limits/lockout.ts';
import type { ConfigurationFile } from '../configuration-file.ts';
import type { Keys } from '../keys.ts';
import type { Operations } from '../operations.ts';
import type { PersonFacts } from '../people.ts';
import type { Settings } from '../settings.ts';
import type { Simulations } from '../simulations.ts';
import type { Stats } from '../stats.ts';
import type { ToolSurvey } from '../tool-survey.ts';
import type { Trials } from '../tool-trial.ts';
import type { ClusterEvents } from './cluster-events.ts';
import type { ConfigurationFacts } from './configuration.ts';
import type { Problem } from './health.ts';
import type { LiveEvent } from './event-watchers.ts';
import type { Live } from './live.ts';
import type { MemberUsage } from './member-usage.ts';
import type { Operator } from './operator.ts';
import type { RecentLog } from './recent-log.ts';
import type { SessionsElsewhere } from './sessions-elsewhere.ts';
import type { AdminCluster, Spread } from './spread.ts';
import type { Watchers } from './watchers.ts';

/** What the routes work with. */
export interface AdminContext {
  operations: Operations;
  messages: Pick<SessionMessages, 'count' | 'list'>;
  settings: Settings;
  /** Whether callers must show a credential. */
  authentication(): boolean;
  watchers: Watchers<LiveEvent>;
  /** The other nodes of a cluster that watch for their operators: one stream each, of which operators have no share. */
  nodeWatchers: Watchers<LiveEvent>;
  /** Those of all nodes, where there are several. */
  clusterEvents?: ClusterEvents | undefined;
  recentLog: RecentLog;
  history: History;
  recentRequests: RecentRequests;
  refusals: Refusals;
  stderr: StderrTail;
  usage: MemberUsage;
  live: Live;
  stats(): Stats;
  isDraining(): boolean;
  /** What the program knows to be wrong. */
  problems(): readonly Problem[];
  /** @param isThisAlone whether the others of its cluster go on. */
  drain(timeoutMs: number | undefined, isThisAlone: boolean): void;
  /** Reads the configuration again. @throws {SwitchboardError} */
  reload(): Change | Promise<Change>;
  tools: ToolSurvey;
  /** The tools that operators call now. */
  trials: Trials;
  keys: Keys;
  /** Who uses it, by name. */
  people(): PersonFacts[];
  lockout: Pick<Lockout, 'list' | 'forget'>;
  simulations: Simulations;
  /** The file of the configuration, where operators can change it. */
  configurationFile?: ConfigurationFile | undefined;
  /** The configuration as it holds. */
  configuration(): ConfigurationFacts;
  /** A client of its own of an upstream, for an operator who tries a tool. @throws {SwitchboardError} as for every client */
  openClient(upstream: string, principal: string, role?: string): Channel;
  /** Makes a link to the console that is good once. @throws {SwitchboardError} `SWB_NOT_FOUND` where there is no console. */
  consoleLink(operator: Operator): ConsoleLink;
  /** Where there are several nodes. */
  cluster?: AdminCluster | undefined;
  /** What the others have. */
  elsewhere?: SessionsElsewhere | undefined;
}

/** A link to the console that signs in whoever opens it first. */
export interface ConsoleLink {
  url: string;
  /** In ms since 1970. */
  expiresAt: number;
}

interface RouteInput<Query, Body> {
  /** What stands in braces in the path. */
  name: string;
  query: Query;
  body: Body;
  /** Who asks. */
  operator: Operator;
  /** Whether all nodes of a cluster are meant: another node asks for this one alone. */
  isForAll: boolean;
}

export interface Route<Query = unknown, Body = unknown> {
  /** A viewer and an auditor may use `GET`; everything else is for operators. */
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/admin`. One part may be a name in braces. */
  path: string;
  summary: string;
  /** The `switchboard` command that does the same, with what it needs. @default none, for what the console does not use */
  command?: string;
  query?: z.ZodType<Query>;
  body?: z.ZodType<Body>;
  /** @default 200 */
  status?: 200 | 202;
  /** What it gives; with `stream` a piece of it. */
  answer: z.ZodType;
  stream?: boolean;
  /** The media type of a stream. @default 'text/event-stream' */
  type?: string;
  /** Whether it reads the audit log: no viewer may, and who does is in the audit log too. @default false */
  isAudit?: boolean;
  /** What the audit log has of it beside the name in the path. @default nothing */
  subject?(given: RouteInput<Query, Body>): string;
  /** How all nodes of a cluster answer together. @default only the one that was asked */
  spread?: Spread;
  /** @returns what is sent as JSON; nothing where the response was taken. */
  handle(context: AdminContext, given: RouteInput<Query, Body>, response: ServerResponse): unknown;
}

/** A row of the table, with the types that its shapes read. */
export const define = <Query, Body>(route: Route<Query, Body>): Route => route;
