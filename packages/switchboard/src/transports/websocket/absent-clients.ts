/**
 * Messages for clients that are not connected: held in the store under the principal and the name of the client, and given to it when
 * it connects again. A client that is cut off while it gets them does not get them again.
 */
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Log, Store } from '../../stores/store.ts';
import { unreffed } from '../../util/timers.ts';
import type { WebSocketClient } from './websocket-client.ts';

export interface AbsentClientsOptions {
  store: Store;
  /** How long messages are held for a client, in ms. */
  holdForMs: number;
  /** For how many clients; the one that is away for longest is forgotten first. */
  maxAbsentClients: number;
  /** How many messages are held for one client; the oldest are dropped, and their number is sent first. */
  maxMessages: number;
  /** How many bytes for one client. */
  maxBytes: number;
  /** How many bytes for all; the client that is away for longest is forgotten first. */
  maxHeldBytes: number;
}

interface Absent {
  /** As it was when it left. */
  client: WebSocketClient;
  log: Log;
  dropped: number;
  timer: ReturnType<typeof setTimeout>;
  /** Whether it is back, and gets what was held. */
  returning: boolean;
}

export class AbsentClients {
  readonly #options: AbsentClientsOptions;
  /** The one that is away for longest comes first. */
  readonly #absent: Map<string, Absent> = new Map();
  #heldBytes = 0;

  constructor(options: AbsentClientsOptions) {
    this.#options = options;
  }

  /** Those that are away. */
  *[Symbol.iterator](): Generator<WebSocketClient> {
    for (const { client, returning } of this.#absent.values()) if (!returning) yield client;
  }

  /** Holds messages for a client from now on. Called when its last connection has ended. */
  left(client: WebSocketClient): void {
    const key = keyOf(client);
    if (this.#absent.has(key)) return;
    const timer = unreffed(setTimeout(() => this.#forget(key), this.#options.holdForMs));
    const log = this.#options.store.log(`absent ${key}`);
    this.#absent.set(key, { client, log, dropped: 0, timer, returning: false });
    while (this.#absent.size > this.#options.maxAbsentClients) this.#forgetOldest();
  }

  /** @returns whether the message is held; otherwise the client is there, or was not held for. */
  queue(client: WebSocketClient, message: JsonObject): boolean {
    const absent = this.#absent.get(keyOf(client));
    if (absent === undefined) return false;
    const { maxMessages, maxBytes, maxHeldBytes } = this.#options;
    this.#change(absent, (log) => {
      log.append(JSON.stringify(message));
      while (log.size > maxMessages || (log.bytes > maxBytes && log.size > 0)) {
        log.trim(log.last - log.size + 1);
        absent.dropped++;
      }
    });
    while (this.#heldBytes > maxHeldBytes) this.#forgetOldest();
    return true;
  }

  /** Gives a client that has connected what was held for it; what is sent meanwhile is held too, so that the order is kept. */
  async returned(client: WebSocketClient): Promise<void> {
    const absent = this.#absent.get(keyOf(client));
    if (absent === undefined || absent.returning) return;
    absent.returning = true;
    clearTimeout(absent.timer);
    const { log } = absent;
    if (absent.dropped > 0) client.send({ type: 'dropped', count: absent.dropped });
    for (let sent = log.last - log.size; sent < log.last;) {
      const entries = log.after(sent);
      const held = entries instanceof Promise ? await entries : entries;
      for (const entry of held) client.send(JSON.parse(String(entry)) as JsonObject);
      sent += held.length;
      this.#change(absent, () => log.trim(sent));
    }
    this.#forget(keyOf(client));
  }

  close(): void {
    for (const key of this.#absent.keys()) this.#forget(key);
  }

  #change({ log }: Absent, change: (log: Log) => void): void {
    const before = log.bytes;
    change(log);
    this.#heldBytes += log.bytes - before;
  }

  #forgetOldest(): void {
    const [key] = this.#absent.keys();
    if (key !== undefined) this.#forget(key);
  }

  #forget(key: string): void {
    const absent = this.#absent.get(key);
    if (absent === undefined) return;
    clearTimeout(absent.timer);
    this.#change(absent, (log) => log.end());
    this.#absent.delete(key);
  }
}

const keyOf = ({ principal, name }: WebSocketClient): string => JSON.stringify([principal, name]);
