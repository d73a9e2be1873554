/** How long an answer is waited for: every sign of life starts the wait again, and a question to a person stops it. */
import { SwitchboardError } from '../protocol/errors.ts';

export class Deadline {
  readonly #ms: number;
  readonly #controller: AbortController = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #paused = 0;

  constructor(ms: number) {
    this.#ms = ms;
    this.touch();
  }

  /** Fires when the time is over, or no answer will come. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  touch(): void {
    clearTimeout(this.#timer);
    if (this.#paused > 0) return;
    const detail = `no answer and no progress for ${this.#ms} ms; raise --timeout`;
    this.#timer = setTimeout(() => this.#controller.abort(new SwitchboardError('SWB_TIMEOUT', { detail })), this.#ms);
  }

  async pauseFor<Value>(work: Promise<Value>): Promise<Value> {
    this.#paused++;
    clearTimeout(this.#timer);
    try {
      return await work;
    } finally {
      this.#paused--;
      this.touch();
    }
  }

  /** No answer will come. */
  fail(error: SwitchboardError): void {
    this.stop();
    this.#controller.abort(error);
  }

  stop(): void {
    this.#paused++;
    clearTimeout(this.#timer);
  }
}
