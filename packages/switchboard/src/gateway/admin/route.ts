/** What a route of the admin API is, and what it works with. */
import type { ServerResponse } from 'node:http';
import type { z } from 'zod';

import type { Change } from '../change.ts';
import type { Operations } from '../operations.ts';
import type { Settings } from '../settings.ts';
import type { Stats } from '../stats.ts';
import type { LiveEvent } from './event-watchers.ts';
import type { RecentLog } from './recent-log.ts';
import type { AdminCluster, Spread } from './spread.ts';
import type { Watchers } from './watchers.ts';

/** What the routes work with. */
export interface AdminContext {
  operations: Operations;
  settings: Settings;
  watchers: Watchers<LiveEvent>;
  recentLog: RecentLog;
  stats(): Stats;
  isDraining(): boolean;
  drain(timeoutMs?: number): void;
  /** Reads the configuration again. @throws {SwitchboardError} */
  reload(): Change | Promise<Change>;
  /** Where there are several nodes. */
  cluster?: AdminCluster | undefined;
}

interface RouteInput<Query, Body> {
  /** What stands in braces in the path. */
  name: string;
  query: Query;
  body: Body;
}

export interface Route<Query = unknown, Body = unknown> {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/admin`. One part may be a name in braces. */
  path: string;
  summary: string;
  query?: z.ZodType<Query>;
  body?: z.ZodType<Body>;
  /** @default 200 */
  status?: 200 | 202;
  /** What it gives; with `stream` a piece of it. */
  answer: z.ZodType;
  stream?: boolean;
  /** How all nodes of a cluster answer together. @default only the one that was asked */
  spread?: Spread;
  /** @returns what is sent as JSON; nothing where the response was taken. */
  handle(context: AdminContext, given: RouteInput<Query, Body>, response: ServerResponse): unknown;
}
