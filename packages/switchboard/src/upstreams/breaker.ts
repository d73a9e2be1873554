/**
 * Keeps an upstream that keeps failing from being restarted without end: after so many failures within a window it
 * is failing, who wants it is refused at once, and one try at a time finds out whether it is well again.
 */
import { SwitchboardError } from '../protocol/errors.ts';

export interface BreakerOptions {
  upstream: string;
  /** So many failures within the window are too many. */
  limit: number;
  windowMs: number;
  /** How long nothing is tried after that; it doubles with each try that fails, up to {@link MAX_PAUSE_MS}. */
  pauseMs: number;
  /** Called when a try is due. Without it the next who asks is the try. */
  tryAgain?(): void;
  /** Told when it begins to fail, each time a try fails, and when it is well again. */
  onChange(failing: Failing | undefined): void;
}

/** An upstream that failed so often that it is not started for a while. */
export interface Failing {
  /** In ms since 1970. */
  since: number;
  /** Why it failed last. */
  reason: string;
  /** When the next try is due, in ms since 1970. */
  nextTryAt: number;
}

const MAX_PAUSE_MS = 300_000;

export class Breaker {
  readonly #options: BreakerOptions;
  /** When it failed lately. */
  #failures: number[] = [];
  #pauseMs: number;
  #failing: Failing | undefined;
  #isFinal = false;
  #recoveredAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#pauseMs = options.pauseMs;
  }

  get failing(): Failing | undefined {
    return this.#failing;
  }

  /** Whether it knows nothing that would have to be kept. */
  get isClear(): boolean {
    return this.#failing === undefined && Date.now() - (this.#failures.at(-1) ?? -Infinity) > this.#options.windowMs;
  }

  /** @throws {SwitchboardError} `SWB_UPSTREAM_FAILING` while nothing may be started. */
  admit(): void {
    if (this.#failing === undefined) return;
    const { upstream, tryAgain } = this.#options;
    const { since, reason, nextTryAt } = this.#failing;
    const now = Date.now();
    if ((tryAgain === undefined || this.#isFinal) && now >= nextTryAt) {
      // Whoever comes while this try is under way waits for the next.
      this.#failing = { since, reason, nextTryAt: now + this.#pauseMs };
      return;
    }
    const retryAfterMs = Math.max(0, nextTryAt - now);
    const next = retryAfterMs === 0 ? 'it is being tried now' : `the next try is in ${retryAfterMs} ms`;
    const detail = `${upstream} has failed since ${new Date(since).toISOString()}, ${next}; the last reason: ${reason}`;
    const data = { since: new Date(since).toISOString(), retryAfterMs };
    throw new SwitchboardError('SWB_UPSTREAM_FAILING', { detail, data });
  }

  /** @param isFinal nothing is tried before somebody asks: the same key or token would be refused again. */
  failed(reason: string, isFinal = false): void {
    this.#isFinal = isFinal;
    const { limit, windowMs, pauseMs } = this.#options;
    const now = Date.now();
    this.#failures = [...this.#failures, now].filter((at) => now - at < windowMs).slice(-limit);
    if (this.#failing === undefined) {
      if (this.#failures.length < limit) return;
      // One that fails again soon after it recovered is given longer; one that was well for a window begins again.
      if (now - this.#recoveredAt > windowMs) this.#pauseMs = pauseMs;
      this.#failing = { since: now, reason, nextTryAt: now };
    }
    this.#postpone(reason);
  }

  /** It was started, after it had failed. */
  recovered(): void {
    if (this.#failing === undefined) return;
    clearTimeout(this.#timer);
    this.#failing = undefined;
    this.#failures = [];
    this.#recoveredAt = Date.now();
    this.#options.onChange(undefined);
  }

  /** What failed before is no sign of a loop: it has done its work in between. */
  forgive(): void {
    if (this.#failures.length > 0 && this.#failing === undefined) this.#failures = [];
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #postpone(reason: string): void {
    const { since } = this.#failing!;
    const { tryAgain, onChange } = this.#options;
    this.#failing = { since, reason, nextTryAt: Date.now() + this.#pauseMs };
    clearTimeout(this.#timer);
    if (tryAgain !== undefined && !this.#isFinal) this.#timer = setTimeout(tryAgain, this.#pauseMs).unref();
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
    onChange(this.#failing);
  }
}
