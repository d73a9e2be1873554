/**
 * What operators see, as it changes: one stream of server-sent events for each page, with as many topics as it shows.
 *
 * A topic is looked at once for all who watch it, and not at all while nobody does. Each gets everything first, and then what has
 * changed. One that reads too slowly gets no changes meanwhile, and then everything again: what it shows is late, never wrong.
 */
import type { ServerResponse } from 'node:http';

import { SwitchboardError } from '../../protocol/errors.ts';
import { owned } from '../../util/owned.ts';
import type { Operator } from './operator.ts';
import { checkShare } from './share.ts';

/** How many topics one of them may have. */
const MAX_TOPICS = 16;
/** How many bytes may wait for one of them. */
export const MAX_WAITING_BYTES: number = 1024 * 1024;
/** How often a topic is looked at, in ms. */
const TICK_MS = 1000;
/** A look may take this share of the time at most; with more to look at it happens less often. */
const MAX_SHARE = 0.02;
const MAX_TICK_MS = 10_000;
/** How many new lines of a log are sent at a time; of more, the newest. */
const MAX_LINES = 200;

type Maybe<T> = T | Promise<T>;

/** One value, sent whole whenever it has changed. */
interface ValueTopic {
  kind: 'value';
  look(): Maybe<unknown>;
}

/** Rows that come, change and go. */
interface TableTopic {
  kind: 'table';
  look(): Maybe<readonly object[]>;
  idOf(row: never): string;
}

/** Rows that are only added, each with a number one higher than the one before. */
interface LogTopic {
  kind: 'log';
  /** The number of the newest. */
  count(): number;
  /** Those after a number, the newest ones of them. */
  list(after: number, max: number): readonly object[];
}

export type Topic = ValueTopic | TableTopic | LogTopic;

/** What one look found: for those who have seen the one before, and for the others. */
interface Look {
  /** Undefined where nothing has changed. */
  changes: string | undefined;
  all(): string;
}

interface Stream {
  operator: Operator;
  response: ServerResponse;
  topics: readonly string[];
  /** Topics of which it has everything up to the last look. */
  current: Set<string>;
}

/** A topic with what was seen of it last. */
class Watched {
  readonly #topic: Topic;
  #text = '';
  #rows: Map<string, string> = new Map();
  #count = -1;

  constructor(topic: Topic) {
    this.#topic = topic;
  }

  async look(): Promise<Look> {
    const topic = this.#topic;
    if (topic.kind === 'value') {
      const text = JSON.stringify({ value: await topic.look() });
      const changes = text === this.#text ? undefined : text;
      this.#text = text;
      return { changes, all: () => this.#text };
    }
    if (topic.kind === 'log') return this.#lookAtLog(topic);
    const before = this.#rows;
    const rows = new Map<string, string>();
    const changed: string[] = [];
    for (const row of await topic.look()) {
      const [id, text] = [topic.idOf(row as never), JSON.stringify(row)];
      rows.set(id, text);
      if (before.get(id) !== text) changed.push(text);
    }
    const gone = [...before.keys()].filter((id) => !rows.has(id));
    this.#rows = rows;
    const isSame = changed.length === 0 && gone.length === 0;
    return {
      changes: isSame ? undefined : `{"changed":[${changed.join(',')}],"gone":${JSON.stringify(gone)}}`,
      all: () => `{"all":[${[...this.#rows.values()].join(',')}]}`,
    };
  }

  #lookAtLog(topic: LogTopic): Look {
    const [before, count] = [this.#count, topic.count()];
    this.#count = count;
    // What it is about was removed and is there again: its numbers began again.
    if (count < before) return { changes: allOf(topic), all: () => allOf(topic) };
    const rows = before === -1 || count === before ? [] : topic.list(before, MAX_LINES);
    const skipped = count - before - rows.length;
    return {
      changes: rows.length === 0 ? undefined : JSON.stringify({ rows, skipped: before === -1 ? 0 : skipped }),
      // Those who come have the rest by asking for it: a log has numbers.
      all: () => allOf(topic),
    };
  }
}

export class Live {
  readonly #topicOf: (name: string) => Topic | undefined;
  readonly #watched: Map<string, Watched> = new Map();
  readonly #streams: Set<Stream> = new Set();
  readonly #onFault: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  /** @param onFault told what a look threw; the others go on. */
  constructor(topicOf: (name: string) => Topic | undefined, onFault: (error: unknown) => void) {
    this.#topicOf = topicOf;
    this.#onFault = onFault;
  }

  /** @param operator who watches. @throws {SwitchboardError} `SWB_OVERLOADED`, `SWB_INVALID_PARAMS` */
  add(response: ServerResponse, topics: readonly string[], operator: Operator): void {
    const unknown = topics.find((topic) => this.#topicOf(topic) === undefined);
    if (unknown !== undefined || topics.length > MAX_TOPICS) {
      const detail =
        unknown === undefined
          ? `${topics.length} topics; ${MAX_TOPICS} is the limit`
          : `unknown topic ${JSON.stringify(unknown)}`;
      throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
    }
    checkShare(this.#streams, operator);
    const stream: Stream = { operator, response, topics: [...new Set(topics)], current: new Set() };
    this.#streams.add(stream);
    response.once('close', () => {
      this.#streams.delete(stream);
      this.#forgetUnwatched();
    });
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // A proxy such as nginx would otherwise wait for more.
      'x-accel-buffering': 'no',
    });
    response.write(': open\n\n');
    this.#soon(0);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const { response } of this.#streams) response.end();
    this.#streams.clear();
  }

  #forgetUnwatched(): void {
    const wanted = new Set([...this.#streams].flatMap(({ topics }) => topics));
    for (const name of this.#watched.keys()) if (!wanted.has(name)) this.#watched.delete(name);
    if (this.#streams.size === 0) clearTimeout(this.#timer);
  }

  #soon(ms: number): void {
    if (this.#isLooking) return;
    clearTimeout(this.#timer);
    if (this.#streams.size === 0) return;
    this.#timer = setTimeout(() => owned(() => this.#tick(), this.#onFault), ms).unref();
  }

  async #tick(): Promise<void> {
    this.#isLooking = true;
    // Not the time on the clock: on a busy machine that says nothing of the work.
    const before = process.cpuUsage();
    for (const name of new Set([...this.#streams].flatMap(({ topics }) => topics))) {
      try {
        const look = await this.#watchedAs(name)?.look();
        if (look !== undefined) this.#send(name, look);
      } catch (error) {
        this.#onFault(error);
      }
    }
    const { user, system } = process.cpuUsage(before);
    const workMs = (user + system) / 1000;
    const time = `event: time\ndata: ${Date.now()}\n\n`;
    for (const { response } of this.#streams) if (response.writableLength < MAX_WAITING_BYTES) response.write(time);
    this.#isLooking = false;
    // Who came meanwhile does not wait for a whole round.
    const isNew = [...this.#streams].some(({ current }) => current.size === 0);
    this.#soon(isNew ? TICK_MS / 10 : Math.min(MAX_TICK_MS, Math.max(TICK_MS, workMs / MAX_SHARE)));
  }

  #watchedAs(name: string): Watched | undefined {
    const known = this.#watched.get(name);
    if (known !== undefined) return known;
    const topic = this.#topicOf(name);
    if (topic === undefined) return undefined;
    const watched = new Watched(topic);
    this.#watched.set(name, watched);
    return watched;
  }

  #send(name: string, look: Look): void {
    let changes: string | undefined;
    let all: string | undefined;
    for (const { response, topics, current } of this.#streams) {
      if (!topics.includes(name)) continue;
      if (response.writableLength > MAX_WAITING_BYTES) {
        if (look.changes !== undefined) current.delete(name);
      } else if (current.has(name)) {
        if (look.changes !== undefined) response.write((changes ??= written(name, look.changes)));
      } else {
        current.add(name);
        response.write((all ??= written(name, look.all())));
      }
    }
  }
}

const allOf = (topic: LogTopic): string => JSON.stringify({ all: topic.list(0, Infinity) });
const written = (name: string, data: string): string => `event: ${name}\ndata: ${data}\n\n`;
