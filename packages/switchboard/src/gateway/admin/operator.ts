/** Who operates Switchboard: a program that shows the token of the admin API, or a person on the console. */
import type { Identity } from '../../auth/identity.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { AUDITOR_ROLE, OPERATOR_ROLE, VIEWER_ROLE } from '../../router/roles.ts';

export interface Operator {
  /** As in the audit log. */
  name: string;
  /** A viewer sees everything that an operator sees but the audit log, and changes nothing; an auditor sees that too. */
  role: typeof OPERATOR_ROLE | typeof VIEWER_ROLE | typeof AUDITOR_ROLE;
  /** Whether it reads the contents of messages that the audit log has: an auditor does, and an operator who has that role too. */
  readsContents?: boolean;
  /** Whether it came by a console that is read-only. */
  isReadOnly?: boolean;
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
export function operatorRoleOf(roles: readonly string[]): Pick<Operator, 'role' | 'readsContents'> | undefined {
  const readsContents = roles.includes(AUDITOR_ROLE) && { readsContents: true };
  if (roles.includes(OPERATOR_ROLE)) return { role: OPERATOR_ROLE, ...readsContents };
  if (roles.includes(AUDITOR_ROLE)) return { role: AUDITOR_ROLE, ...readsContents };
  return roles.includes(VIEWER_ROLE) ? { role: VIEWER_ROLE } : undefined;
}

/** What somebody is on a console that is read-only: no operator, whatever the role. */
export const asReader = (operator: Operator): Operator => ({
  ...operator,
  role: operator.role === OPERATOR_ROLE ? AUDITOR_ROLE : operator.role,
  isReadOnly: true,
});

/**
 * @throws {SwitchboardError} `SWB_REFUSED` for an auditor or a viewer, where something would change; for a viewer the audit log too.
 * `SWB_READ_ONLY` for who came by a console that is read-only, where something would change.
 */
export function checkMay(
  { name, role, isReadOnly = false }: Operator,
  { method, isAudit = false }: { method: string; isAudit?: boolean },
): void {
  if (role === OPERATOR_ROLE) return;
  if (method === 'GET' && (!isAudit || role === AUDITOR_ROLE)) return;
  if (method !== 'GET' && isReadOnly) {
    const detail = 'nobody changes anything from it; use the command or the admin API, or restart with --console on';
    throw new SwitchboardError('SWB_READ_ONLY', { detail });
  }
  const detail =
    method === 'GET'
      ? `${name} has the role ${role}, which does not read the audit log; this requires the role ${AUDITOR_ROLE} or ${OPERATOR_ROLE}`
      : `${name} has the role ${role}, which changes nothing; this requires the role ${OPERATOR_ROLE}`;
  throw new SwitchboardError('SWB_REFUSED', { detail });
}

/**
 * What a link or a key may give, of an operator's own rights: nobody lets somebody read the contents of messages who may not.
 *
 * @throws {SwitchboardError} `SWB_REFUSED`
 */
export function checkMayGive({ name, readsContents = false }: Operator, roles: readonly string[]): void {
  if (readsContents || !roles.includes(AUDITOR_ROLE)) return;
  const detail = `${name} does not have the role ${AUDITOR_ROLE}, so it cannot give it; who runs Switchboard can, by the command`;
  throw new SwitchboardError('SWB_REFUSED', { detail });
}
