/** Whether each upstream can serve: a function of what became of its members. */
import type { Emit, GatewayEvent } from './events.ts';

/** What is known of one upstream. */
export interface Ready {
  upstream: string;
  ok: boolean;
  /** Why it cannot serve. */
  reason?: string;
}

export class Readiness {
  readonly onEvent: Emit = (event) => this.#take(event);
  #upstreams: readonly string[];
  /** Why the last start of each failed; a start that succeeds, of a client or of a try in the background, takes it out. */
  readonly #failures: Map<string, string> = new Map();
  #isStoreAway = false;

  constructor(upstreams: readonly string[]) {
    this.#upstreams = upstreams;
  }

  /** Whether the store cannot be used now. What is here goes on without it. */
  get isStoreAway(): boolean {
    return this.#isStoreAway;
  }

  /**
   * These are served from now on.
   *
   * @param changed those of them that are configured differently than before: what is known of them says nothing any more.
   */
  follow(upstreams: readonly string[], changed: readonly string[] = []): void {
    this.#upstreams = upstreams;
    for (const name of this.#failures.keys()) {
      if (!upstreams.includes(name) || changed.includes(name)) this.#failures.delete(name);
    }
  }

  /**
   * An upstream that nobody has used yet is ready: it is started when it is needed.
   *
   * @param isServing whether one serves who comes without a start: then a start that failed, such as of its successor, changes nothing.
   */
  ready(isServing: (upstream: string) => boolean = () => false): Ready[] {
    return this.#upstreams.map((upstream) => {
      const reason = this.#failures.get(upstream);
      return reason === undefined || isServing(upstream) ? { upstream, ok: true } : { upstream, ok: false, reason };
    });
  }

  #take(event: GatewayEvent): void {
    if (event.type === 'store.away' || event.type === 'store.back') this.#isStoreAway = event.type === 'store.away';
    // What fails with the value of one caller says nothing about the others.
    if ('credentials' in event) return;
    if (event.type === 'member.ready' || event.type === 'upstream.recovered') this.#failures.delete(event.upstream);
    else if (event.type === 'member.failed' || event.type === 'upstream.failing') {
      this.#failures.set(event.upstream, event.reason);
    }
  }
}
