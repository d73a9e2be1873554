/** Who operates Switchboard: a program that shows the token of the admin API, or a person on the console. */
import type { Identity } from '../../auth/identity.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { OPERATOR_ROLE, VIEWER_ROLE } from '../../router/roles.ts';

export interface Operator {
  /** As in the audit log. */
  name: string;
  /** A viewer sees everything that an operator sees, and changes nothing. */
  role: typeof OPERATOR_ROLE | typeof VIEWER_ROLE;
  /** Absent for a program. */
  signedIn?: SignedIn;
}

/** On what a person is signed in at the console. What they hand on, such as a link, lasts no longer. */
export interface SignedIn {
  /** Absent where the first link was made by a program. */
  identity?: Identity;
  /** In ms since 1970. */
  until: number;
}

/** What the roles of a caller let it be here; undefined for nothing. */
export function operatorRoleOf(roles: readonly string[]): Operator['role'] | undefined {
  if (roles.includes(OPERATOR_ROLE)) return OPERATOR_ROLE;
  return roles.includes(VIEWER_ROLE) ? VIEWER_ROLE : undefined;
}

/** @throws {SwitchboardError} `SWB_REFUSED` for a viewer, where something would change. */
export function checkMay({ name, role }: Operator, method: string): void {
  if (role === OPERATOR_ROLE || method === 'GET') return;
  const detail = `${name} has the role ${VIEWER_ROLE}, which changes nothing; this requires the role ${OPERATOR_ROLE}`;
  throw new SwitchboardError('SWB_REFUSED', { detail });
}
