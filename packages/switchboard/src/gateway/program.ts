/** A program around a gateway that has clients of its own, such as a chat: operators see and end those in place of the gateway's. */
import type { SessionFacts } from '../callers/session-facts.ts';

/**
 * A program around a gateway that has clients of its own, such as a chat. Operators see and end its clients in place of the gateway's: in the
 * admin API, in `switchboard sessions`, and in the metrics.
 */
export interface Program {
  /** Its clients, oldest first. */
  sessions(): SessionFacts[];
  /** Ends a client. @returns whether it was there. */
  kick(session: string, reason: string): boolean;
  /** Metrics of its own in the text format of Prometheus; each name begins with the program's. */
  metrics(): string;
}
