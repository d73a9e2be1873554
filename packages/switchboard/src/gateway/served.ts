/** What clients find at which path: each upstream through its view, and all of them as one. Changes when the configuration does. */
import type { Identity } from '../auth/identity.ts';
import type { Emit } from '../observe/events.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { Catalogue } from '../router/catalogue/catalogue.ts';
import type { SealKeys } from '../router/catalogue/seal.ts';
import type { Scope, Upstream } from '../router/exchange.ts';
import type { Roles } from '../router/roles.ts';
import type { ConcurrencyLimiter } from '../router/concurrency-limiter.ts';
import { viewOfRules } from '../router/view.ts';
import { FilteredUpstream } from '../router/filtered-upstream.ts';
import { PRODUCT } from './product.ts';
import type { UpstreamOptions } from './upstream-options.ts';

export interface ServedOptions {
  startTimeoutMs: number;
  limiter: ConcurrencyLimiter;
  /** What callers may see. */
  roles: Roles;
  emit: Emit;
  /** Of what clients keep for the merged address. @default keys of this process */
  sealKeys?: SealKeys | undefined;
}

/** What is served, and what its path has behind `/mcp` or `/sse`. */
export interface Place {
  /** The upstream's name, or `*` for all of them as one. */
  upstream: string;
  below: string;
}

type Base = 'mcp' | 'sse' | 'rest';

/** How long a merged list waits for one of its upstreams, in ms. */
const PATIENCE_MS = 10_000;

export class Served {
  readonly #byName: Map<string, Upstream> = new Map();
  readonly #catalogue: Catalogue;
  readonly #roles: Roles;

  constructor({ startTimeoutMs, limiter, roles, emit, sealKeys }: ServedOptions) {
    this.#roles = roles;
    this.#catalogue = new Catalogue({
      upstreams: this.#byName,
      serverInfo: { ...PRODUCT },
      patienceMs: Math.min(PATIENCE_MS, startTimeoutMs),
      limiter,
      emit,
      sealKeys,
    });
  }

  /** Everything that is served: the only upstream, or each of them and then all as one. */
  get places(): Place[] {
    const names = [...this.#byName.keys()];
    if (names.length === 1) return names.map((upstream) => ({ upstream, below: '' }));
    return [
      ...names.map((upstream) => ({ upstream, below: `/${upstream}` })),
      { upstream: this.#catalogue.name, below: '' },
    ];
  }

  /**
   * The upstream that a path names.
   *
   * @throws {SwitchboardError} `SWB_NOT_FOUND` when nothing of MCP is there, or as {@link find}
   */
  route(path: string, base: Base, identity: Identity): Upstream {
    const [, found, name] = /^\/([^/]+)(?:\/([^/]*))?\/?$/.exec(path) ?? [];
    if (found !== base) {
      throw new SwitchboardError('SWB_NOT_FOUND', {
        detail: `${JSON.stringify(path)}; ${this.#paths(base, identity)}`,
      });
    }
    return this.find(name === '' ? undefined : name, identity, base);
  }

  /**
   * The upstream of a name; without one all of them. What the caller's roles do not name is not there.
   *
   * @throws {SwitchboardError} `SWB_UPSTREAM_NOT_FOUND`
   */
  find(name: string | undefined, identity: Identity, base: Base = 'mcp'): Upstream {
    const upstream = name === undefined ? this.#all : this.#byName.get(name);
    if (upstream !== undefined && upstream.serves?.(identity) !== false) return upstream;
    const detail = `${JSON.stringify(name ?? 'all of them')}; ${this.#paths(base, identity)}`;
    throw new SwitchboardError('SWB_UPSTREAM_NOT_FOUND', { detail });
  }

  set(upstream: Upstream, options: UpstreamOptions): void {
    this.#byName.set(upstream.name, this.#seen(upstream, options));
  }

  delete(name: string): void {
    this.#byName.delete(name);
  }

  /** Puts them in the order of the configuration, which merged lists are in. */
  arrange(names: readonly string[]): void {
    for (const name of names) {
      const upstream = this.#byName.get(name);
      if (upstream === undefined) continue;
      this.#byName.delete(name);
      this.#byName.set(name, upstream);
    }
  }

  /** The only one, or the catalogue of all. */
  get #all(): Upstream {
    const [only, ...others] = this.#byName.values();
    return only !== undefined && others.length === 0 ? only : this.#catalogue;
  }

  /** For errors: those that are there for who asks. */
  #paths(base: Base, identity: Identity): string {
    const names = [...this.#byName].flatMap(([name, each]) => (each.serves?.(identity) === false ? [] : [name]));
    if (names.length === 0) return this.#noAccess(identity);
    if (base === 'rest') return `REST is at ${names.map((name) => `/rest/${name}/tools`).join(', ')}`;
    if (this.#byName.size === 1) return `MCP is at /${base}`;
    return `MCP is at ${[`/${base}`, ...names.map((name) => `/${base}/${name}`)].join(', ')}`;
  }

  #noAccess({ roles }: Identity): string {
    const held = roles.filter((role) => this.#roles.has(role));
    if (held.length > 0) return `your role ${held.join(', ')} gives access to no server`;
    const own = roles.length === 0 ? 'you have no role' : `your role ${roles.join(', ')} is not configured`;
    return `${own}, and there is no role "default": no server is open to you; the operator can add one to "roles"`;
  }

  #seen(upstream: Upstream, options: UpstreamOptions): Upstream {
    const { name } = upstream;
    const view = viewOfRules(options);
    const roles = this.#roles;
    if (!roles.areSet) return view === undefined ? upstream : new FilteredUpstream(upstream, () => view);
    const serves = (scope: Pick<Scope, 'roles'>): boolean => roles.of(scope.roles).serves(name);
    return new FilteredUpstream(upstream, (scope) => roles.of(scope.roles).viewOf(name, view), serves);
  }
}
