import type { Audience, Caller, Outcome } from './exchange.ts';

const DONE: Outcome = { result: {} };

export class CallerAudience implements Audience {
  readonly exclusive: boolean;
  readonly callers: Set<Caller> = new Set();
  readonly #watchers: Map<string, Set<Caller>> = new Map();
  /** The last change of each resource that is under way. */
  readonly #changes: Map<string, Promise<void>> = new Map();

  constructor(exclusive: boolean) {
    this.exclusive = exclusive;
  }

  join(caller: Caller): void {
    this.callers.add(caller);
  }

  leave(caller: Caller, release: (uri: string) => void): void {
    this.callers.delete(caller);
    for (const [uri, watchers] of this.#watchers) {
      if (!watchers.delete(caller) || watchers.size > 0) continue;
      this.#watchers.delete(uri);
      release(uri);
    }
  }

  watch(caller: Caller, uri: string, send: () => Promise<Outcome>): Promise<Outcome> {
    return this.#inTurn(uri, async () => {
      const watchers = this.#watchers.get(uri);
      // It may have left while it waited for its turn.
      if (!this.callers.has(caller)) return DONE;
      if (watchers !== undefined) {
        watchers.add(caller);
        return DONE;
      }
      // Before the upstream is asked: the first update may come together with its answer.
      const first = new Set([caller]);
      this.#watchers.set(uri, first);
      const outcome = await send();
      if ('error' in outcome && this.#watchers.get(uri) === first) this.#watchers.delete(uri);
      return outcome;
    });
  }

  unwatch(caller: Caller, uri: string, send: () => Promise<Outcome>): Promise<Outcome> {
    return this.#inTurn(uri, async () => {
      const watchers = this.#watchers.get(uri);
      watchers?.delete(caller);
      if (watchers !== undefined && watchers.size > 0) return DONE;
      this.#watchers.delete(uri);
      return send();
    });
  }

  watchers(uri: string): Iterable<Caller> {
    return this.#watchers.get(uri) ?? [];
  }

  get watched(): Iterable<string> {
    return this.#watchers.keys();
  }

  /** A server that does not answer about one resource keeps nobody waiting who is after another. */
  #inTurn(uri: string, change: () => Promise<Outcome>): Promise<Outcome> {
    const turn = (this.#changes.get(uri) ?? Promise.resolve()).then(change);
    const over = (): void => {
      if (this.#changes.get(uri) === settled) this.#changes.delete(uri);
    };
    const settled = turn.then(over, over);
    this.#changes.set(uri, settled);
    return turn;
  }
}
