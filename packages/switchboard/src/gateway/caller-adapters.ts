/** The callers' side of a gateway: what serves those who come by each way in, and who is connected. */
import { randomBytes } from 'node:crypto';

import { Connections } from '../callers/connections.ts';
import type { CallerContext } from '../callers/context.ts';
import type { Hooks } from '../callers/hooks.ts';
import { HttpCallers } from '../callers/http.ts';
import type { Elsewhere } from '../callers/http.ts';
import { Registry } from '../callers/registry.ts';
import { SessionMessages } from '../callers/session-messages.ts';
import { SessionRecords } from '../callers/session-records.ts';
import { RestCallers } from '../callers/rest.ts';
import { ReplayBudget } from '../callers/replay-budget.ts';
import type { Emit } from '../observe/events.ts';
import type { Exchanges } from '../router/exchange.ts';
import type { Lease, SharedStore } from '../stores/store.ts';
import { noticeEvent } from './store-notice.ts';
import { SseAcceptor } from '../transports/http/sse-channel.ts';
import type { Access } from './access.ts';
import type { Admission } from './admission.ts';
import type { Settings } from './settings.ts';
import { PRODUCT } from './product.ts';
import type { SharedPlaces } from './shared-places.ts';

export interface CallerAdapterOptions {
  settings: Settings;
  /** Where their requests go. */
  exchanges: Exchanges;
  access: Access;
  admission: Admission;
  hooks: Readonly<Hooks>;
  store: SharedStore;
  emit: Emit;
  /** The other nodes, in a cluster. */
  elsewhere?: Elsewhere | undefined;
  /** Under which this node writes, in a cluster. */
  lease?: (() => Lease | undefined) | undefined;
  /** Where clients at all nodes of a cluster count together. */
  places?: SharedPlaces | undefined;
}

/** The longest that a stream over HTTP is silent: proxies cut those that are silent for longer. */
const MAX_SILENCE_MS = 15_000;

/** What serves clients, by the way they come in. */
export interface CallerAdapters {
  registry: Registry;
  /** Of the sessions that an operator looks at. */
  messages: SessionMessages;
  /** What sessions over HTTP keep for clients that come back. */
  replay: ReplayBudget;
  connections: Connections;
  /** What sessions are rebuilt from after a restart; nothing where the store ends with the process. */
  records: SessionRecords | undefined;
  http: HttpCallers;
  /** Where `rest` is on. */
  rest: RestCallers | undefined;
  /** Where `sse` is on. */
  sse: SseAcceptor | undefined;
}

export function callerAdapters({
  settings,
  exchanges,
  access,
  admission,
  hooks,
  store,
  emit,
  elsewhere,
  lease,
  places,
}: CallerAdapterOptions): CallerAdapters {
  const replay = new ReplayBudget({
    session: settings.maxReplaySize,
    principal: settings.maxReplaySizePerPrincipal,
    total: settings.maxReplaySizeTotal,
  });
  const records =
    store.reach === 'process'
      ? undefined
      : new SessionRecords({
          store,
          ttlMs: settings.idleTimeout,
          lease,
          onNotice: (notice) => emit(noticeEvent(notice)),
        });
  const messages = new SessionMessages();
  const context: CallerContext = {
    records,
    exchanges,
    emit,
    admit: (arrival) => admission.admit(arrival),
    countConnect: (arrival) => admission.countConnect(arrival),
    reservePlace: async (identity) => (await places?.reserve(identity)) ?? (() => {}),
    allowance: (arrival) => admission.allowance(arrival),
    tellsAllowance: settings.tellAllowance,
    maxMessageBytes: (identity) => admission.maxMessageBytes(identity),
    watchCredential: (holder) => access.credentials.watch(holder),
    maxRequestsInFlight: settings.maxRequestsInFlight,
    messages,
    hooks,
  };
  const httpLimits = {
    maxMessageBytes: settings.maxMessageSize,
    maxQueueBytes: settings.maxQueueSize,
    maxQueueMessages: settings.maxQueueMessages,
    keepAliveMs: Math.min(MAX_SILENCE_MS, settings.pingInterval),
    store,
    replay,
    absentGraceMs: settings.absentGrace,
    absentTimeoutMs: settings.absentTimeout,
  };
  const registry = new Registry({
    max: settings.maxConnections,
    maxOf: (identity) => admission.maxSessions(identity),
    idleTimeoutMs: settings.idleTimeout,
    onEnter(conversation, isMoved) {
      admission.enter(conversation);
      places?.enter(conversation, isMoved);
    },
    onLeave(conversation) {
      admission.leave(conversation);
      places?.leave(conversation);
    },
    onFault: (error) => emit({ type: 'failed', where: 'registry', error }),
    sweepIntervalMs: settings.sweepInterval,
  });
  const connections = new Connections(context, registry, newId);
  const http = new HttpCallers(context, registry, httpLimits, newId, elsewhere);
  const isRest = settings.rest && settings.transport.includes('http');
  const restOptions = {
    limits: httpLimits,
    isProtected: access.isOn,
    version: PRODUCT.version,
  };
  const rest = isRest ? new RestCallers(context, restOptions) : undefined;
  const isSse = settings.sse && settings.transport.includes('http');
  const sse = isSse ? new SseAcceptor(httpLimits, newId) : undefined;
  return { registry, messages, replay, connections, records, http, rest, sse };
}

/** 128 bits, in characters that a header and a URL can carry. */
const newId = (): string => randomBytes(16).toString('base64url');
