/**
 * What is written of conversations while nobody waits for it: one thing after the other for each conversation. What the store refused or could
 * not take is written again until it has it: a store that has just come back does not know the lease of this node yet.
 */

/** @returns whether the store has it now. */
export type Write = () => Promise<boolean>;

/** How long it is waited before what is not written is tried again. */
const AGAIN_MS = 1000;

export class KeptWrites {
  readonly #fail: (error: unknown) => void;
  /** What is under way, by the name of the conversation. */
  readonly #pending: Map<string, Promise<void>> = new Map();
  /** What the store does not have. */
  readonly #unwritten: Map<string, Write> = new Map();
  #again: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param fail told once of each conversation of which something cannot be written. */
  constructor(fail: (error: unknown) => void) {
    this.#fail = fail;
  }

  /** Resolves when what was to be done with a conversation is done, or cannot be. Never rejects. */
  async settled(name: string): Promise<void> {
    await this.#pending.get(name);
  }

  /** Writes, now and again until it is written, or something else is. Never rejects. */
  write(name: string, write: Write): Promise<void> {
    return this.do(name, () => this.#attempt(name, write));
  }

  /** Never rejects. */
  do(name: string, work: () => Promise<unknown>): Promise<void> {
    const done = (this.#pending.get(name) ?? Promise.resolve())
      .then(work)
      .then(() => {}, this.#fail)
      .finally(() => {
        if (this.#pending.get(name) === done) this.#pending.delete(name);
      });
    this.#pending.set(name, done);
    return done;
  }

  /** Nothing more is written of a conversation: what is not written is tried once more. Never rejects. */
  async finish(name: string): Promise<void> {
    await this.#retry(name);
    this.#unwritten.delete(name);
  }

  /** What is not written of a conversation is not to be written any more. */
  drop(name: string): void {
    this.#unwritten.delete(name);
  }

  /** Resolves when all is written that was to be, or cannot be. Never rejects. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending.values());
    await Promise.all([...this.#unwritten.keys()].map((name) => this.do(name, () => this.#retry(name))));
  }

  /** Nothing is tried again. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#again);
  }

  async #retry(name: string): Promise<void> {
    const write = this.#unwritten.get(name);
    if (write !== undefined) await this.#attempt(name, write);
  }

  async #attempt(name: string, write: Write): Promise<void> {
    try {
      if (await write()) {
        this.#unwritten.delete(name);
        return;
      }
    } catch (error) {
      if (!this.#unwritten.has(name)) this.#fail(error);
    }
    this.#unwritten.set(name, write);
    this.#retrySoon();
  }

  #retrySoon(): void {
    if (this.#isClosed) return;
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      for (const name of this.#unwritten.keys()) void this.do(name, () => this.#retry(name));
    }, AGAIN_MS).unref();
  }
}
