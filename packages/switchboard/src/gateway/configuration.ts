/** A configuration as a whole, read and checked: the settings, the upstreams, authentication and permissions. */
import { SwitchboardError } from '../protocol/errors.ts';
import { Roles } from '../router/roles.ts';
import { readAccess } from './access-options.ts';
import type { AccessOptions } from './access-options.ts';
import { readSettings } from './options.ts';
import type { Problem } from './options.ts';
import type { Settings, SettingsInput } from './settings.ts';
import { checkUpstream } from './upstream-options.ts';
import type { UpstreamOptions } from './upstream-options.ts';

/** A configuration as a program or a configuration file writes it: the settings, who may come in, and the upstreams. */
export interface ConfigurationInput extends SettingsInput, AccessOptions {
  /** The MCP servers, by the names under which clients know them: letters, digits, dots, dashes and underscores, at most 64. */
  upstreams: Readonly<Record<string, UpstreamOptions>>;
}

export interface Configuration {
  settings: Settings;
  upstreams: Readonly<Record<string, UpstreamOptions>>;
  roles: Roles;
  jwt?: AccessOptions['jwt'];
  /** The blocks beside the settings as they were written, to be compared with those of another one. */
  access: Record<string, unknown>;
}

/** @throws {SwitchboardError} `SWB_CONFIG_INVALID` naming every wrong value. */
export function readConfiguration({ upstreams, jwt, roles: rules, ...input }: ConfigurationInput): Configuration {
  const { settings, problems } = readSettings(input);
  for (const [name, options] of Object.entries(upstreams)) {
    const found = checkUpstream(name, options, settings.sse);
    // It is Switchboard's own then, and must not be handed on.
    if (settings.keysFile !== '' && /\$\{caller\.header:x-api-key\}/i.test(JSON.stringify(options))) {
      const message = 'X-API-Key is for Switchboard itself where there is a keysFile; let callers send another header';
      found.push({ path: [name], message });
    }
    problems.push(...found.map(({ path, message }) => ({ path: ['upstreams', ...path], message })));
  }
  const tokens = jwt === undefined ? undefined : readAccess('jwt', jwt);
  const read = rules === undefined ? undefined : readAccess('roles', rules);
  problems.push(...(tokens?.problems ?? []), ...(read?.problems ?? []));
  if (Object.keys(upstreams).length === 0) problems.push({ path: ['upstreams'], message: 'expected at least one' });
  if (problems.length > 0) throw configError(problems);
  const access = { jwt, roles: rules };
  return { settings, upstreams, access, roles: new Roles(read?.value), ...(tokens?.value && { jwt: tokens.value }) };
}

/**
 * What only the command can do with an option, a gateway in a program cannot.
 *
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID`
 */
export function mustBeForPrograms({ store, workers }: Settings, isStoreOpen: boolean): void {
  const refuse = (detail: string): never => {
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
  };
  if (!isStoreOpen && store.startsWith('sqlite:'))
    refuse(`store: ${JSON.stringify(store)} has to be opened first: stateStore: await openStore(…)`);
  if (workers !== 1) refuse(`workers: ${workers}, and only "switchboard serve" starts several processes`);
}

/** One error for a whole list of problems. */
function configError(problems: readonly Problem[]): SwitchboardError {
  const lines = problems.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return new SwitchboardError('SWB_CONFIG_INVALID', { detail: lines.join('; '), data: { problems } });
}
