/** What the processes of one machine tell each other through their common file: each looks for what is new there. */
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { unreffed } from '../util/timers.ts';
import type { SqliteFile } from './sqlite-file.ts';
import type { Announcements } from './store.ts';
import { Topics } from './topics.ts';

export interface SqliteAnnouncementsOptions {
  now(): number;
  /** Whether there are other processes. */
  shared: boolean;
  /** Names this process. */
  origin: string;
  /** Work that may fail. @returns whether it is done. */
  attempt(work: () => void): boolean;
}

/** How often others are listened to. */
const LISTEN_MS = 50;
/** How long an announcement is there to be heard. */
const KEPT_MS = 60_000;
/** How many are heard at a time. */
const MAX_HEARD = 1000;

export class SqliteAnnouncements implements Announcements {
  readonly #file: SqliteFile;
  readonly #options: SqliteAnnouncementsOptions;
  readonly #topics = new Topics();
  #ear: NodeJS.Timeout | undefined;
  /** The id of the newest one that was heard. */
  #heard = 0;

  constructor(file: SqliteFile, options: SqliteAnnouncementsOptions) {
    this.#file = file;
    this.#options = options;
  }

  async publish(topic: string, message: JsonObject): Promise<void> {
    const { shared, origin, now, attempt } = this.#options;
    const insert = 'INSERT INTO announcements (origin, topic, message, at) VALUES (?, ?, ?, ?)';
    if (shared) attempt(() => this.#file.sql(insert).run(origin, topic, JSON.stringify(message), now()));
    this.#topics.notify(topic, message);
  }

  async subscribe(topic: string, onMessage: (message: JsonObject) => void): Promise<() => Promise<void>> {
    if (this.#options.shared && this.#ear === undefined) {
      this.#heard = Number(this.#file.sql('SELECT coalesce(max(id), 0) AS id FROM announcements').get()?.['id']);
      this.#ear = unreffed(setInterval(() => this.#listen(), LISTEN_MS));
    }
    const stop = this.#topics.listen(topic, onMessage);
    return async () => {
      stop();
      if (this.#topics.isEmpty) this.close();
    };
  }

  /** Forgets those that everybody has had time to hear; to be called in a transaction. */
  sweep(): void {
    this.#file.sql('DELETE FROM announcements WHERE at <= ?').run(this.#options.now() - KEPT_MS);
  }

  close(): void {
    clearInterval(this.#ear);
    this.#ear = undefined;
  }

  #listen(): void {
    const select = `SELECT id, origin, topic, message FROM announcements WHERE id > ? ORDER BY id LIMIT ${MAX_HEARD}`;
    let rows: ReturnType<ReturnType<SqliteFile['sql']>['all']> = [];
    try {
      rows = this.#file.sql(select).all(this.#heard);
    } catch {
      // What cannot be read now is read the next time, and told of by whoever writes.
    }
    for (const { id, origin, topic, message } of rows) {
      this.#heard = Number(id);
      if (origin === this.#options.origin) continue;
      let told: unknown;
      try {
        told = JSON.parse(String(message));
      } catch {
        // It is no object then.
      }
      if (isObject(told)) this.#topics.notify(String(topic), told);
    }
  }
}
