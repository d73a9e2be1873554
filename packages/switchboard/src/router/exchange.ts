/**
 * What stands between callers and upstreams: the contracts that both sides meet at.
 *
 * Data flows one way: a caller opens an exchange, the router finds the member that serves it, the member settles it. Bodies
 * travel by reference in the shape of the caller's era; a member that speaks the other one rewrites them at its edge.
 */
import type { Era } from '../protocol/eras.ts';
import type { JsonObject, RpcError, RpcId, RpcNotification } from '../protocol/jsonrpc.ts';
import type { SessionContext, Transport } from '../protocol/session-context.ts';
import type { Timeline } from '../observe/timeline.ts';
import type { ParamHeader } from '../protocol/param-headers.ts';

/** Who asks, and what they can do: fixed for a legacy session, read again from every modern request. */
export interface Scope {
  readonly era: Era;
  /** The protocol version that the client speaks. */
  readonly version: string;
  readonly capabilities: JsonObject;
  readonly clientInfo?: JsonObject;
  /**
   * The lowest level of log messages that are wanted: of this one request, where absent means none; or of the session, which may
   * change it.
   */
  logLevel?: string;
  /** What a server may be told of who is calling, as it is now. */
  readonly context?: () => SessionContext;
  /** Who is calling. */
  readonly principal: string;
  /** The names of the caller's roles. @default none */
  readonly roles?: readonly string[];
  /** How it came. */
  readonly transport: Transport;
  /** The legacy session, or the connection of a modern request: what `session` isolation goes by. */
  readonly affinity: string;
  /** Whose turn it takes in a queue. @default `affinity` */
  readonly account?: string;
  /** Whose share it takes of what there is for all. @default `affinity` */
  readonly origin?: string;
  /** Whether nothing but an address stands behind `affinity`, so that two strangers may have the same (modern requests over HTTP). */
  readonly loose?: boolean;
  /** What the client brought for servers that ask each caller for a value of its own. Never shown. */
  readonly credentials?: CallerCredentials;
}

/** Values of one caller, by the names of headers in small letters, and of claims of its token. */
export interface CallerCredentials {
  /** The Switchboards that it came through, the first one first. @default none */
  readonly via?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly claims: Readonly<Record<string, string>>;
}

/** How an exchange ended, in the shape of its scope's era. */
export type Outcome = { result: JsonObject } | { error: RpcError };

/** Which of several upstreams a request reaches that came to all of them as one, and its params as that one gets them. */
export interface Reached {
  upstream: string;
  params: JsonObject | undefined;
}

/** What a caller asks of the router. */
export interface Opening {
  readonly scope: Scope;
  readonly slot: Slot;
  readonly method: string;
  readonly params: JsonObject | undefined;
  readonly wantsProgress: boolean;
  /** Whether it lives until somebody ends it (`subscriptions/listen`), so that no time limit applies. */
  readonly endless?: boolean;
  /** Where the answer goes. */
  readonly responder: Responder;
}

/** The caller's end of an exchange: writes to the one client that asked. Not called any more after `settle`. */
export interface Responder {
  progress(params: JsonObject): void;
  notify(notification: RpcNotification): void;
  /** Called once at the most; never for an exchange that the client cancelled. */
  settle(outcome: Outcome): void;
  /**
   * Puts a question of the server to the client while the request runs, as legacy clients can be asked. Without it the question
   * ends the responder, and the client brings the answer with a new one.
   */
  readonly ask?: ((question: Question, signal: AbortSignal, about?: RpcId) => Promise<Outcome>) | undefined;
}

/** One request's life, from the client's message to its settled answer. Carried by the router, served by a member. */
export interface Exchange {
  /** Unique in this process; stands in logs. */
  readonly id: string;
  /** When it was opened, on the clock of `performance.now`. */
  readonly startedAt: number;
  /** Where it is served. */
  readonly slot: Slot;
  readonly scope: Scope;
  readonly method: string;
  /** As the client sent them, in the shape of `scope.era`. */
  readonly params: JsonObject | undefined;
  readonly wantsProgress: boolean;
  readonly settled: boolean;
  /** What it has reached, where its slot stands for several upstreams; absent until that is known, and where it goes to all. */
  reached?: Reached | undefined;
  /** The number under which its member has sent it to the server: the member's own. */
  sentAs?: number;
  /** Where its time goes; absent where nobody watches that. */
  readonly times?: Timeline | undefined;
  /** A progress note for the client; `params` without the token. Ignored once settled. */
  progress(params: JsonObject): void;
  /** A notification that belongs to this request alone. Ignored once settled. */
  notify(notification: RpcNotification): void;
  /** Whether its client has been asked something and has not come back with the answer. */
  readonly parked: boolean;
  /** Ends the exchange. Only the first call counts. */
  settle(outcome: Outcome): void;
  /**
   * Runs work that the exchange waits for: what it throws, or rejects with, settles the exchange. Whatever is none of Switchboard's own
   * errors becomes `SWB_INTERNAL` with a reference, and the log has the rest under it.
   */
  run(work: () => unknown): void;
  /** The error to answer with for something that was thrown while this was served; a fault of Switchboard is told of. */
  report(thrown: unknown): RpcError;
  /**
   * Serves it from the beginning once more, at the member that is there by then. For a member whose server did nothing with the request.
   *
   * @returns whether it is; an exchange is opened again {@link MAX_REOPENED} times at the most.
   */
  reopen(): boolean;
  /**
   * Puts a question of the server to the client of this exchange. Never rejects: a client that does not answer settles it with
   * an error, or with a cancelled elicitation. After `signal` fires the answer no longer matters.
   */
  ask(question: Question, signal?: AbortSignal): Promise<Outcome>;
  /** `listener` is called once when the exchange has ended, in whatever way. */
  onEnd(listener: () => void): void;
}

/** An exchange as the caller has it that opened it. */
export interface OpenedExchange extends Exchange {
  /** The client no longer wants the answer: the upstream is told, and the responder hears nothing more. */
  cancel(reason?: string): void;
}

/** A question of a server to a client: elicitation, sampling, roots. */
export interface Question {
  method: string;
  params?: JsonObject;
}

/** A client that hears what is said to the session, not to one request. Legacy sessions are; modern requests are not. */
export interface Caller {
  readonly scope: Scope;
  notify(notification: RpcNotification): void;
  /**
   * Puts a question to the client. Never rejects: a client that is gone or refuses settles it with an error. After `signal`
   * fires, the client is told that the question is withdrawn and the answer no longer matters.
   */
  ask(question: Question, signal: AbortSignal): Promise<Outcome>;
  /** Nothing more will be said to it. */
  end?(): void;
}

/** The callers of one member, and who among them watches which resource. Made by the router for each slot. */
export interface Audience {
  /** Whether one session has the member for itself, so that whatever the member says is meant for that session. */
  readonly exclusive: boolean;
  readonly callers: ReadonlySet<Caller>;
  join(caller: Caller): void;
  /** The caller's watched resources are given up too; `release` is told those that nobody watches any more. */
  leave(caller: Caller, release: (uri: string) => void): void;
  /**
   * Subscribes or unsubscribes `caller`; `send` reaches the upstream and is called only for the first watcher of a resource and
   * the last. Changes of one resource are made one after the other.
   */
  watch(caller: Caller, uri: string, send: () => Promise<Outcome>): Promise<Outcome>;
  unwatch(caller: Caller, uri: string, send: () => Promise<Outcome>): Promise<Outcome>;
  watchers(uri: string): Iterable<Caller>;
  readonly watched: Iterable<string>;
}

/** One live instance of an upstream, spoken to in its era. */
export interface Member {
  readonly era: Era;
  readonly version: string;
  /** The server's own `InitializeResult` or `DiscoverResult`. */
  readonly handshakeResult: JsonObject;
  /** The same, as the server gives it to a client in this scope. Never rejects. */
  handshakeResultFor(scope: Scope): JsonObject | Promise<JsonObject>;
  /** How many requests of clients it has not answered. */
  readonly inFlight: number;
  /** Takes the exchange and settles it in the end, at the latest when the member dies. Called through {@link Exchange.run}. */
  open(exchange: Exchange): void;
  /** The client no longer wants the answer. The exchange is not settled by this. */
  cancel(exchange: Exchange, reason?: string): void;
  /** The arguments of a tool that modern requests over HTTP repeat in headers. Never rejects. */
  paramHeaders(tool: string): readonly ParamHeader[] | Promise<readonly ParamHeader[]>;
  /** Whether the server says of a tool that it changes nothing. Never rejects. */
  isReadOnly(tool: string): boolean | Promise<boolean>;
  /** A notification of the session that has this member for itself. */
  notify(notification: RpcNotification): void;
  /** A caller is there to hear what is said to all. */
  join(caller: Caller): void;
  /** The caller is gone: its subscriptions are given up. */
  leave(caller: Caller): void;
  close(): void;
}

/** A place where one member, or several alike, serve those who may share them; the place outlives the members. */
export interface Slot {
  /** The name of the upstream that it belongs to. */
  readonly upstream: string;
  readonly audience: Audience;
  /** Whether it serves one interactive exchange at a time, so that what a server asks can only be about that one. */
  readonly leased: boolean;
  /**
   * The live member, or one that is being started. Rejects with a `SwitchboardError` when none can be had.
   *
   * @param request what it is wanted for, where several serve. @default what belongs to the whole session
   */
  member(request?: Pick<Opening, 'method' | 'params'>): Member | Promise<Member>;
  /** What a request is going to reach, as far as its name alone tells. @default nothing, as the slot is of one upstream */
  leadsTo?(request: Pick<Opening, 'method' | 'params'>): Reached | undefined;
  join(caller: Caller): void;
  leave(caller: Caller): void;
  /**
   * Keeps the slot for a modern request, or for the connection whose modern requests it serves; a caller that joined keeps it anyway.
   *
   * @param lease whether it is for this one against others that want the same, see {@link leased}.
   * @returns what lets it go; may be called more than once.
   */
  retain(lease?: boolean): () => void;
  /** Gives it to nobody new; it ends, with its member, when the last who holds it lets it go. */
  retire(): void;
  /**
   * Ends a member that one session has for itself, between two requests; the next request starts another. Does nothing where
   * several share the member.
   */
  rest(reason: string): void;
  /** Ends the slot and its member. */
  close(): void;
}

/** The name of all upstreams as one, where others stand under theirs; no upstream can be called so. */
export const CATALOGUE = '*';

/** How many members in turn may have done nothing with a request before it fails. */
export const MAX_REOPENED = 3;

/** An MCP server behind Switchboard, as configured. */
export interface Upstream {
  readonly name: string;
  /** The headers, in small letters, that callers bring values for its servers in; no other header of a client is kept. */
  readonly callerHeaders: readonly string[];
  /**
   * Whether a session of it can go on at another member, in another process: at an address, or where several share a member. What a
   * process of its own knows of its one client ends with it.
   */
  readonly isMovable: boolean;
  /**
   * Whether the nodes of a cluster have to serve the modern requests of one client over HTTP at one of them, as there is a process of the
   * server for each client, which a request finds as those before it have left it.
   */
  readonly hasHomes: boolean;
  /** Whether it is there for who asks; to everybody else it does not exist. @default for everybody */
  serves?(scope: Pick<Scope, 'roles'>): boolean;
  /**
   * The slot for whoever asks in this scope; made when there is none.
   *
   * @throws {SwitchboardError} `SWB_CREDENTIAL_MISSING`, `SWB_OVERLOADED`, `SWB_SHUTTING_DOWN`
   * @param interactive whether the client may be asked something meanwhile.
   */
  slot(scope: Scope, interactive?: boolean): Slot;
}

/** The router, as callers see it. */
export interface Exchanges {
  open(opening: Opening): OpenedExchange;
  /**
   * Where the call runs that a modern request to this upstream comes back to; nothing when its `requestState` is none of ours. Asked before
   * any other slot is, so that a request with a wrong one touches no server. Only {@link open} uses it up: a request that is refused between
   * the two can be sent again.
   *
   * @throws {SwitchboardError} `SWB_INVALID_PARAMS` for one that was used, has expired, or belongs to another request or principal;
   * `SWB_SHUTTING_DOWN`
   */
  parkedSlot(request: Pick<Opening, 'scope' | 'method' | 'params'>, upstream: string): Slot | undefined;
}
