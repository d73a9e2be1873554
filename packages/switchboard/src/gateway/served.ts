/** What clients find at the paths: each upstream through its view, and all of them as one. Changes when the configuration does. */
import type { Emit } from '../observe/events.ts';
import { Catalogue } from '../router/catalogue/catalogue.ts';
import type { Scope, Upstream } from '../router/exchange.ts';
import type { Roles } from '../router/rights.ts';
import type { Turns } from '../router/turns.ts';
import { viewOfRules } from '../router/view.ts';
import { ViewedUpstream } from '../router/viewed.ts';
import { PRODUCT } from './product.ts';
import type { UpstreamOptions } from './upstream-options.ts';

export interface ServedOptions {
  startTimeoutMs: number;
  turns: Turns;
  /** What callers may see. */
  roles: Roles;
  emit: Emit;
}

/** How long a merged list waits for one of its upstreams, in ms. */
const PATIENCE_MS = 10_000;

export class Served {
  readonly #byName: Map<string, Upstream> = new Map();
  readonly #catalogue: Catalogue;
  readonly #roles: Roles;

  constructor({ startTimeoutMs, turns, roles, emit }: ServedOptions) {
    this.#roles = roles;
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
    this.#byName.set(upstream.name, this.#seen(upstream, options));
  }

  delete(name: string): void {
    this.#byName.delete(name);
  }

  #seen(upstream: Upstream, options: UpstreamOptions): Upstream {
    const { name } = upstream;
    const view = viewOfRules(options);
    const roles = this.#roles;
    if (!roles.areSet) return view === undefined ? upstream : new ViewedUpstream(upstream, () => view);
    const serves = (scope: Pick<Scope, 'roles'>): boolean => roles.of(scope.roles).serves(name);
    return new ViewedUpstream(upstream, (scope) => roles.of(scope.roles).viewOf(name, view), serves);
  }
}
