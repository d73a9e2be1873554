/** The newest lines of the log, for `switchboard logs`. They are those of {@link createLog}: without bodies and secrets, on one line each. */
import type { ServerResponse } from 'node:http';

import type { LogLevel } from '../../observe/log.ts';
import { cut } from '../../util/cut.ts';
import type { Operator } from './operator.ts';
import { Watchers } from './watchers.ts';

/** How many lines are kept. */
export const MAX_LINES = 1000;
/** How many bytes of lines are kept. */
export const MAX_BYTES: number = 256 * 1024;
/** A longer line is replaced by its level, time, event and size. */
export const MAX_LINE_BYTES: number = 16 * 1024;
const MAX_NAME = 200;

/** The levels, by their names in queries. */
export const LEVELS: Readonly<Record<LogLevel, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50 };

interface Line {
  level: number;
  text: string;
  bytes: number;
}

export interface LogQuery {
  /** How many of the newest lines to send. @default 50 */
  lines?: number | undefined;
  /** Whether to send new lines too, until either side closes. @default false */
  follow?: boolean | undefined;
  /** The least level. @default all that was logged */
  level?: LogLevel | undefined;
}

export class RecentLog {
  readonly #lines: Line[] = [];
  #bytes = 0;
  readonly #watchers: Watchers<Line> = new Watchers({ format: written, formatMissed });

  /** @param text a line of JSON. */
  readonly add = (text: string): void => {
    const line = lineOf(text);
    this.#lines.push(line);
    this.#bytes += line.bytes;
    while (this.#lines.length > MAX_LINES || this.#bytes > MAX_BYTES) this.#bytes -= this.#lines.shift()!.bytes;
    this.#watchers.onItem(line);
  };

  /** Sends lines as server-sent events. @param operator who reads. @throws {SwitchboardError} `SWB_OVERLOADED` */
  send(response: ServerResponse, operator: Operator, { lines = 50, follow = false, level = 'trace' }: LogQuery): void {
    const wants = (line: Line): boolean => line.level >= LEVELS[level];
    const wanted = this.#lines.filter(wants);
    const first = wanted.slice(Math.max(0, wanted.length - lines));
    if (follow) this.#watchers.add(response, operator, wants, first);
    else {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.end(first.map(written).join(''));
    }
  }

  close(): void {
    this.#watchers.close();
  }
}

function lineOf(text: string): Line {
  const level = Number(/^\{"level":(\d+)/.exec(text)?.[1] ?? LEVELS.info);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_LINE_BYTES) return { level, text, bytes };
  const { time, msg } = JSON.parse(text) as { time: unknown; msg: unknown };
  const short = JSON.stringify({ level, time, bytes, msg: cut(String(msg), MAX_NAME) });
  return { level, text: short, bytes: Buffer.byteLength(short) };
}

const written = ({ text }: Line): string => `event: line\ndata: ${text}\n\n`;

function formatMissed(count: number): string {
  const line = { level: LEVELS.warn, time: new Date().toISOString(), count, msg: 'log.missed' };
  return `event: line\ndata: ${JSON.stringify(line)}\n\n`;
}
