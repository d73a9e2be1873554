/** Who is signed in at the console. A session ends by itself, with its credential, or when somebody signs out. */
import type { ServerResponse } from 'node:http';

import type { CredentialWatcher } from '../../auth/credential-watcher.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import type { Operator, SignedIn } from '../admin/operator.ts';
import { digestOf, newSecret } from './links.ts';

/** How long a session lasts at most, in ms. */
export const SESSION_MS: number = 12 * 3_600_000;
/** How many one operator may have; of more, the oldest ends. */
export const MAX_SESSIONS_EACH = 8;
/** How many there may be. */
export const MAX_SESSIONS = 256;

export interface ConsoleSession {
  operator: Operator & { signedIn: SignedIn };
  /** Answers that are still being given; they end with it. */
  responses: Set<ServerResponse>;
  /** Stops what would end it. */
  release(): void;
}

export class Sessions {
  /** By the digest of what the cookie holds. */
  readonly #sessions: Map<string, ConsoleSession> = new Map();
  readonly #credentials: CredentialWatcher;
  readonly #now: () => number;

  constructor(credentials: CredentialWatcher, now: () => number = Date.now) {
    this.#credentials = credentials;
    this.#now = now;
  }

  /** @returns what the cookie holds. @throws {SwitchboardError} `SWB_OVERLOADED` */
  open({ signedIn, ...rights }: Operator): string {
    for (const [key, { operator }] of this.#sessions) if (operator.signedIn.until <= this.#now()) this.#end(key);
    const { name, role } = rights;
    const own = [...this.#sessions].filter(
      ([, session]) => session.operator.name === name && session.operator.role === role,
    );
    if (own.length >= MAX_SESSIONS_EACH) this.#end(own[0]![0]);
    if (this.#sessions.size >= MAX_SESSIONS) {
      throw new SwitchboardError('SWB_OVERLOADED', {
        detail: `${MAX_SESSIONS} are signed in at the console, the limit`,
      });
    }
    const secret = newSecret();
    const key = digestOf(secret);
    const identity = signedIn?.identity;
    const until = Math.min(this.#now() + SESSION_MS, signedIn?.until ?? Infinity);
    const session: ConsoleSession = {
      operator: { ...rights, signedIn: { until, ...(identity !== undefined && { identity }) } },
      responses: new Set(),
      release: () => {},
    };
    this.#sessions.set(key, session);
    // What it streams must not outlive it, and asks for nothing more.
    const timer = setTimeout(() => this.#end(key), until - this.#now()).unref();
    const stopWatching =
      identity === undefined ? undefined : this.#credentials.watch({ identity, invalidate: () => this.#end(key) });
    session.release = () => {
      clearTimeout(timer);
      stopWatching?.();
    };
    return secret;
  }

  /** The session of a cookie; undefined where there is none any more. */
  find(secret: string): ConsoleSession | undefined {
    const session = this.#sessions.get(digestOf(secret));
    if (session === undefined) return undefined;
    const { until } = session.operator.signedIn;
    if (until > this.#now()) return session;
    this.end(secret);
    return undefined;
  }

  end(secret: string): void {
    this.#end(digestOf(secret));
  }

  close(): void {
    for (const key of this.#sessions.keys()) this.#end(key);
  }

  #end(key: string): void {
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    this.#sessions.delete(key);
    session.release();
    for (const response of session.responses) response.destroy();
  }
}
