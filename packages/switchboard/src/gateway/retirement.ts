/** What becomes of pools that another configuration has no place for: what is under way there may finish, for a time; then they end. */
import type { Registry } from '../callers/registry.ts';
import { CATALOGUE } from '../router/exchange.ts';
import type { Router } from '../router/router.ts';
import type { Pool } from '../upstreams/pool.ts';
import type { Change } from './change.ts';

export interface RetirementOptions {
  registry: Registry;
  router: Router;
  /** How long requests may take to finish, in ms. */
  drainTimeoutMs: number;
}

export class Retirement {
  readonly #options: RetirementOptions;
  /** Each until the last of its processes is gone. */
  readonly #underWay: Set<Promise<void>> = new Set();
  /** Ends the waits for what is under way. */
  readonly #hurry: Set<() => void> = new Set();

  constructor(options: RetirementOptions) {
    this.#options = options;
  }

  /**
   * Ends pools that others have taken the place of already, and the sessions that used them: with 1001 where the upstream was
   * removed, else with 1012. What all upstreams are as one has changed too, whichever of them did.
   */
  begin(pools: readonly Pool[], { added, removed }: Change): void {
    const { registry, router } = this.#options;
    const gone = new Set(pools.map(({ name }) => name));
    const isAffected = (upstream: string): boolean =>
      gone.has(upstream) || (upstream === CATALOGUE && added.length + gone.size > 0);
    // Those of now: who comes while these are waited for gets what is new.
    const conversations = [...registry.all].filter(({ facts }) => isAffected(facts.upstream));
    const exchanges = router.exchanges.filter(({ slot }) => isAffected(slot.upstream));
    const retiring = this.#retire(pools, exchanges, () => {
      for (const conversation of conversations) {
        const why = removed.includes(conversation.facts.upstream) ? 'goingAway' : 'restart';
        conversation.close(why, 'the configuration was changed');
      }
    }).finally(() => this.#underWay.delete(retiring));
    this.#underWay.add(retiring);
  }

  /** Waits for no request any more; resolves when the last process is gone. */
  async end(): Promise<void> {
    for (const hurry of this.#hurry) hurry();
    await Promise.all(this.#underWay);
  }

  async #retire(pools: readonly Pool[], exchanges: Router['exchanges'], closeSessions: () => void): Promise<void> {
    let giveUp = (): void => {};
    const late = new Promise<void>((resolve) => (giveUp = resolve));
    const timer = setTimeout(giveUp, this.#options.drainTimeoutMs);
    this.#hurry.add(giveUp);
    for (const exchange of exchanges) exchange.finish();
    const finished = exchanges.map((exchange) => new Promise<void>((resolve) => exchange.onEnd(resolve)));
    await Promise.race([late, Promise.all([...finished, ...pools.map((pool) => pool.recall())])]);
    clearTimeout(timer);
    this.#hurry.delete(giveUp);
    closeSessions();
    await Promise.all(pools.map((pool) => pool.close()));
  }
}
