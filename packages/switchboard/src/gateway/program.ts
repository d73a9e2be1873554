/** A program around a gateway that has clients of its own, such as a chat: operators see and end those in place of the gateway's. */
import type { JsonObject } from '../protocol/jsonrpc.ts';
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
  /** Takes a line that the program of another node of the cluster has opened. @throws nothing. @default there are no lines */
  onLine?(greeting: JsonObject, line: PeerLine): LineHandlers;
  /** The other nodes took this one for gone: what it had, others may have by now. It goes on as another node. */
  onFenced?(reason: string): void;
  /**
   * The gateway is about to end. The program lets nobody in any more, finishes what runs and leaves its clients; until this has resolved, the gateway
   * serves it as before. Must not reject.
   *
   * @param timeoutMs after so long, in ms, what still runs is given up.
   * @default it has nothing to finish
   */
  onDrain?(timeoutMs: number): Promise<void>;
}

/** A line between the programs of two nodes. What is sent arrives in its order, or the line closes. */
export interface PeerLine {
  /** @param text without a line break. */
  send(text: string): void;
  /** Closes it at both ends; nobody here is called any more. Idempotent. */
  close(): void;
}

/** Whoever hears a line. They must not throw. */
export interface LineHandlers {
  onText(text: string): void;
  /** It was closed by the other end, or lost. */
  onClose(reason: string): void;
}
