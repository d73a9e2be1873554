/** What a command serves and how: from its words, its flags, the environment and the configuration file. */
import { delimiter } from 'node:path';
import type { Command } from 'commander';

import type { AccessOptions } from '../gateway/access-options.ts';
import type { UpstreamOptions } from '../gateway/upstream-options.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isRedisUrl } from '../stores/redis-url.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { checkCommand, commandUpstream } from './command-upstream.ts';
import { readConfigFiles } from './config.ts';
import { settingsFromEnvironment } from './environment.ts';
import { usageError } from './exit.ts';
import { originsOf } from './origins.ts';

export interface Sources {
  upstreams: Record<string, UpstreamOptions>;
  /** Whether they were named, and are no fallback. */
  isNamed: boolean;
  settings: JsonObject;
  /** Authentication and permissions. */
  access: AccessOptions;
  /** The configuration files, in their order. */
  files: readonly string[];
  /** Where the values of settings come from. */
  origins: Record<string, string>;
  /** The block of this name in the file. */
  chat: JsonObject;
  /** Names of servers that are switched off in the files. */
  disabled: readonly string[];
  /** What was left alone in the file, in sentences. */
  notes: string[];
}

/**
 * A flag counts more than the environment, and that more than the file.
 *
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID` for what is wrong in the file, `SWB_USAGE` when no server is named, and
 * `SWB_COMMAND_NOT_FOUND` when the command line names a program that is not there.
 */
export function readSources(given: {
  /** The command of a server. */
  words: readonly string[];
  /** The values of `--env`, for that server. */
  env?: readonly string[] | undefined;
  /** The values of `--config`. */
  config: readonly string[];
  flags: JsonObject;
  environment: NodeJS.ProcessEnv;
  /** What is served where nothing else is named. @default nothing, which is an error */
  fallback?: Record<string, UpstreamOptions>;
}): Sources {
  const { flags, environment } = given;
  const files = configFiles(given.config, environment);
  const { settings, upstreams, access, chat, disabled, notes } = readConfigFiles(files, environment, flags);
  const command = commandUpstream(given.words, given.env ?? [], environment);
  if (command !== undefined) {
    checkCommand(command, environment);
    upstreams['default'] = command;
  }
  const isNamed = Object.keys(upstreams).length > 0;
  const said = { ...settings, ...settingsFromEnvironment(environment), ...flags };
  if (!isNamed) Object.assign(upstreams, given.fallback);
  if (Object.keys(upstreams).length === 0) {
    if (files.length === 0) {
      throw usageError('there is no server to share: give its command after --, or a file with --config');
    }
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: noServer(files, disabled) });
  }
  return {
    upstreams,
    isNamed,
    files,
    access,
    settings: said,
    origins: originsOf({ flags, environment, settings, files }),
    chat,
    disabled,
    notes: [...notes, ...aloneWith(said)],
  };
}

/** Whoever names a Redis often means several processes. */
function aloneWith({ store, peerListen = '', clusterKey = '', clusterKeyFile = '' }: JsonObject): string[] {
  if (typeof store !== 'string' || !isRedisUrl(store) || peerListen !== '') return [];
  const alone = 'this process has its Redis for itself, as there is no peerListen; a second one does not start';
  if (clusterKey !== '' || clusterKeyFile !== '') return [alone];
  return [`${alone}. Whoever can write there can change sessions: set SWITCHBOARD_CLUSTER_KEY to prevent that`];
}

/** The files that `--config` names; without any, those of `SWITCHBOARD_CONFIG`. */
export function configFiles(given: readonly string[], environment: NodeJS.ProcessEnv): readonly string[] {
  if (given.length > 0) return given;
  return (environment['SWITCHBOARD_CONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
}

/** Adds the flag `--config`, which may be repeated. */
export const withConfigFlag = (command: Command, what: string): Command =>
  command.option('--config <file>', what, (each: string, all: string[]) => [...all, each], []);

function noServer(files: readonly string[], disabled: readonly string[]): string {
  const where = files.join(', ');
  if (disabled.length === 0)
    return `there is no server in ${where}: add one to "mcpServers", or give a command after --`;
  return `every server in ${where} is disabled: ${disabled.join(', ')}; enable one, or give a command after --`;
}
