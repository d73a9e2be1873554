/** What clients find at the paths: each upstream through its view, and all of them as one. */
import type { Emit } from '../observe/events.ts';
import { Catalogue } from '../router/catalogue/catalogue.ts';
import type { Scope, Upstream } from '../router/exchange.ts';
import { Roles } from '../router/rights.ts';
import type { Rights } from '../router/rights.ts';
import { viewOfRules } from '../router/view.ts';
import { ViewedUpstream } from '../router/viewed.ts';
import type { Settings } from './options.ts';
import { PRODUCT } from './product.ts';
import type { UpstreamOptions } from './upstream-options.ts';

export interface Served {
  /** At `/mcp/<name>`. */
  readonly byName: ReadonlyMap<string, Upstream>;
  /** At `/mcp`: the only one, or the catalogue of all. */
  readonly all: Upstream;
}

/** How long a merged list waits for one of its upstreams, in ms. */
const PATIENCE_MS = 10_000;

export function serveAll(
  upstreams: ReadonlyMap<string, Upstream>,
  options: Readonly<Record<string, UpstreamOptions>>,
  { startTimeout }: Settings,
  emit: Emit,
  roles: Roles = new Roles(),
): Served {
  const byName = new Map(
    [...upstreams].map(([name, upstream]) => {
      const view = viewOfRules(options[name] ?? {});
      if (roles.areSet) {
        const rightsOf = (scope: Pick<Scope, 'roles'>): Rights => roles.of(scope.roles);
        const serves = (scope: Pick<Scope, 'roles'>): boolean => rightsOf(scope).serves(name);
        return [name, new ViewedUpstream(upstream, (scope) => rightsOf(scope).viewOf(name, view), serves)];
      }
      return [name, view === undefined ? upstream : new ViewedUpstream(upstream, () => view)];
    }),
  );
  const [only, ...others] = byName.values();
  const isOne = only !== undefined && others.length === 0;
  if (isOne) return { byName, all: only };
  const patienceMs = Math.min(PATIENCE_MS, startTimeout);
  return { byName, all: new Catalogue({ upstreams: byName, serverInfo: { ...PRODUCT }, patienceMs, emit }) };
}
