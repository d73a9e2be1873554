/**
 * Everything that happens in a gateway, as one union; log, metrics, audit, readiness and traces are functions of it. Bodies of
 * messages are never part of it.
 */
import type { Era } from '../protocol/eras.ts';
import type { Transport } from '../protocol/session-context.ts';
import type { RequestTimes } from './timeline.ts';

/** What is known of a request as soon as it has an exchange. */
export interface RequestFacts {
  /** The exchange's id, as in logs and traces. */
  exchange: string;
  /** Such as `tools/call`. */
  method: string;
  /** The name of the tool or prompt, or the scheme of the resource's URI; at most 128 characters, as the client wrote them. */
  target: string | undefined;
  /** The upstream's name; `*` for all of them as one. */
  upstream: string;
  /** The label of the legacy session or of the connection; of modern HTTP, which has neither, the client's address. */
  session: string;
  /** The caller: a key's name, a token's subject, or `anonymous`. */
  principal: string;
  /** How it came. */
  transport: Transport;
  /** The era of the client. */
  era: Era;
  /** The trace that it belongs to, 32 hexadecimal digits; absent where neither the client nor this gateway traces. */
  trace?: string | undefined;
}

/**
 * How a request ended: `isError` is a tool's result that says it failed, `error` an answer with an error, `cancelled` no answer,
 * because the client no longer wanted one.
 */
export type RequestOutcome = 'ok' | 'isError' | 'error' | 'cancelled';

/** The end of a request. */
export interface RequestEnd {
  /** From the opening to the end, a wait for the client's answers included. */
  ms: number;
  /** How it ended. */
  outcome: RequestOutcome;
  /** The error's number. */
  code: number | undefined;
  /** The error's name, where it is Switchboard's own. */
  error: string | undefined;
  /** Where the time went. It is not in the lines of log and audit log. */
  times?: RequestTimes;
  /** How the client named itself; known only with an audit log. */
  client?: string;
  /** The size of the params as JSON; without an audit log only that of the arguments of a tool, and only where they have 2 KiB or so. */
  bytesIn?: number;
  /** The size of the result or error as JSON; without an audit log only that of an answer of 2 KiB or more. */
  bytesOut?: number;
}

/** Everything that happens in a gateway, for `onEvent`. Bodies of messages, and secrets, are never part of it. */
export type GatewayEvent =
  | { type: 'listening'; url: string }
  | { type: 'draining'; requests: number }
  /**
   * How busy it is; counts are of the interval. `queued`: requests that wait for their turn; `nearLimit`: sessions with less than a fifth
   * of their rate left, of which the first are `nearest`.
   */
  | {
      type: 'statistics';
      intervalS: number;
      clients: number;
      sessions: number;
      requests: number;
      errors: number;
      refused: number;
      queued: number;
      parked: number;
      bytesIn: number;
      bytesOut: number;
      queuedBytes: number;
      nearLimit: number;
      nearest?: string[];
      busiest?: { upstream: string; tool: string; calls: number };
    }
  | {
      type: 'reloaded';
      added: string[];
      changed: string[];
      removed: string[];
      applied: string[];
      restartNeeded: string[];
    }
  | { type: 'reload.failed'; reason: string }
  | { type: 'connection.opened'; connection: string; transport: Transport; address?: string; userAgent?: string }
  | { type: 'connection.closed'; connection: string; transport: Transport; reason: string }
  | { type: 'connection.refused'; code: string; detail: string; address?: string }
  /** The server's certificate was read, at the start or because a file changed. */
  | { type: 'certificate.loaded'; subject: string; expires: string }
  | { type: 'certificate.expiring'; subject: string; expires: string }
  /** A file changed and cannot be used: what was read before stays in use. */
  | { type: 'certificate.failed'; reason: string }
  | {
      type: 'session.opened';
      session: string;
      upstream: string;
      principal: string;
      client?: string;
      version: string;
      transport: Transport;
      /** Whether an earlier process had opened it. */
      restored?: boolean;
    }
  /** A record of the store was not what it should be, and was dropped. */
  | { type: 'store.garbage'; key: string; detail: string }
  /** The store cannot be used now; what is here goes on. */
  | { type: 'store.away'; detail: string }
  /** It can be used again. `lost`: something could not be written meanwhile, or what it had is gone. */
  | { type: 'store.back'; lost: boolean }
  /** What this process wanted to write was refused: another has the lease. */
  | { type: 'store.fenced'; name: string }
  | {
      type: 'session.closed';
      session: string;
      upstream: string;
      principal: string;
      transport: Transport;
      reason: string;
    }
  /**
   * A message of a client that came no further than its connection: `code` is the name of the error that it was answered with, or that
   * a notification would have been.
   */
  | {
      type: 'request.refused';
      code: string;
      upstream: string;
      session?: string;
      principal: string;
      transport: Transport;
      method?: string;
    }
  /** A notification of a client was handed on to its server. */
  | {
      type: 'notification.passed';
      method: string;
      upstream: string;
      session: string;
      principal: string;
      transport: Transport;
    }
  | ({ type: 'request.started' } & RequestFacts)
  | ({ type: 'request.ended' } & RequestFacts & RequestEnd)
  | { type: 'member.started'; upstream: string; slot: string; pid?: number }
  | {
      type: 'member.ready';
      upstream: string;
      slot: string;
      era: string;
      version: string;
      ms: number;
      /** Whether it takes the place of one that ended. */
      again: boolean;
    }
  /** `credentials`, here and below: the digest of the values of callers that it holds for alone. */
  | { type: 'member.failed'; upstream: string; slot: string; reason: string; credentials?: string }
  | { type: 'member.closed'; upstream: string; slot: string; reason: string; expected: boolean }
  | { type: 'member.retired'; upstream: string; slot: string; reason: string }
  /** It failed too often, or a try failed once more; the times are in ms since 1970. */
  | {
      type: 'upstream.failing';
      upstream: string;
      reason: string;
      since: number;
      nextTryAt: number;
      credentials?: string;
    }
  | { type: 'upstream.recovered'; upstream: string; credentials?: string }
  /** Tools that are defined otherwise than any member of the upstream has defined them before; at most 20 are named. */
  | { type: 'tools.changed'; upstream: string; tools: string[] }
  | { type: 'catalogue.missing'; upstream: string; reason: string }
  | { type: 'catalogue.collision'; kind: string; name: string; upstream: string; winner: string }
  | { type: 'upstream.stderr'; upstream: string; pid?: number; line: string }
  /** Each session has a process of its own; told once, with what all of them use and what sharing one would save. */
  | { type: 'upstream.memory'; upstream: string; members: number; bytes: number; savedBytes: number }
  /** Its stderr names a variable that is set for Switchboard and not for it; told once for each variable. */
  | { type: 'upstream.withheld'; upstream: string; variable: string; advice: string }
  | { type: 'upstream.stray'; upstream: string; slot: string; what: string }
  /** The connection to a remote server is amiss, or well again; Switchboard deals with it. */
  | { type: 'upstream.notice'; upstream: string; slot: string; what: string }
  /** Another node of the cluster was seen for the first time, or is not there any more. */
  | { type: 'node.joined'; node: string; name: string; url: string }
  | { type: 'node.left'; node: string; name: string }
  /** This node was taken for gone by the others: it gave its sessions up and joined under another id. */
  | { type: 'node.fenced'; node: string; now: string }
  /** A request of a client was passed on to the node with this name, which has answered it, or has not. */
  | { type: 'request.forwarded'; upstream: string; principal: string; node: string; ms: number }
  /** Somebody asked at the port for other nodes who is none. */
  | { type: 'peer.refused'; reason: string; address: string }
  /** An operator did something, over the admin API or on the console; `outcome` is `ok` or the name of an error. */
  | { type: 'operator.acted'; operator: string; action: string; subject?: string; outcome: string }
  /** Lines of the audit log were lost, so many since this was last said. */
  | { type: 'audit.failed'; reason: string; lost: number }
  | { type: 'failed'; where: string; error: unknown };

/** What happens in a program around a gateway, such as a chat, for the log and for operators. Nothing in it is secret. */
export type ProgramEvent = { type: string } & Readonly<Record<string, unknown>>;

/** Takes an event. It must not throw. */
export type Emit = (event: GatewayEvent) => void;
