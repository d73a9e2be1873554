/**
 * A client of the chat, for programs and for pages: it speaks `chat.v2`, comes back after a cut, and takes up its session. It has
 * nothing of Node and nothing of Zod in it.
 */
import type { ClientMessage } from './protocol/client-messages.ts';
import type { Entry } from './protocol/history.ts';
import type { OwnMessage } from './protocol/own-messages.ts';
import type { Response, ServerMessage } from './protocol/server-messages.ts';
import { CHAT_V2 } from './protocol/subprotocol.ts';

/** The part of a WebSocket that is needed: the platform's, or that of the package `ws`. */
export interface ClientSocket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** Options of {@link ChatClient}. */
export interface ChatClientOptions {
  /** How sockets are made. @default the platform's `WebSocket` */
  open?(url: string, protocols: string[]): ClientSocket;
  /** Shown at the upgrade where the host wants a token, for clients that cannot set headers. */
  token?: string;
  /** How often to try to come back. @default 8 */
  maxRetries?: number;
  /** How long to wait before the first try, doubled each time up to 30 s, in ms. @default 500 */
  retryMs?: number;
  /** Called with every message of the server. */
  onMessage?(message: ServerMessage): void;
  /** The state of the connection; `closed` is final. */
  onState?(state: 'open' | 'away' | 'closed', reason: string): void;
}

/** These say that there is no use in coming back: done, refused by policy, idle. */
const FINAL: ReadonlySet<number> = new Set([1000, 1008, 1009, 3008]);
const MAX_RETRY_MS = 30_000;
/** How many answers may be waited for at once. */
const MAX_ASKED = 100;

/**
 * A client of the chat, for programs and for pages. It connects at once, comes back after a cut, and takes up its session.
 *
 * @example
 * ```ts
 * const client = new ChatClient('ws://127.0.0.1:8765/chat');
 * await client.next('connection_established');
 * console.log((await client.ask('Which tools do you have?')).message);
 * client.close();
 * ```
 */
export class ChatClient {
  readonly #url: string;
  readonly #options: ChatClientOptions;
  #socket: ClientSocket | undefined;
  #session: { session_id: string; resume_token: string } | undefined;
  #greeting: { session_id: string; resume_token: string } | undefined;
  #seq = 0;
  #count = 0;
  #failures = 0;
  #isClosed = false;
  #isReady = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #asked: Map<string, { turn?: string; resolve(answer: Response): void; reject(error: Error): void }> =
    new Map();
  readonly #handlers: Map<string, Set<(message: OwnMessage) => void>> = new Map();
  readonly #waiting: Set<{ type: string; resolve(message: ServerMessage): void; reject(error: Error): void }> =
    new Set();

  /** @param url where the chat is, as `ws://127.0.0.1:8765/chat`; it is connected to at once. */
  constructor(url: string, options: ChatClientOptions = {}) {
    this.#url = url;
    this.#options = options;
    this.#open();
  }

  /** Sends a message; while the connection is down, nothing is sent. @returns whether it was. */
  send(message: ClientMessage | OwnMessage): boolean {
    if (!this.#isReady) return false;
    this.#socket?.send(JSON.stringify(message));
    return true;
  }

  /** Takes messages of a type of the program's own, until `stop` is called. @returns `stop` */
  onMessage(type: string, handler: (message: OwnMessage) => void): () => void {
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers);
    handlers.add(handler);
    return () => void handlers.delete(handler);
  }

  /** The next message of a type. Rejects when the client closes. */
  next<Type extends ServerMessage['type']>(type: Type): Promise<ServerMessage & { type: Type }> {
    return new Promise((resolve, reject) => {
      this.#waiting.add({ type, resolve: (message) => resolve(message as ServerMessage & { type: Type }), reject });
    });
  }

  /** Shows credentials. Rejects with what the server says about them. */
  async authenticate(apiKey: string, orgId: string): Promise<void> {
    const answer = Promise.race([this.next('auth_success'), this.next('auth_error')]);
    if (!this.send({ type: 'auth', api_key: apiKey, org_id: orgId })) throw new Error('There is no connection.');
    const { type, message } = await answer;
    if (type === 'auth_error') throw new Error(message);
  }

  /** Asks, and gives the whole answer; pieces come to `onMessage`. Rejects when the query is refused, or the answer was lost. */
  ask(content: string): Promise<Response> {
    const id = `ask_${++this.#count}`;
    return new Promise((resolve, reject) => {
      if (this.#asked.size >= MAX_ASKED) reject(new Error(`${MAX_ASKED} answers are waited for already.`));
      else if (!this.send({ type: 'query', content, id })) reject(new Error('There is no connection.'));
      else this.#asked.set(id, { resolve, reject });
    });
  }

  /** Ends the session, and rejects what is waited for. */
  close(): void {
    this.#socket?.close(1000);
    this.#end('closed by this program');
  }

  #open(): void {
    const { open = platformSocket, token } = this.#options;
    const protocols = token === undefined ? [CHAT_V2] : [CHAT_V2, `mcp.auth.${base64Url(token)}`];
    const socket = open(this.#url, protocols);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(String(data)) as ServerMessage);
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => {
      if (this.#socket === socket) this.#cut(code, reason);
    };
  }

  #receive(message: ServerMessage): void {
    if (message.type === 'connection_established') this.#established(message);
    else if (message.type === 'resumed') this.#resumed(message);
    else if (message.type === 'joined') this.#joined(message);
    else if (message.type === 'error' && message.code === 'not_found' && !this.#isReady) this.#beginAnew();
    this.#note(message);
    this.#settle(message);
    this.#options.onMessage?.(message);
    for (const handler of this.#handlers.get(message.type) ?? []) handler(message as unknown as OwnMessage);
    for (const waiting of this.#waiting) {
      if (waiting.type !== message.type) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(message);
    }
  }

  #established({ session_id, resume_token = '' }: ServerMessage & { type: 'connection_established' }): void {
    this.#greeting = { session_id, resume_token };
    if (this.#session === undefined) this.#beginAnew();
    else this.#socket?.send(JSON.stringify({ type: 'resume', ...this.#session, after: this.#seq }));
  }

  #resumed({ session_id, resume_token }: ServerMessage & { type: 'resumed' }): void {
    this.#session = { session_id, resume_token };
    this.#ready();
  }

  #joined({ resume_token }: ServerMessage & { type: 'joined' }): void {
    if (this.#session !== undefined && resume_token !== undefined) this.#session = { ...this.#session, resume_token };
  }

  /** The session that was is gone: this is another. */
  #beginAnew(): void {
    this.#session = this.#greeting;
    this.#seq = 0;
    this.#rejectAll('The session has ended; ask again.');
    this.#ready();
  }

  #ready(): void {
    this.#isReady = true;
    this.#failures = 0;
    this.#options.onState?.('open', '');
  }

  #note(message: ServerMessage): void {
    if (message.type === 'said') this.#seq = message.entry.seq;
    else if ((message.type === 'tool_result' || message.type === 'response') && message.seq !== undefined) {
      this.#seq = message.seq;
    } else if (message.type === 'history') {
      for (const entry of message.entries) this.#missed(entry);
    } else if (message.type === 'joined' || message.type === 'left') this.#seq = 0;
  }

  /** What happened while the connection was down answers what was asked before. */
  #missed(entry: Entry): void {
    this.#seq = Math.max(this.#seq, entry.seq);
    if (entry.kind !== 'model') return;
    const { text, turn, seq, stopped, usage } = entry;
    this.#settle({ type: 'response', message: text, turn, seq, stopped, usage });
  }

  #settle(message: ServerMessage): void {
    if (message.type === 'processing' && message.id !== undefined) {
      const asked = this.#asked.get(message.id);
      if (asked !== undefined && message.turn !== undefined) asked.turn = message.turn;
    } else if (message.type === 'error' && message.id !== undefined) {
      this.#asked.get(message.id)?.reject(new Error(message.message));
      this.#asked.delete(message.id);
    } else if (message.type === 'response') {
      for (const [id, asked] of this.#asked) {
        if (asked.turn !== message.turn) continue;
        this.#asked.delete(id);
        asked.resolve(message);
      }
    }
  }

  #cut(code: number, reason: string): void {
    this.#isReady = false;
    const { maxRetries = 8, retryMs = 500 } = this.#options;
    if (this.#isClosed) return;
    if (FINAL.has(code) || this.#failures >= maxRetries) {
      this.#end(reason === '' ? `the connection closed (${code})` : reason);
      return;
    }
    this.#options.onState?.('away', reason);
    const wait = Math.min(MAX_RETRY_MS, retryMs * 2 ** this.#failures++);
    // Not all that were cut at once come back at once.
    this.#timer = setTimeout(() => this.#open(), wait * (0.5 + Math.random() / 2));
  }

  #end(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isReady = false;
    clearTimeout(this.#timer);
    this.#rejectAll(`The chat is closed: ${reason}`);
    for (const { reject } of this.#waiting) reject(new Error(`The chat is closed: ${reason}`));
    this.#waiting.clear();
    this.#options.onState?.('closed', reason);
  }

  #rejectAll(why: string): void {
    for (const { reject } of this.#asked.values()) reject(new Error(why));
    this.#asked.clear();
  }
}

function platformSocket(url: string, protocols: string[]): ClientSocket {
  const { WebSocket } = globalThis as unknown as { WebSocket?: new (url: string, protocols: string[]) => ClientSocket };
  if (WebSocket === undefined) throw new Error('This platform has no WebSocket: give one as the option open.');
  return new WebSocket(url, protocols);
}

function base64Url(text: string): string {
  const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
