/** Who watches what happens, as server-sent events. One that reads slowly misses events, and is told how many. */
import type { ServerResponse } from 'node:http';

import type { GatewayEvent, ProgramEvent } from '../../observe/events.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { matchesPattern } from '../../util/pattern.ts';

/** How many may watch. */
export const MAX_WATCHERS = 16;
/** How many bytes may wait for one of them. */
export const MAX_WAITING_BYTES: number = 256 * 1024;
const KEEP_ALIVE_MS = 15_000;

interface Watcher {
  response: ServerResponse;
  types: readonly string[] | undefined;
  missed: number;
}

export class Watchers {
  readonly #watchers: Set<Watcher> = new Set();

  /** @param types which events it wants; `*` stands for anything. @throws {SwitchboardError} `SWB_OVERLOADED` */
  add(response: ServerResponse, types?: readonly string[]): void {
    if (this.#watchers.size >= MAX_WATCHERS) {
      throw new SwitchboardError('SWB_OVERLOADED', { detail: `${MAX_WATCHERS} watch already, the limit` });
    }
    const watcher: Watcher = { response, types, missed: 0 };
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
    response.write(': events\n\n');
  }

  readonly onEvent = (event: GatewayEvent | ProgramEvent): void => {
    if (this.#watchers.size === 0) return;
    let text: string | undefined;
    for (const watcher of this.#watchers) {
      const { response, types } = watcher;
      if (types !== undefined && !types.some((type) => matchesPattern(type, event.type))) continue;
      if (response.writableLength > MAX_WAITING_BYTES) watcher.missed++;
      else {
        this.#reportMissed(watcher);
        response.write((text ??= written(event)));
      }
    }
  };

  close(): void {
    for (const { response } of this.#watchers) response.end();
    this.#watchers.clear();
  }

  #reportMissed(watcher: Watcher): void {
    const { missed: count, response } = watcher;
    if (count === 0 || response.writableEnded || response.writableLength > MAX_WAITING_BYTES) return;
    watcher.missed = 0;
    response.write(`event: missed\ndata: ${JSON.stringify({ type: 'missed', count })}\n\n`);
  }
}

function written(event: GatewayEvent | ProgramEvent): string {
  const { type, ...facts } = event;
  // Of what was thrown only the message: the rest of it is for the log.
  const told = 'error' in facts && facts.error instanceof Error ? { ...facts, error: facts.error.message } : facts;
  return `event: ${type}\ndata: ${JSON.stringify({ type, time: new Date().toISOString(), ...told })}\n\n`;
}
