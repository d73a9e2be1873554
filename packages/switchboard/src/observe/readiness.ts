/** Whether each upstream can serve: a function of what became of its members. */
import type { Emit, GatewayEvent } from './events.ts';

/** What is known of one upstream. */
export interface Ready {
  upstream: string;
  ok: boolean;
  /** Why it cannot serve. */
  reason?: string;
}

/**
 * How long a failed start counts when nobody has tried since, in ms: who sends no requests because of it would otherwise never
 * learn that it works again.
 */
export const VERDICT_MS = 60_000;

export class Readiness {
  readonly onEvent: Emit = (event) => this.#take(event);
  #upstreams: readonly string[];
  readonly #now: () => number;
  readonly #failures: Map<string, { reason: string; at: number }> = new Map();
  #isStoreAway = false;

  constructor(upstreams: readonly string[], now: () => number = Date.now) {
    this.#upstreams = upstreams;
    this.#now = now;
  }

  /** Whether the store cannot be used now. What is here goes on without it. */
  get isStoreAway(): boolean {
    return this.#isStoreAway;
  }

  /** These are served from now on. */
  follow(upstreams: readonly string[]): void {
    this.#upstreams = upstreams;
    for (const name of this.#failures.keys()) if (!upstreams.includes(name)) this.#failures.delete(name);
  }

  /** An upstream that nobody has used yet is ready: it is started when it is needed. */
  ready(): Ready[] {
    return this.#upstreams.map((upstream) => {
      const failure = this.#failures.get(upstream);
      if (failure === undefined || this.#now() - failure.at >= VERDICT_MS) return { upstream, ok: true };
      return { upstream, ok: false, reason: failure.reason };
    });
  }

  #take(event: GatewayEvent): void {
    if (event.type === 'store.away' || event.type === 'store.back') this.#isStoreAway = event.type === 'store.away';
    // What fails with the value of one caller says nothing about the others.
    if ('credentials' in event) return;
    if (event.type === 'member.ready' || event.type === 'upstream.recovered') this.#failures.delete(event.upstream);
    else if (event.type === 'member.failed') {
      this.#failures.set(event.upstream, { reason: event.reason, at: this.#now() });
    } else if (event.type === 'upstream.failing') {
      // Nothing is started before the next try, so nothing better can be known until then.
      this.#failures.set(event.upstream, { reason: event.reason, at: event.nextTryAt });
    }
  }
}
