/** The newest lines that each server wrote to its stderr, for operators: a function of the events, bounded. */
import { cut } from '../util/cut.ts';
import type { Emit } from './events.ts';

/** How many lines of one upstream are kept. */
export const MAX_LINES = 200;
/** How many characters of a line. */
export const MAX_LINE = 1000;
const MAX_UPSTREAMS = 100;

export interface StderrLine {
  /** Counted from 1, of one upstream. */
  nr: number;
  /** In ms since 1970. */
  time: number;
  pid?: number;
  line: string;
}

interface Tail {
  lines: StderrLine[];
  count: number;
}

export class StderrTail {
  readonly onEvent: Emit = (event) => {
    if (event.type === 'reloaded') for (const name of event.removed) this.#tails.delete(name);
    if (event.type !== 'upstream.stderr') return;
    const { upstream, pid, line } = event;
    let tail = this.#tails.get(upstream);
    if (tail === undefined) {
      if (this.#tails.size >= MAX_UPSTREAMS) return;
      this.#tails.set(upstream, (tail = { lines: [], count: 0 }));
    }
    const nr = ++tail.count;
    tail.lines.push({ nr, time: Date.now(), line: cut(line, MAX_LINE), ...(pid !== undefined && { pid }) });
    if (tail.lines.length > MAX_LINES) tail.lines.shift();
  };
  readonly #tails: Map<string, Tail> = new Map();

  /** How many lines there were since the start. */
  count(upstream: string): number {
    return this.#tails.get(upstream)?.count ?? 0;
  }

  /** Oldest first. @param after the number of the last one that is known already. @default 0 */
  list(upstream: string, after = 0): readonly StderrLine[] {
    return this.#tails.get(upstream)?.lines.filter(({ nr }) => nr > after) ?? [];
  }
}
