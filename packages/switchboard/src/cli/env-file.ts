/** Variables that stand in a file of their own, in the syntax of dotenv: for one server, as `envFile` of VS Code, or for a configuration. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseEnv } from 'node:util';

import type { Problem } from '../gateway/options.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import { omit } from '../util/omit.ts';

/**
 * The entry with the variables of its `envFile` in its `env`; what `env` says itself counts more. A path is relative to the
 * configuration file. No message repeats what is in the file.
 */
export function withEnvFile(entry: unknown, config: string): { entry: unknown; problems: Problem[] } {
  if (!isObject(entry) || entry['envFile'] === undefined) return { entry, problems: [] };
  const { envFile, env = {} } = entry;
  const without = omit(entry, 'envFile');
  if (!isObject(env))
    return { entry: without, problems: [{ path: ['envFile'], message: 'expected env to be an object' }] };
  const { variables, problems } = variablesOf(envFile, config);
  return { entry: { ...without, env: { ...variables, ...env } }, problems };
}

/**
 * The variables of a file. No message repeats what is in it.
 *
 * @param envFile its path, relative to the configuration file; undefined for no file.
 * @param text what is going to be in it. @default what is in it
 */
export function variablesOf(
  envFile: unknown,
  config: string,
  text?: string,
): { variables: Record<string, string>; problems: Problem[] } {
  if (envFile === undefined) return { variables: {}, problems: [] };
  const failed = (message: string) => ({ variables: {}, problems: [{ path: ['envFile'], message }] });
  if (typeof envFile !== 'string') return failed('expected the path of a file');
  const path = resolve(dirname(config), envFile);
  try {
    return { variables: parseEnv(text ?? readFileSync(path, 'utf8')) as Record<string, string>, problems: [] };
  } catch (error) {
    return failed(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`);
  }
}
