/** A client's way to the server. It moves whole messages as text and knows nothing of what they mean. */

/** What the transport needs to know about a message: HTTP mirrors it in headers. */
export interface About {
  /** Absent for notifications and for answers of the client. */
  id?: number;
  method?: string;
  /** The name of the tool or prompt, or the URI of the resource. */
  name?: string;
}

/** What a connection tells its client; nothing is told after `cut` or `close`. */
export interface ConnectionEvents {
  message(text: string): void;
  /** The connection ended by itself; `reason` is short and the same for the same cause, as it is counted. */
  ended(reason: string): void;
  /** One request failed below MCP, such as with HTTP 503. Means nothing when its answer was told before. */
  failed(id: number, reason: string): void;
  /** The server ended its reply to this request in good order. Means nothing when its answer was told before. */
  unanswered(id: number): void;
}

export interface Connection {
  send(text: string, about: About): void;
  /** Opens the stream for what the server says by itself, where the transport has one. */
  listen?(): void;
  /** Ends one request where the transport says so by hanging up. @returns whether that was enough to cancel it */
  hangUp?(id: number): boolean;
  /** Leaves politely; resolves when done, and soon in any case. */
  close(): Promise<void>;
  /** Is gone without a word. */
  cut(): void;
  /** Stops and goes on reading; the server feels it as back-pressure. */
  pause(): void;
  resume(): void;
}

/** Opens a connection. @throws {Error} whose message is short and counted */
export type Dial = (events: ConnectionEvents) => Promise<Connection>;

/** How long a polite end may take before the connection is cut, in ms. */
export const CLOSE_MS = 2000;
/** How long opening may take, in ms. */
export const OPEN_MS = 15_000;
