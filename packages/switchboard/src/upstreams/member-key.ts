/** Who shares a member. */
import { createHash } from 'node:crypto';

import type { Scope } from '../router/exchange.ts';
import { MAX_OWN_WORDS } from '../util/cut.ts';

/**
 * Who may share a member. `session`: nobody, each legacy session (or modern connection) has its own; `principal`: the sessions
 * of one principal; `shared`: everybody; `pool`: everybody shares several.
 */
export type Isolation = 'session' | 'principal' | 'shared' | 'pool';

/** Decides who shares a member: two scopes with the same key do. It is the name of their slot in events. */
export function memberKey(isolation: Isolation, scope: Scope): string {
  if (isolation === 'shared' || isolation === 'pool') return isolation;
  if (isolation === 'principal') return `principal ${scope.principal}`;
  if (scope.era === 'legacy') return `session ${scope.affinity}`;
  // A modern client of its own: and as what a legacy server was told at its start holds for its life, one for each name and set
  // of capabilities that it gives.
  const said = JSON.stringify([scope.capabilities, scope.clientInfo]);
  return `modern ${scope.principal} ${scope.affinity} ${said.length > MAX_OWN_WORDS ? digestOf(said) : said}`;
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url');
