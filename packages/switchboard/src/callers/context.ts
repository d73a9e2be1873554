import type { Arrival } from './arrival.ts';
import type { Identity } from '../auth/identity.ts';
import type { CredentialHolder } from '../auth/credential-watcher.ts';
import type { Allowance, Rate } from '../limits/token-bucket.ts';
import type { Emit, GatewayEvent } from '../observe/events.ts';
import { asSwitchboardError } from '../protocol/errors.ts';
import type { Message, RpcId } from '../protocol/jsonrpc.ts';
import type { Exchanges } from '../router/exchange.ts';
import { cut } from '../util/cut.ts';
import type { Hooks } from './hooks.ts';
import type { SessionMessages } from './session-messages.ts';
import type { SessionRecords } from './session-records.ts';

/** What every caller is given by the gateway. */
export interface CallerContext {
  readonly exchanges: Exchanges;
  readonly emit: Emit;
  /**
   * Counts one request of a client, and reserves its place among those that run.
   *
   * @returns gives the place back; may be called more than once.
   * @throws {SwitchboardError} `SWB_RATE_LIMITED`, `SWB_OVERLOADED` when it is one too many; `SWB_UNAUTHORIZED` when what the client
   * showed has expired.
   */
  admit(arrival: Arrival): () => void;
  /** Counts a session over HTTP that is about to be opened. @throws {SwitchboardError} `SWB_RATE_LIMITED` */
  countConnect(arrival: Arrival): void;
  /**
   * Keeps a place for a client that comes, where those at several nodes count together.
   *
   * @returns gives up what was kept; call it once the client has its place, or gets none. Rejects with `SWB_CONNECTION_LIMIT`.
   */
  reservePlace(identity: Identity): Promise<() => void>;
  /** What {@link admit} would find, and the rate that holds; nothing where there is none. */
  allowance(
    arrival: Pick<Arrival, 'identity' | 'id' | 'address' | 'loose'>,
  ): { rate: Rate; left: Allowance } | undefined;
  /** Whether clients are told what is left to them also where they do not ask. */
  readonly tellsAllowance: boolean;
  /** The largest message that a caller may send, in bytes. */
  maxMessageBytes(identity: Identity): number;
  /** Ends what is open for a caller when its credential expires or is revoked. @returns stops watching; call it when that ended by itself. */
  watchCredential(holder: CredentialHolder): () => void;
  /** How many requests of one connection or session may run at a time. */
  readonly maxRequestsInFlight: number;
  /** What sessions are rebuilt from after a restart. @default nothing is kept */
  readonly records?: SessionRecords | undefined;
  /** Told of every message of a session. */
  readonly messages: SessionMessages;
  /** What the program around the gateway wants to be asked. */
  readonly hooks: Readonly<Hooks>;
}

/** Where a client's messages go out. */
export interface Outlet {
  /** @param about the client's request that the message belongs to; over HTTP it decides the stream. */
  send(message: Message, about?: RpcId): void;
  /** The client cancelled this request, and it will not be answered. */
  drop?(about: RpcId): void;
}

/** The event that a message got no exchange, only an error. */
export function refusal(
  thrown: unknown,
  { identity, transport, upstream, id, loose }: Omit<Arrival, 'id'> & { id?: string },
  message?: Message,
): GatewayEvent {
  return {
    type: 'request.refused',
    code: asSwitchboardError(thrown).code,
    upstream: upstream.name,
    principal: identity.principal,
    transport,
    ...(id !== undefined && loose !== true && { session: id }),
    ...(message !== undefined && 'method' in message && { method: cut(message.method, 128) }),
  };
}
