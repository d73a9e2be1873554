/** Who listens to which topic, in this process. */
import type { JsonObject } from '../protocol/jsonrpc.ts';

type Listener = (message: JsonObject) => void;

export class Topics {
  readonly #listeners: Map<string, Set<Listener>> = new Map();

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  /** Calls all who listen to the topic. */
  notify(topic: string, message: JsonObject): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(message);
  }

  /** One function may listen several times. @returns stops listening. Idempotent. */
  listen(topic: string, onMessage: Listener): () => void {
    const own: Listener = (message) => onMessage(message);
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(own));
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
    };
  }
}
