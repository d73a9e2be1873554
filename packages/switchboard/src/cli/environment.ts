import { OPTION_NAMES } from '../gateway/options.ts';
import type { OptionName } from '../gateway/option.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';

/** The environment variable of an option: `maxConnections` is `SWITCHBOARD_MAX_CONNECTIONS`. */
export const variableFor = (option: string): string =>
  `SWITCHBOARD_${option.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** Names that options have in MCP servers with multi-client support; they count less than those of ours. */
export const ALIASES: Readonly<Partial<Record<OptionName, { variable: string; flag?: string }>>> = {
  transport: { variable: 'MCP_TRANSPORT' },
  host: { variable: 'MCP_HOST' },
  port: { variable: 'MCP_PORT' },
  maxConnections: { variable: 'MCP_MAX_CONNECTIONS' },
  maxMessageSize: { variable: 'MCP_MAX_MESSAGE_SIZE' },
  rateLimit: { variable: 'MCP_RATE_LIMIT' },
  tlsCert: { variable: 'SSL_CERT_PATH', flag: '--ssl-cert' },
  tlsKey: { variable: 'SSL_KEY_PATH', flag: '--ssl-key' },
};

export function settingsFromEnvironment(environment: NodeJS.ProcessEnv): JsonObject {
  const settings: JsonObject = {};
  for (const name of OPTION_NAMES) {
    const alias = ALIASES[name]?.variable;
    const value = environment[variableFor(name)] || (alias === undefined ? undefined : environment[alias]);
    if (value !== undefined && value !== '') settings[name] = value;
  }
  return settings;
}
