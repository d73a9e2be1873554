/** Who uses a gateway: every principal that is connected, has a request under way or has a key, with what its roles come to. */
import { ANONYMOUS } from '../auth/identity.ts';
import type { Identity } from '../auth/identity.ts';
import type { Conversation } from '../callers/registry.ts';
import { BUILT_IN_ROLES, DEFAULT_ROLE } from '../router/roles.ts';
import type { Roles } from '../router/roles.ts';
import type { Exchange } from '../router/exchange.ts';
import type { Admission, Quotas } from './admission.ts';
import type { Keys } from './keys.ts';

/** One principal as operators see it. */
export interface PersonFacts {
  principal: string;
  /** All roles that its sessions, requests and keys have. */
  roles: string[];
  /** Those of them that count: configured ones and built-in ones; `default` where it has none that is configured. Empty without roles. */
  effective: string[];
  /** The servers that it may use. */
  upstreams: string[];
  /** How it has shown who it is: `api key`, `jwt`, `token`, `certificate`, `load` or `nothing`. */
  via: string[];
  sessions: number;
  /** Requests under way. */
  inFlight: number;
  /** How many good keys it has. */
  keys: number;
  /** When a message last passed, in ms since 1970; absent where it is not connected. */
  lastActivity?: number;
  /** How much it may use and what is left; absent for `anonymous`, whose clients count each for themselves. */
  quotas?: Quotas;
}

export interface PeopleOptions {
  registry: { readonly all: Iterable<Conversation> };
  router: { readonly exchanges: readonly Pick<Exchange, 'scope'>[] };
  keys: Keys;
  roles: Roles;
  /** By their names. */
  pools: ReadonlyMap<string, unknown>;
  admission: Pick<Admission, 'quotas'>;
}

interface Seen {
  roles: Set<string>;
  via: Set<string>;
  sessions: number;
  inFlight: number;
  keys: number;
  lastActivity: number | undefined;
}

/** By name. */
export function peopleOf({ registry, router, keys, roles, pools, admission }: PeopleOptions): PersonFacts[] {
  const people = new Map<string, Seen>();
  const seen = (principal: string): Seen => {
    const known = people.get(principal) ?? {
      roles: new Set(),
      via: new Set(),
      sessions: 0,
      inFlight: 0,
      keys: 0,
      lastActivity: undefined,
    };
    people.set(principal, known);
    return known;
  };
  for (const { identity, lastActivity } of registry.all) {
    const person = seen(identity.principal);
    person.sessions++;
    person.lastActivity = Math.max(person.lastActivity ?? 0, lastActivity);
    person.via.add(identity.via);
    for (const role of identity.roles) person.roles.add(role);
  }
  for (const { scope } of router.exchanges) {
    const person = seen(scope.principal);
    person.inFlight++;
    for (const role of scope.roles ?? []) person.roles.add(role);
  }
  for (const { principal, roles: own, state } of keys.known()) {
    if (state !== 'good') continue;
    const person = seen(principal);
    person.keys++;
    person.via.add('api key');
    for (const role of own) person.roles.add(role);
  }
  const all = [...pools.keys()];
  return [...people]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([principal, { roles: own, via, lastActivity, ...counts }]) => {
      const held = [...own].toSorted();
      const rights = roles.of(held);
      return {
        principal,
        roles: held,
        effective: effectiveOf(held, roles),
        upstreams: roles.areSet ? all.filter((name) => rights.serves(name)) : all,
        via: [...via].toSorted(),
        ...counts,
        ...(lastActivity !== undefined && { lastActivity }),
        ...(principal !== ANONYMOUS && { quotas: admission.quotas(identityOf(principal, held)) }),
      };
    });
}

/** All the roles of somebody who is connected under a name, has a request under way or has a good key for it; undefined of others. */
export function rolesOf(
  { registry, router, keys }: Pick<PeopleOptions, 'registry' | 'router' | 'keys'>,
  principal: string,
): readonly string[] | undefined {
  const identities = [...registry.all].map(({ identity }) => identity);
  const callers = router.exchanges.map(({ scope }) => ({ principal: scope.principal, roles: scope.roles ?? [] }));
  const good = keys.known().filter(({ state }) => state === 'good');
  const all = [...identities, ...callers, ...good].filter((each) => each.principal === principal);
  return all.length === 0 ? undefined : [...new Set(all.flatMap(({ roles }) => roles))];
}

function effectiveOf(held: readonly string[], roles: Roles): string[] {
  const builtIn = held.filter((role) => BUILT_IN_ROLES.includes(role) && !roles.has(role));
  if (!roles.areSet) return builtIn;
  const configured = held.filter((role) => roles.has(role));
  const others = configured.length > 0 ? configured : [DEFAULT_ROLE].filter((role) => roles.has(role));
  return [...others, ...builtIn];
}

const identityOf = (principal: string, roles: readonly string[]): Identity => ({
  principal,
  roles,
  scopes: [],
  claims: {},
  via: 'nothing',
});
