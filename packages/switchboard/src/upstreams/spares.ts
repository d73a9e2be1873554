/**
 * Children that are started ahead of need, so that a session opens in milliseconds. Each is pinged once, as MCP allows before
 * `initialize`: then it is known to be up, and what a server does for the first time with a message does not cost the session.
 */
import { backoffMs } from '../util/backoff.ts';
import type { RpcPeer } from './rpc-peer.ts';

export interface SparesOptions {
  /** How many are to be there now. */
  wanted(): number;
  start(): Promise<RpcPeer>;
  /** Runs what no request waits for; a failure is told of. */
  own(where: string, work: () => unknown): void;
  /** One is up; told how long that took, in ms. */
  onUp?(ms: number): void;
  /** One could not be started, or ended soon; some servers end when no client speaks to them, so a real start must find out why. */
  onFailed?(): void;
}

/** A session that was just given one is answered before the processor is kept busy with the start of another. */
const REFILL_PAUSE_MS = 50;
/** How long the answer to the ping is waited for. */
const PING_TIMEOUT_MS = 10_000;
/** One that lived longer was up. */
const SOON_MS = 10_000;

export class Spares {
  readonly #options: SparesOptions;
  /** Oldest first. */
  readonly #up: Set<RpcPeer> = new Set();
  /** When each was started, in ms of `performance.now`. */
  readonly #startedAt: WeakMap<RpcPeer, number> = new WeakMap();
  /** Those that have not answered the ping yet. */
  readonly #booting: Set<RpcPeer> = new Set();
  /** Some servers end, or say nothing, when the first message is none that they expect. */
  #mayPing = true;
  #starting = 0;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SparesOptions) {
    this.#options = options;
  }

  /** Their processes. */
  get pids(): number[] {
    return this.#all.flatMap(({ channel }) => channel.pid ?? []);
  }

  /**
   * Starts what is missing and ends what is too much. Failures are tried again after a growing wait.
   */
  fill(): void {
    for (const peer of this.#all) if (peer.goneReason !== undefined) this.#failed(peer);
    const missing = this.#options.wanted() - this.#all.length - this.#starting;
    for (let i = 0; i < missing && !this.#closed && this.#timer === undefined; i++) {
      this.#options.own('spare', () => this.#start());
    }
    for (const peer of this.#all.slice(0, Math.max(0, -missing))) this.#end(peer);
  }

  /** A child that is alive, if there is one; one that is up before one that is not. Another is started in its place. */
  take(): RpcPeer | undefined {
    this.#fillIn(REFILL_PAUSE_MS);
    for (const peer of this.#all) {
      if (peer.goneReason !== undefined) continue;
      this.#forget(peer);
      this.#failures = 0;
      return peer;
    }
    return undefined;
  }

  /** Ends those that are there, and starts others. */
  renew(): void {
    for (const peer of this.#all) this.#end(peer);
    this.fill();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const peer of this.#all) this.#end(peer);
  }

  get #all(): RpcPeer[] {
    return [...this.#up, ...this.#booting];
  }

  async #start(): Promise<void> {
    this.#starting++;
    const startedAt = performance.now();
    try {
      const peer = await this.#options.start();
      if (this.#closed) peer.channel.close();
      else this.#options.own('spare', () => this.#boot(peer, startedAt));
    } catch {
      this.#countFailure();
    } finally {
      this.#starting--;
    }
  }

  async #boot(peer: RpcPeer, startedAt: number): Promise<void> {
    this.#booting.add(peer);
    this.#startedAt.set(peer, startedAt);
    if (this.#mayPing) {
      const outcome = await peer.call('ping', undefined, PING_TIMEOUT_MS);
      const isSilent =
        'error' in outcome && (outcome.error.data as { code?: string } | undefined)?.code === 'SWB_TIMEOUT';
      // One that was taken meanwhile is somebody's, and what becomes of it is theirs.
      if (this.#booting.has(peer) && (isSilent || peer.goneReason !== undefined)) this.#mayPing = false;
    }
    if (!this.#booting.delete(peer)) return;
    this.#up.add(peer);
    if (this.#mayPing) this.#options.onUp?.(performance.now() - startedAt);
  }

  #failed(peer: RpcPeer): void {
    this.#forget(peer);
    const livedMs = performance.now() - (this.#startedAt.get(peer) ?? -Infinity);
    this.#countFailure(livedMs < SOON_MS);
  }

  #countFailure(isSoon = true): void {
    if (this.#closed) return;
    this.#failures++;
    this.#fillIn(backoffMs(this.#failures));
    if (isSoon) this.#options.onFailed?.();
  }

  #end(peer: RpcPeer): void {
    this.#forget(peer);
    peer.channel.close();
  }

  #forget(peer: RpcPeer): void {
    this.#up.delete(peer);
    this.#booting.delete(peer);
  }

  #fillIn(ms: number): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.fill();
    }, ms).unref();
  }
}
