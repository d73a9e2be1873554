/** One HTTP request to an MCP path, and the limits of what serves it. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Store } from '../stores/store.ts';
import type { Arrival } from './arrival.ts';
import type { ReplayBudget } from './replay-budget.ts';

export interface HttpLimits {
  maxMessageBytes: number;
  maxQueueBytes: number;
  maxQueueMessages: number;
  keepAliveMs: number;
  /** Where events are kept for clients that come back. */
  store: Store;
  /** How much is kept there. */
  replay: ReplayBudget;
  /** How long the calls of a session go on without any connection of its client, in ms. */
  absentGraceMs: number;
  /** How long a server of its own is kept then. */
  absentTimeoutMs: number;
}

export interface HttpVisit extends Omit<Arrival, 'id' | 'transport'> {
  request: IncomingMessage;
  response: ServerResponse;
  /** Where the request comes from. */
  address: string;
  /** Whether it came in at another node of the cluster, which passed it on to this one. */
  isForwarded?: boolean;
}
