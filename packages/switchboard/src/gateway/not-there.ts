/** What operators ask for that is not there. */
import { SwitchboardError } from '../protocol/errors.ts';
import type { Roles } from '../router/roles.ts';
import { didYouMean } from '../util/nearest.ts';

export function noConsole(): never {
  const detail = 'there is no console here: it needs the option console, and the package mcp-switchboard-console';
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}

export function nothingToRead(): never {
  throw new SwitchboardError('SWB_NOT_FOUND', { detail: 'there is no configuration file that could be read again' });
}

/** @throws {SwitchboardError} `SWB_NOT_FOUND` for a role that is not configured, where there are any */
export function checkRole(role: string | undefined, roles: Roles): void {
  if (role === undefined || !roles.areSet || roles.has(role)) return;
  const detail = `there is no role ${JSON.stringify(role)}.${didYouMean(role, roles.names)}`;
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}
