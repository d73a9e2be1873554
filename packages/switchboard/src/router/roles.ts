/** Roles: what of the upstreams, and how much, those may use who have one. Whoever has several may do what any of them lets. */
import { resourceRules } from './resource-rules.ts';
import type { Kind, View, ViewRules } from './view.ts';
import type { Rules } from './rules.ts';
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

/**
 * Patterns are those of {@link Rules}. One with `__` in it is for tools and prompts of servers: what stands in front is compared with the
 * server's name, what follows with the name there. One without it is compared with the name alone, at every server.
 */
export interface RoleRules extends Omit<ViewRules, 'describe'> {
  /** Patterns for names of upstreams. @default all */
  upstreams?: readonly string[] | undefined;
  /** Whether only tools may be called that say of themselves that they change nothing (`readOnlyHint`). @default false */
  readOnly?: boolean | undefined;
  /** How much each principal with this role may use. @default no limits beside the options */
  limits?: RoleLimits | undefined;
}

/** The role of callers who are known and have no other. */
export const DEFAULT_ROLE = 'default';
/** The role of callers who show nothing; without it they are not let in where one could show something. */
export const ANONYMOUS_ROLE = 'anonymous';
/** Who may see what is the operator's: metrics, and why an upstream fails. It need not be configured. */
export const OPERATOR_ROLE = 'operator';
/** Sees on the console what an operator sees, and changes nothing. It need not be configured. */
export const VIEWER_ROLE = 'viewer';
/** Sees what a viewer sees, and reads the audit log with the contents of messages, where it has them. It need not be configured. */
export const AUDITOR_ROLE = 'auditor';
/** These roles need not be configured: what they give is the same everywhere. */
export const BUILT_IN_ROLES: readonly string[] = [OPERATOR_ROLE, VIEWER_ROLE, AUDITOR_ROLE];

/**
 * What a set of roles allows. There is one object for each set, as what is learned through its views is kept with them. It and its
 * views follow the rules: sessions keep them, and the configuration may change.
 */
export class Rights {
  readonly #read: () => readonly RoleRules[];
  readonly #views: Map<string, { base: View | undefined; view: View }> = new Map();

  /** @param read gives the rules of now; the same array until they change. */
  constructor(read: () => readonly RoleRules[]) {
    this.#read = read;
  }

  serves(upstream: string): boolean {
    return this.#read().some((rules) => isServed(rules, upstream));
  }

  /** @param base what holds for everybody there. */
  viewOf(upstream: string, base: View | undefined): View {
    const known = this.#views.get(upstream);
    // The configuration may have changed what holds for everybody.
    if (known !== undefined && known.base === base) return known.view;
    const view = viewOfRoles(this.#read, upstream, base);
    this.#views.set(upstream, { base, view });
    return view;
  }

  /** The most that one of the roles gives; nothing where one of them sets no limit. */
  limit(name: keyof RoleLimits): number | undefined {
    const found = this.#read().map(({ limits }) => limits?.[name]);
    const set = found.filter((each) => each !== undefined);
    return set.length === 0 || set.length < found.length ? undefined : Math.max(...set);
  }
}

export const isServed = ({ upstreams }: RoleRules, name: string): boolean =>
  upstreams?.some((pattern) => matchesPattern(pattern, name)) ?? true;

const SEPARATOR = '__';

/** Whether a pattern names a tool or prompt of a server, by both parts: a server cannot take a name that reads like another's. */
export function isNamed(pattern: string, upstream: string, name: string): boolean {
  if (!pattern.includes(SEPARATOR)) return matchesPattern(pattern, name);
  for (let at = pattern.indexOf(SEPARATOR); at !== -1; at = pattern.indexOf(SEPARATOR, at + 1)) {
    const [server, own] = [pattern.slice(0, at), pattern.slice(at + SEPARATOR.length)];
    if (matchesPattern(server, upstream) && matchesPattern(own, name)) return true;
  }
  return false;
}

/** What is denied by the name as it is written, or as it stands in a merged list, is denied as well. */
export const isDenied = (pattern: string, upstream: string, name: string): boolean =>
  isNamed(pattern, upstream, name) || [name, upstream + SEPARATOR + name].some((each) => matchesPattern(pattern, each));

/** How one role judges names. */
interface Judge {
  permits(kind: Kind, name: string): boolean;
  readOnly: boolean;
  rulesUris: boolean;
}

function viewOfRoles(read: () => readonly RoleRules[], upstream: string, base: View | undefined): View {
  const passesNamed = ({ allow, deny }: Rules = {}, name: string): boolean =>
    !(deny?.some((pattern) => isDenied(pattern, upstream, name)) ?? false) &&
    (allow?.some((pattern) => isNamed(pattern, upstream, name)) ?? true);
  const judgeOf = (rules: RoleRules): Judge => {
    const passesUri = resourceRules(rules.resources);
    const permits = (kind: Kind, name: string): boolean =>
      kind === 'resources' ? passesUri(name) : passesNamed(rules[kind], name);
    return { permits, readOnly: rules.readOnly === true, rulesUris: rules.resources !== undefined };
  };
  let known: { rules: readonly RoleRules[]; judges: readonly Judge[] } | undefined;
  const judges = (): readonly Judge[] => {
    const rules = read();
    if (known?.rules !== rules) {
      known = { rules, judges: rules.filter((each) => isServed(each, upstream)).map(judgeOf) };
    }
    return known.judges;
  };
  return {
    personal: true,
    get rulesUris() {
      return base?.rulesUris === true || judges().some((judge) => judge.rulesUris);
    },
    permits: (kind, name) => (base?.permits(kind, name) ?? true) && judges().some(({ permits }) => permits(kind, name)),
    onlyReadOnly: (tool) =>
      judges().every(({ readOnly, permits }) => readOnly || !permits('tools', tool)) ||
      base?.onlyReadOnly?.(tool) === true,
    description: (tool) => base?.description(tool),
  };
}

/** All the roles of a configuration. */
export class Roles {
  #rules: ReadonlyMap<string, RoleRules>;
  readonly #rights: Map<string, Rights> = new Map();

  constructor(rules: Readonly<Record<string, RoleRules>> = {}) {
    this.#rules = new Map(Object.entries(rules));
  }

  /** Takes the rules of others; they hold from the next request on. Whether there are any must not change. */
  replace({ rules }: Roles): void {
    this.#rules = rules;
  }

  get rules(): ReadonlyMap<string, RoleRules> {
    return this.#rules;
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
    const key = JSON.stringify(own);
    const rights = this.#rights.get(key) ?? new Rights(this.#reader(own));
    this.#rights.set(key, rights);
    return rights;
  }

  /** Reads the rules of some roles, as they are now; of the default one where none of them is left. */
  #reader(names: readonly string[]): () => readonly RoleRules[] {
    let known: { all: ReadonlyMap<string, RoleRules>; rules: readonly RoleRules[] } | undefined;
    return () => {
      const all = this.#rules;
      if (known?.all !== all) {
        const own = names.flatMap((name) => all.get(name) ?? []);
        known = { all, rules: own.length > 0 ? own : [all.get(DEFAULT_ROLE) ?? []].flat() };
      }
      return known.rules;
    };
  }
}
