/** The upstreams' side of a gateway: a pool for each, and whose turn it is there. Changes when the configuration does. */
import type { Emit } from '../observe/events.ts';
import type { Exchange } from '../router/exchange.ts';
import type { SealKeys } from '../router/catalogue/seal.ts';
import type { Roles } from '../router/roles.ts';
import { ConcurrencyLimiter } from '../router/concurrency-limiter.ts';
import type { Pool } from '../upstreams/pool.ts';
import type { Change } from './change.ts';
import type { Settings } from './settings.ts';
import type { Cluster } from './cluster.ts';
import { Served } from './served.ts';
import { Timeouts } from './timeouts.ts';
import type { UpstreamOptions } from './upstream-options.ts';
import { buildPools } from './pool-builder.ts';

export interface PoolsOptions {
  /** Of the gateway, told to its upstreams. */
  id: string;
  settings: Settings;
  environment: Readonly<Record<string, string | undefined>>;
  /** What callers may see. */
  roles: Roles;
  emit: Emit;
  /** Of what clients keep, where every node has to know it. */
  sealKeys?: SealKeys | undefined;
  /** The cluster of which this gateway is a node. */
  cluster?: Pick<Cluster, 'members' | 'credentialSalt'> | undefined;
}

type Upstreams = Readonly<Record<string, UpstreamOptions>>;

export class Pools {
  /** What clients find of them. */
  readonly served: Served;
  readonly limiter: ConcurrencyLimiter;
  readonly #options: PoolsOptions;
  readonly #byName: Map<string, Pool> = new Map();
  readonly #timeouts: Timeouts;
  #configured: Upstreams;

  constructor(upstreams: Upstreams, options: PoolsOptions) {
    const { settings, roles, emit, sealKeys } = options;
    this.#options = options;
    this.#configured = upstreams;
    this.limiter = new ConcurrencyLimiter((name) => ({
      maxRunning: this.#configured[name]?.maxConcurrent ?? settings.maxConcurrent,
      maxWaiting: settings.maxQueuedRequests,
    }));
    this.#timeouts = new Timeouts(settings.requestTimeout, upstreams);
    this.served = new Served({ startTimeoutMs: settings.startTimeout, limiter: this.limiter, roles, emit, sealKeys });
    this.#build(Object.keys(upstreams));
  }

  /** What they were built from. */
  get configured(): Upstreams {
    return this.#configured;
  }

  get byName(): ReadonlyMap<string, Pool> {
    return this.#byName;
  }

  /** Time a request may run without an answer or a progress notification, in ms. */
  timeoutOf(exchange: Exchange): number {
    return this.#timeouts.of(exchange);
  }

  /**
   * Builds what is new or another now; the rest stays as it is.
   *
   * @returns those that are no longer served. They still run: whoever calls this ends them.
   */
  replace(upstreams: Upstreams, { added, changed, removed }: Change): Pool[] {
    const old = [...changed, ...removed].flatMap((name) => this.#byName.get(name) ?? []);
    this.#configured = upstreams;
    this.#timeouts.set(upstreams);
    for (const name of removed) {
      this.#byName.delete(name);
      this.served.delete(name);
    }
    // Those that are new too: clients of one that was removed before may have had turns under its name until they were gone.
    for (const name of [...added, ...changed, ...removed]) this.limiter.forget(name);
    this.#build([...added, ...changed]);
    this.served.arrange(Object.keys(upstreams));
    return old;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#byName.values()].map((pool) => pool.close()));
  }

  #build(names: readonly string[]): void {
    const { id, settings, environment, emit, cluster } = this.#options;
    const upstreams = Object.fromEntries(names.map((name) => [name, this.#configured[name]!]));
    for (const [name, pool] of buildPools({ id, settings, upstreams, environment, emit, cluster })) {
      this.#byName.set(name, pool);
      this.served.set(pool, upstreams[name]!);
    }
  }
}
