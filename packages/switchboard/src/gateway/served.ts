/** What clients find at the paths: each upstream through its view, and all of them as one. Changes when the configuration does. */
import type { Emit } from '../observe/events.ts';
import { Catalogue } from '../router/catalogue/catalogue.ts';
import type { Upstream } from '../router/exchange.ts';
import type { Turns } from '../router/turns.ts';
import { viewOfRules } from '../router/view.ts';
import { ViewedUpstream } from '../router/viewed.ts';
import { PRODUCT } from './product.ts';
import type { UpstreamOptions } from './upstream-options.ts';

export interface ServedOptions {
  startTimeoutMs: number;
  turns: Turns;
  emit: Emit;
}

/** How long a merged list waits for one of its upstreams, in ms. */
const PATIENCE_MS = 10_000;

export class Served {
  readonly #byName: Map<string, Upstream> = new Map();
  readonly #catalogue: Catalogue;

  constructor({ startTimeoutMs, turns, emit }: ServedOptions) {
    this.#catalogue = new Catalogue({
      upstreams: this.#byName,
      serverInfo: { ...PRODUCT },
      patienceMs: Math.min(PATIENCE_MS, startTimeoutMs),
      turns,
      emit,
    });
  }

  /** At `/mcp/<name>`. */
  get byName(): ReadonlyMap<string, Upstream> {
    return this.#byName;
  }

  /** At `/mcp`: the only one, or the catalogue of all. */
  get all(): Upstream {
    const [only, ...others] = this.#byName.values();
    return only !== undefined && others.length === 0 ? only : this.#catalogue;
  }

  set(upstream: Upstream, options: UpstreamOptions): void {
    const view = viewOfRules(options);
    this.#byName.set(upstream.name, view === undefined ? upstream : new ViewedUpstream(upstream, () => view));
  }

  delete(name: string): void {
    this.#byName.delete(name);
  }
}
