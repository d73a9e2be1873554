/** Roles: what of the upstreams, and how much, those may use who have one. Whoever has several may do what any of them lets. */
import type { View, ViewRules } from './view.ts';
import { passesRules } from './view.ts';
import { matchesPattern } from '../util/pattern.ts';

/** How much a principal may use. */
export interface RoleLimits {
  /** @default the option `rateLimit` */
  requestsPerMinute?: number | undefined;
  /** How many requests at once after a pause. @default requestsPerMinute */
  burst?: number | undefined;
  /** How many requests may run at a time, of all its sessions together. @default no limit beside `maxRequestsInFlight` */
  concurrent?: number | undefined;
  /** How many sessions and connections it may have at a time. @default no limit beside `maxConnections` */
  sessions?: number | undefined;
  /** The largest message in bytes, no more than the option of that name. @default that option */
  maxMessageSize?: number | undefined;
}

/** Patterns are those of {@link Rules}; of tools and prompts either the server's own names, or with `server__` in front. */
export interface RoleRules extends Omit<ViewRules, 'describe'> {
  /** Patterns for names of upstreams. @default all */
  upstreams?: readonly string[] | undefined;
  /** Whether only tools may be called that say of themselves that they change nothing (`readOnlyHint`). @default false */
  readOnly?: boolean | undefined;
  limits?: RoleLimits | undefined;
}

/** The role of callers who are known and have no other. */
export const DEFAULT_ROLE = 'default';
/** The role of callers who show nothing; without it they are not let in where one could show something. */
export const ANONYMOUS_ROLE = 'anonymous';
/** Who may see what is the operator's: metrics, and why an upstream fails. It need not be configured. */
export const OPERATOR_ROLE = 'operator';

/** What a set of roles allows. There is one object for each set, as what is learned through its views is kept with them. */
export class Rights {
  readonly #rules: readonly RoleRules[];
  readonly #views: Map<string, { base: View | undefined; view: View }> = new Map();

  constructor(rules: readonly RoleRules[]) {
    this.#rules = rules;
  }

  serves(upstream: string): boolean {
    return this.#rules.some((rules) => isServed(rules, upstream));
  }

  /** @param base what holds for everybody there. */
  viewOf(upstream: string, base: View | undefined): View {
    const known = this.#views.get(upstream);
    // The configuration may have changed what holds for everybody.
    if (known !== undefined && known.base === base) return known.view;
    const view = viewOfRoles(
      this.#rules.filter((rules) => isServed(rules, upstream)),
      upstream,
      base,
    );
    this.#views.set(upstream, { base, view });
    return view;
  }

  /** The most that one of the roles gives; nothing where one of them sets no limit. */
  limit(name: keyof RoleLimits): number | undefined {
    const found = this.#rules.map(({ limits }) => limits?.[name]);
    const set = found.filter((each) => each !== undefined);
    return set.length === 0 || set.length < found.length ? undefined : Math.max(...set);
  }
}

const isServed = ({ upstreams }: RoleRules, name: string): boolean =>
  upstreams?.some((pattern) => matchesPattern(pattern, name)) ?? true;

function viewOfRoles(roles: readonly RoleRules[], upstream: string, base: View | undefined): View {
  const permits = (rules: RoleRules, kind: 'tools' | 'prompts' | 'resources', name: string): boolean =>
    passesRules(rules, kind, kind === 'resources' ? [name] : [name, `${upstream}__${name}`]);
  return {
    personal: true,
    permits: (kind, name) => (base?.permits(kind, name) ?? true) && roles.some((rules) => permits(rules, kind, name)),
    onlyReadOnly: (tool) =>
      roles.every((rules) => rules.readOnly === true || !permits(rules, 'tools', tool)) ||
      base?.onlyReadOnly?.(tool) === true,
    description: (tool) => base?.description(tool),
  };
}

/** All the roles of a configuration. */
export class Roles {
  readonly #rules: ReadonlyMap<string, RoleRules>;
  readonly #rights: Map<string, Rights> = new Map();

  constructor(rules: Readonly<Record<string, RoleRules>> = {}) {
    this.#rules = new Map(Object.entries(rules));
  }

  /** Whether there are roles; otherwise everybody may use everything. */
  get areSet(): boolean {
    return this.#rules.size > 0;
  }

  get names(): readonly string[] {
    return [...this.#rules.keys()];
  }

  has(role: string): boolean {
    return this.#rules.has(role);
  }

  /** @param roles names; those that are not configured give nothing. */
  of(roles: readonly string[] = []): Rights {
    const own = [...new Set(roles)].filter((role) => this.#rules.has(role)).toSorted();
    const held = own.length === 0 && this.#rules.has(DEFAULT_ROLE) ? [DEFAULT_ROLE] : own;
    const key = JSON.stringify(held);
    const rights = this.#rights.get(key) ?? new Rights(held.map((role) => this.#rules.get(role)!));
    this.#rights.set(key, rights);
    return rights;
  }
}
