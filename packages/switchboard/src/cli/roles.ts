/** Says before anybody is refused whom the roles of a configuration give nothing. */
import type { AccessOptions } from '../gateway/access-options.ts';
import type { Settings } from '../gateway/settings.ts';
import { ANONYMOUS_ROLE, DEFAULT_ROLE } from '../router/roles.ts';

type Ways = Pick<Settings, 'keysFile' | 'token' | 'tlsClientCa'>;

/** A sentence about callers who get no server, or undefined. */
export function unservedByRoles({ roles, jwt }: AccessOptions, ways: Ways): string | undefined {
  if (roles === undefined || Object.hasOwn(roles, DEFAULT_ROLE)) return undefined;
  const names = Object.keys(roles).join(', ');
  const canBeKnown = jwt !== undefined || ways.keysFile !== '' || ways.token !== '' || ways.tlsClientCa !== '';
  if (canBeKnown) {
    return `there is no role "default": callers whose key or token has none of ${names} get no server`;
  }
  return (
    `nobody gets a server: there is no role "${DEFAULT_ROLE}", and without authentication (keysFile, jwt, token, tlsClientCa) ` +
    `no caller has one of ${names}; "${ANONYMOUS_ROLE}" counts only beside a way to show who one is`
  );
}
