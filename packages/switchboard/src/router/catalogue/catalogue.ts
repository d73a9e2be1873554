/**
 * All upstreams as one: an upstream whose members pass each request on to the one that it is about.
 *
 * Nothing of the client's is copied: a request runs in the member of the upstream that it reaches, in a slot that the upstream's
 * own isolation chose, and what comes of it goes the way it would go without the catalogue.
 */
import { CATALOGUE } from '../exchange.ts';
import type { Scope, Slot, Upstream } from '../exchange.ts';
import { CatalogueContext } from './context.ts';
import type { CatalogueOptions } from './context.ts';
import { CatalogueSlot } from './slot.ts';

export class Catalogue implements Upstream {
  readonly name: string = CATALOGUE;
  readonly #context: CatalogueContext;
  /** Those of modern clients, which come back for each request. */
  readonly #slots: Map<string, CatalogueSlot> = new Map();

  constructor(options: CatalogueOptions) {
    this.#context = new CatalogueContext(options);
  }

  get callerHeaders(): readonly string[] {
    return [...new Set([...this.#context.upstreams.values()].flatMap((upstream) => upstream.callerHeaders))];
  }

  get isMovable(): boolean {
    return [...this.#context.upstreams.values()].every((upstream) => upstream.isMovable);
  }

  get hasHomes(): boolean {
    return [...this.#context.upstreams.values()].some((upstream) => upstream.hasHomes);
  }

  serves(scope: Pick<Scope, 'roles'>): boolean {
    return [...this.#context.upstreams.values()].some((upstream) => upstream.serves?.(scope) !== false);
  }

  slot(scope: Scope): Slot {
    if (scope.era === 'legacy') return new CatalogueSlot(this.#context, scope, () => {});
    const { principal, roles = [], affinity, capabilities, clientInfo, loose = false } = scope;
    const key = JSON.stringify([principal, roles, affinity, loose, capabilities, clientInfo]);
    const slot = this.#slots.get(key) ?? new CatalogueSlot(this.#context, scope, () => this.#slots.delete(key));
    this.#slots.set(key, slot);
    return slot;
  }
}
