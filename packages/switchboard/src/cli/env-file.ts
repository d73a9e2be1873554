/** Variables for a server that stand in a file of their own, in the syntax of dotenv, as `envFile` of VS Code. */
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
  if (typeof envFile !== 'string' || !isObject(env)) {
    return { entry: without, problems: [{ path: ['envFile'], message: 'expected the path of a file' }] };
  }
  const path = resolve(dirname(config), envFile);
  try {
    return { entry: { ...without, env: { ...parseEnv(readFileSync(path, 'utf8')), ...env } }, problems: [] };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    return { entry: without, problems: [{ path: ['envFile'], message: `${path} cannot be read (${code})` }] };
  }
}
