/** What a command serves and how: from its words, its flags, the environment and the configuration file. */
import type { AccessOptions } from '../gateway/access-options.ts';
import type { UpstreamOptions } from '../gateway/upstream-options.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { commandUpstream } from './command-upstream.ts';
import { readConfigFile } from './config.ts';
import { settingsFromEnvironment } from './environment.ts';

export interface Sources {
  upstreams: Record<string, UpstreamOptions>;
  /** Whether they were named, and are no fallback. */
  isNamed: boolean;
  settings: JsonObject;
  /** Who may come in, and what they may use. */
  access: AccessOptions;
  /** The configuration file, where there is one. */
  file: string | undefined;
  /** The block of this name in the file. */
  chat: JsonObject;
  /** What was left alone in the file, in sentences. */
  notes: string[];
}

/**
 * A flag counts more than the environment, and that more than the file.
 *
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID` for what is wrong in the file, and when there is no server at all.
 */
export function readSources(given: {
  /** The command of a server. */
  words: readonly string[];
  /** The values of `--env`, for that server. */
  env?: readonly string[] | undefined;
  config: string | undefined;
  flags: JsonObject;
  environment: NodeJS.ProcessEnv;
  /** What is served where nothing else is named. @default nothing, which is an error */
  fallback?: Record<string, UpstreamOptions>;
}): Sources {
  const { flags, environment } = given;
  const file = given.config ?? environment['SWITCHBOARD_CONFIG'];
  const fromFile = file === undefined ? undefined : readConfigFile(file, environment, flags);
  const upstreams: Record<string, UpstreamOptions> = { ...fromFile?.upstreams };
  const command = commandUpstream(given.words, given.env ?? [], environment);
  if (command !== undefined) upstreams['default'] = command;
  const isNamed = Object.keys(upstreams).length > 0;
  if (!isNamed) Object.assign(upstreams, given.fallback);
  if (Object.keys(upstreams).length === 0) {
    const detail = 'there is no server to share: give its command after --, or a file with --config';
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
  }
  return {
    upstreams,
    isNamed,
    file,
    access: fromFile?.access ?? {},
    settings: { ...fromFile?.settings, ...settingsFromEnvironment(environment), ...flags },
    chat: fromFile?.chat ?? {},
    notes: (fromFile?.notes ?? []).map((note) => `${file}: ${note}`),
  };
}
