export interface Received {
  method: string;
  params: Record<string, unknown>;
}

/** Notifications in the order they came, each handed out once. */
export class Inbox {
  readonly #received: Received[] = [];
  #wake: () => void = () => {};

  put(method: string, params: object = {}): void {
    this.#received.push({ method, params: { ...params } });
    this.#wake();
  }

  /** Waits for the first notification of this method that was not handed out yet; one waiter at a time. */
  async next(method: string): Promise<Received['params']> {
    for (;;) {
      const at = this.#received.findIndex((received) => received.method === method);
      const [found] = at < 0 ? [] : this.#received.splice(at, 1);
      if (found) return found.params;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** What has come and was not handed out. */
  rest(method: string): Received[] {
    return this.#received.filter((received) => received.method === method);
  }
}
