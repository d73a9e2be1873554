/** Clients that are connected to other nodes, for a session or a room that is here. */
import type { JsonObject, LineHandlers, PeerLine } from 'mcp-switchboard';

import { ChatFailure } from '../failure.ts';
import type { Vault } from '../kept/vault.ts';
import type { ChatLimits } from '../options.ts';
import { Credentials } from '../people/credentials.ts';
import { Elsewhere } from '../rooms.ts';
import type { Session, SessionOptions } from '../session/session.ts';
import { Again } from './again.ts';
import { credentialsSchema, greetingSchema } from './messages.ts';
import type { Greeting } from './messages.ts';
import { RemoteOutlet } from './remote-outlet.ts';

export interface VisitorsOptions {
  readonly limits: Pick<ChatLimits, 'maxConnections' | 'maxPeople'>;
  /** Those that are here, by id. */
  readonly sessions: ReadonlyMap<string, Session>;
  begin(options: Omit<SessionOptions, 'onEnd'>): Session;
  /** Opens what other nodes have sealed. */
  vault(): Vault | undefined;
  /** What digests of credentials are made with. */
  salt(): string;
  /** Whether what is kept of a session is still written; then another node has it. */
  isGoing(session: string): boolean;
  /** Notes a fault. @returns a reference for people. */
  fail(error: unknown): string;
}

export class Visitors {
  readonly #options: VisitorsOptions;

  constructor(options: VisitorsOptions) {
    this.#options = options;
  }

  /** Another node has opened a line. */
  take(given: JsonObject, line: PeerLine): LineHandlers {
    const read = greetingSchema.safeParse(given);
    if (!read.success) {
      line.close();
      return { onText() {}, onClose() {} };
    }
    const outlet = new RemoteOutlet(line, read.data.visitor);
    this.#receive(read.data, outlet).catch((error: unknown) => {
      const isKnown = error instanceof ChatFailure || error instanceof Again;
      outlet.refuse(
        isKnown ? error : new ChatFailure('internal', `Something went wrong; ${this.#options.fail(error)}.`),
      );
    });
    return outlet;
  }

  async #receive(greeting: Greeting, outlet: RemoteOutlet): Promise<void> {
    const { sessions, limits, begin, isGoing } = this.#options;
    const id = greeting.kind === 'resume' ? greeting.session_id : greeting.session;
    if (isGoing(id)) throw new Again('the session is on its way to another node');
    if (greeting.kind === 'resume') {
      const there = sessions.get(id);
      if (there?.isResumedBy({ type: 'resume', ...greeting }, outlet.principal) !== true) {
        throw new ChatFailure('not_found', 'There is no such session any more.');
      }
      outlet.accept();
      outlet.session = there;
      there.resumed(outlet, greeting.after);
      return;
    }
    // Its own clients do not pay for those of other nodes: each may have as many.
    if (sessions.size >= 2 * limits.maxConnections + limits.maxPeople) {
      throw new ChatFailure('full', 'The node of this room has too many sessions.');
    }
    const { credentials } = greeting;
    const shown = credentials === undefined ? undefined : this.#openCredentials(credentials, greeting.session);
    const session = begin({ outlet, isV2: true, moved: { ...greeting, shown } });
    try {
      await session.arrive(greeting.name, greeting.room, () => outlet.accept());
    } catch (error) {
      session.handOver();
      throw error instanceof Elsewhere ? new Again(error.message) : error;
    }
  }

  #openCredentials(sealed: string, session: string): Credentials {
    const { vault, salt } = this.#options;
    const { api_key, org_id, isProven } = credentialsSchema.parse(vault()?.open(sealed, session));
    const credentials = new Credentials(api_key, org_id, salt());
    credentials.isProven = isProven;
    return credentials;
  }
}
