/** Readers of a live stream, as server-sent events. A slow one misses items, and gets their number. */
import type { ServerResponse } from 'node:http';

import type { Operator } from './operator.ts';
import { checkShare } from './share.ts';

/** How many bytes may wait for one of them. */
export const MAX_WAITING_BYTES: number = 256 * 1024;
const KEEP_ALIVE_MS = 15_000;

interface Watcher<Item> {
  operator: Operator;
  response: ServerResponse;
  wants(item: Item): boolean;
  missed: number;
}

export interface WatchersOptions<Item> {
  /** An item as a server-sent event. */
  format(item: Item): string;
  /** What a slow reader gets in place of the items that it missed, as a server-sent event. */
  formatMissed(count: number): string;
  /** How many readers there may be, all of them by one operator. @default operators have shares */
  max?: number;
}

export class Watchers<Item> {
  readonly #watchers: Set<Watcher<Item>> = new Set();
  readonly #options: WatchersOptions<Item>;

  constructor(options: WatchersOptions<Item>) {
    this.#options = options;
  }

  /**
   * @param operator who watches.
   * @param first items that it gets at once.
   * @throws {SwitchboardError} `SWB_OVERLOADED`
   */
  add(
    response: ServerResponse,
    operator: Operator,
    wants: (item: Item) => boolean = () => true,
    first: readonly Item[] = [],
  ): void {
    const { max } = this.#options;
    checkShare(this.#watchers, operator, max, max);
    // It may have gone while another process was asked.
    if (response.destroyed) return;
    const watcher: Watcher<Item> = { operator, response, wants, missed: 0 };
    this.#watchers.add(watcher);
    const keepAlive = setInterval(() => {
      if (response.writableLength === 0 && !response.writableEnded) response.write(': keep-alive\n\n');
    }, KEEP_ALIVE_MS).unref();
    response.once('close', () => {
      clearInterval(keepAlive);
      this.#watchers.delete(watcher);
    });
    response.on('drain', () => this.#reportMissed(watcher));
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write([': open\n\n', ...first.map((item) => this.#options.format(item))].join(''));
  }

  readonly onItem = (item: Item): void => {
    if (this.#watchers.size === 0) return;
    let text: string | undefined;
    for (const watcher of this.#watchers) {
      const { response } = watcher;
      if (!watcher.wants(item)) continue;
      if (response.writableLength > MAX_WAITING_BYTES) watcher.missed++;
      else {
        this.#reportMissed(watcher);
        response.write((text ??= this.#options.format(item)));
      }
    }
  };

  close(): void {
    for (const { response } of this.#watchers) response.end();
    this.#watchers.clear();
  }

  #reportMissed(watcher: Watcher<Item>): void {
    const { missed: count, response } = watcher;
    if (count === 0 || response.writableEnded || response.writableLength > MAX_WAITING_BYTES) return;
    watcher.missed = 0;
    response.write(this.#options.formatMissed(count));
  }
}
