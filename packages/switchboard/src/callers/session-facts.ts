/** What operators and programs see of a client, and may keep with it. */
import type { Era } from '../protocol/eras.ts';
import type { Transport } from '../protocol/session-context.ts';
import type { Traffic } from '../transports/channel.ts';

/** What is left of a client's rate. */
export interface AllowanceFacts {
  /** How many requests it may make at once after a pause. */
  limit: number;
  /** How many are left now. */
  remaining: number;
  /** When it has all of them again, or one where none is left, in ms. */
  resetMs: number;
}

/** The life of a session. `away`: its socket was cut, and it may come back. */
export type SessionState = 'opening' | 'ready' | 'away' | 'closing' | 'closed';

/** What a program may keep with a session. */
export interface SessionNotes {
  /** Labels by which several are spoken to at once. */
  groups?: readonly string[];
  /** Facts of the program's own; servers get them in their context. */
  metadata?: Readonly<Record<string, string>>;
}

/** How a client came back to its session: on a new socket (`resumed`), or at another process than before (`moved`). */
export interface ReturnFacts {
  /** How often, as far as this process knows. */
  count: number;
  /** The last few, oldest first; times are in ms since 1970. */
  last: readonly { time: number; how: 'resumed' | 'moved' }[];
}

/** A client as operators see it. */
export interface SessionFacts {
  /** Its name in logs and tables; no secret, and worth nothing to who learns it. */
  id: string;
  /**
   * Only of a client without a session, over modern HTTP or REST, whose id is its address: tells it apart from the others behind that
   * address. It stays the same for all its requests.
   */
  key?: string;
  /** Whether it is opening, ready, away, or on its way out. */
  state: SessionState;
  /** The caller: a key's name, a token's subject, or `anonymous`. */
  principal: string;
  /** The upstream's name; `*` for all of them as one. */
  upstream: string;
  /** How it is connected. */
  transport: Transport;
  /** Unknown before the first request. */
  era?: Era;
  /** How the client named itself. */
  client?: { name?: string; version?: string };
  /** The protocol version that it speaks. */
  version?: string;
  /** Its IP address, as trusted proxies report it. */
  address?: string;
  /** Its `User-Agent` header. */
  userAgent?: string;
  /** When it began, in ms since 1970. */
  startedAt: number;
  /** When a message last passed, in ms since 1970. */
  lastActivity: number;
  /** How many of its requests are under way. */
  inFlight: number;
  /** Labels that `onSession` gave it. */
  groups: readonly string[];
  /** Facts that `onSession` gave it. */
  metadata: Readonly<Record<string, string>>;
  /** How many requests it may make, and how many are left; absent where there is no limit. */
  allowance?: AllowanceFacts;
  /** Where the transport counts it. */
  traffic?: Traffic;
  /** Absent where it never had to come back. */
  returns?: ReturnFacts;
}
