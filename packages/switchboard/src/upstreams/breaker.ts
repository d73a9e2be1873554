/**
 * Keeps an upstream that keeps failing from being restarted without end: after so many failures within a window it
 * is failing, who wants it is refused at once, and one try at a time finds out whether it is well again. One that did not start is
 * tried so before that too: otherwise nobody would learn that it is well again until the next client comes.
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
  /** Told when it begins to fail, each time a try fails then, and when it can be started again. */
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

/**
 * How it failed: it ended after it had served (`crash`), it did not start (`start`), or it let nobody in (`refusal`): then nothing is tried
 * before somebody asks, as the same key or token would be refused again.
 */
export type Failure = 'crash' | 'start' | 'refusal';

const MAX_PAUSE_MS = 300_000;

export class Breaker {
  readonly #options: BreakerOptions;
  /** When it failed lately. */
  #failures: number[] = [];
  #pauseMs: number;
  #failing: Failing | undefined;
  #isRefused = false;
  /** Whether the last start failed. */
  #isDown = false;
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
    if ((tryAgain === undefined || this.#isRefused) && now >= nextTryAt) {
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

  failed(reason: string, how: Failure): void {
    this.#isRefused = how === 'refusal';
    if (this.#isRefused) this.#forgetTry();
    this.#isDown ||= how !== 'crash';
    const { limit, windowMs, pauseMs } = this.#options;
    const now = Date.now();
    this.#failures = [...this.#failures, now].filter((at) => now - at < windowMs).slice(-limit);
    if (this.#failing === undefined) {
      if (this.#failures.length < limit) {
        if (this.#isDown) this.#tryLater();
        return;
      }
      // One that fails again soon after it recovered is given longer; one that was well for a window begins again.
      if (now - this.#recoveredAt > windowMs) this.#pauseMs = pauseMs;
      this.#failing = { since: now, reason, nextTryAt: now };
    }
    this.#postpone(reason);
  }

  /**
   * Something failed that may say nothing about it, and is not counted here: a try finds out whether it can be started.
   *
   * @param isKnown whether somebody heard of that, and is to hear that it can be started
   */
  doubt(isKnown = false): void {
    this.#isDown ||= isKnown;
    if (this.#failing === undefined) this.#tryLater();
  }

  /** It was started. */
  recovered(): void {
    this.#forgetTry();
    this.#isRefused = false;
    const { windowMs, pauseMs, onChange } = this.#options;
    const hadFailed = this.#isDown || this.#failing !== undefined;
    this.#isDown = false;
    if (this.#failing !== undefined) {
      this.#failing = undefined;
      this.#failures = [];
      this.#recoveredAt = Date.now();
    } else if (Date.now() - this.#recoveredAt > windowMs) this.#pauseMs = pauseMs;
    if (hadFailed) onChange(undefined);
  }

  /** What failed before is no sign of a loop: it has done its work in between. */
  forgive(): void {
    if (this.#failures.length > 0 && this.#failing === undefined) this.#failures = [];
  }

  close(): void {
    this.#forgetTry();
  }

  #postpone(reason: string): void {
    const pauseMs = this.#pauseMs;
    this.#failing = { since: this.#failing!.since, reason, nextTryAt: Date.now() + pauseMs };
    this.#forgetTry();
    this.#tryLater();
    this.#pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
    this.#options.onChange(this.#failing);
  }

  /** One try is due at a time; the next is later. */
  #tryLater(): void {
    const { tryAgain } = this.#options;
    if (tryAgain === undefined || this.#isRefused || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      tryAgain();
    }, this.#pauseMs).unref();
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
  }

  #forgetTry(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
