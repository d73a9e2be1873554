import { OPTION_NAMES } from '../gateway/options.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';

/** The environment variable of an option: `maxConnections` is `SWITCHBOARD_MAX_CONNECTIONS`. */
export const variableFor = (option: string): string =>
  `SWITCHBOARD_${option.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

export function settingsFromEnvironment(environment: NodeJS.ProcessEnv): JsonObject {
  const settings: JsonObject = {};
  for (const name of OPTION_NAMES) {
    const value = environment[variableFor(name)];
    if (value !== undefined && value !== '') settings[name] = value;
  }
  return settings;
}
