import { WebSocket } from 'ws';
import { z } from 'zod';
import { Book, isSnapshot } from './book.ts';
import { parseExactly } from './decimal.ts';
import type { Credentials } from './http.ts';
import { below } from './url.ts';

/** A snapshot of a busy market has more than a megabyte. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
const PING_MS = 20_000;
/** Luno writes something every 20 s, if only an empty text. */
const SILENCE_MS = 60_000;
/** A connection that was in step for so long was a good one. */
const GOOD_MS = 30_000;
const MAX_BACKOFF_MS = 60_000;
/** So many updates may come before the snapshot that they belong to. */
const MAX_EARLY = 1000;

const refusalShape = z.object({ error_code: z.string(), error: z.string().optional() });
/** With these it would be the same next time. */
const FINAL: readonly string[] = ['invalid_credentials', 'invalid_market'];

export interface StreamOptions {
  url: URL;
  credentials: Credentials;
  onError: (error: Error) => void;
}

/**
 * The live order book of one market. It is there from a snapshot on, and gone while there is no connection: after a cut, a
 * silence or a missing update the stream connects again, later each time up to a minute, and takes a new snapshot.
 */
export class Stream {
  readonly #pair: string;
  readonly #options: StreamOptions;
  readonly #onChange: () => void;
  #socket: WebSocket | undefined;
  #book: Book | undefined;
  #early: unknown[] = [];
  #inStepSince = 0;
  #failures = 0;
  #again: NodeJS.Timeout | undefined;
  #closed = false;
  #refused = false;

  /** Connects at once. `onChange` is called at each snapshot, update and loss of the book. */
  constructor(pair: string, options: StreamOptions, onChange: () => void) {
    this.#pair = pair;
    this.#options = options;
    this.#onChange = onChange;
    this.#connect();
  }

  /** Undefined while it is out of step with the market. */
  get book(): Book | undefined {
    return this.#book;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#again);
    this.#socket?.terminate();
  }

  #connect(): void {
    const { url, credentials } = this.#options;
    const address = below(url, `/api/1/stream/${this.#pair}`);
    const socket = new WebSocket(address, { maxPayload: MAX_MESSAGE_BYTES, handshakeTimeout: 15_000 });
    this.#socket = socket;
    let lastHeard = performance.now();
    const heard = (): void => void (lastHeard = performance.now());
    const ping = setInterval(() => {
      if (performance.now() - lastHeard > SILENCE_MS) this.#fail(socket, new Error('nothing came for a minute'));
      else if (socket.readyState === WebSocket.OPEN) socket.ping();
    }, PING_MS).unref();
    socket.on('open', () =>
      socket.send(JSON.stringify({ api_key_id: credentials.keyId, api_key_secret: credentials.secret })),
    );
    socket.on('pong', heard);
    socket.on('message', (data) => {
      heard();
      if (socket !== this.#socket || this.#closed) return;
      try {
        this.#read(parseExactly((data as Buffer).toString()));
      } catch (error) {
        this.#fail(socket, error);
      }
    });
    socket.on('error', (error) => this.#fail(socket, error));
    socket.on('close', (code) => {
      clearInterval(ping);
      this.#fail(socket, new Error(`it was closed with ${code}`));
    });
  }

  #read(message: unknown): void {
    if (message === '') return;
    const refusal = refusalShape.safeParse(message).data;
    if (refusal) {
      const { error_code: code, error = '' } = refusal;
      this.#refused = FINAL.includes(code);
      throw new Error(`Luno refused it: ${error} (${code})`);
    }
    if (!this.#book) {
      if (!isSnapshot(message)) {
        if (this.#early.push(message) > MAX_EARLY) throw new Error(`${MAX_EARLY} updates came and no snapshot`);
        return;
      }
      const book = new Book(message);
      for (const update of this.#early.splice(0)) book.update(update);
      this.#book = book;
      this.#inStepSince = performance.now();
    } else if (!this.#book.update(message)) return;
    this.#onChange();
  }

  /** Gives a connection up, once, and dials again unless it was the last. */
  #fail(socket: WebSocket, error: unknown): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    socket.terminate();
    const had = this.#book !== undefined;
    const wasGood = had && performance.now() - this.#inStepSince >= GOOD_MS;
    this.#book = undefined;
    this.#early = [];
    const { message } = error as Error;
    if (this.#closed) return;
    this.#options.onError(new Error(`The stream of ${this.#pair} is broken: ${message}`, { cause: error }));
    if (this.#refused) return;
    this.#failures = wasGood ? 1 : this.#failures + 1;
    const wait = Math.min(MAX_BACKOFF_MS, 125 * 2 ** Math.min(this.#failures, 10)) * (0.75 + Math.random() / 2);
    this.#again = setTimeout(() => this.#connect(), wait).unref();
    if (had) this.#onChange();
  }
}
