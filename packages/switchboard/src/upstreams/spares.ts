/** Children that are started ahead of need and not yet spoken to, so that a session opens in milliseconds. */
import { backoffMs } from '../util/backoff.ts';
import type { Wire } from './wire.ts';

export interface SparesOptions {
  /** How many are kept ready. */
  count: number;
  start(): Promise<Wire>;
  /** Runs what no request waits for; a failure is told of. */
  own(where: string, work: () => unknown): void;
}

export class Spares {
  readonly #options: SparesOptions;
  readonly #ready: Set<Wire> = new Set();
  #starting = 0;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SparesOptions) {
    this.#options = options;
  }

  /** Starts what is missing; failures are tried again after a growing wait, and shown to nobody until a session needs a child. */
  fill(): void {
    const missing = this.#options.count - this.#ready.size - this.#starting;
    for (let i = 0; i < missing && !this.#closed && this.#timer === undefined; i++) {
      this.#options.own('spare', () => this.#start());
    }
  }

  /** A child that is alive, if one is ready. Another is started in its place. */
  take(): Wire | undefined {
    for (const wire of this.#ready) {
      this.#ready.delete(wire);
      if (wire.goneReason === undefined) {
        this.fill();
        return wire;
      }
    }
    this.fill();
    return undefined;
  }

  /** Ends those that are ready, and starts others. */
  renew(): void {
    for (const wire of this.#ready) wire.channel.close();
    this.#ready.clear();
    this.fill();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const wire of this.#ready) wire.channel.close();
    this.#ready.clear();
  }

  async #start(): Promise<void> {
    this.#starting++;
    try {
      const wire = await this.#options.start();
      this.#failures = 0;
      if (this.#closed) wire.channel.close();
      else this.#ready.add(wire);
    } catch {
      this.#failures++;
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.fill();
      }, backoffMs(this.#failures)).unref();
    } finally {
      this.#starting--;
    }
  }
}
