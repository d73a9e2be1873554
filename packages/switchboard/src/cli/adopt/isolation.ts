/** Who may share a server, by what is known of it. */
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Isolation } from '../../upstreams/member-key.ts';

export interface Suggestion {
  isolation: Isolation;
  because: string;
  /** Whether it makes no difference in which folder it runs. */
  isAnywhere: boolean;
}

const SERVICE = 'it only calls a service';
const NOTHING = 'it keeps nothing';

/** Names of packages and images, of which the first that is a word of the command counts. */
const KNOWN: readonly (readonly [name: RegExp, isolation: Isolation, because: string])[] = [
  [/^(?:@modelcontextprotocol\/server-|mcp-server-|mcp\/)memory$/, 'shared', 'all clients keep one memory'],
  [/^(?:@modelcontextprotocol\/server-|mcp-server-|mcp\/)(?:fetch|time)$/, 'shared', NOTHING],
  [
    /^(?:@modelcontextprotocol\/server-|mcp-server-|mcp\/)(?:github|gitlab|slack|brave-search|google-maps|sentry|postgres)$/,
    'shared',
    'it only calls a service',
  ],
  [/^(?:ghcr\.io\/github\/github-mcp-server|@notionhq\/notion-mcp-server)$/, 'shared', SERVICE],
  [/^(?:@upstash\/context7-mcp|tavily-mcp|exa-mcp-server|firecrawl-mcp|figma-developer-mcp)$/, 'shared', SERVICE],
  [/^(?:@modelcontextprotocol\/server-|mcp-server-|mcp\/)filesystem$/, 'session', 'each client names its own folders'],
  [/^(?:@modelcontextprotocol\/server-|mcp-server-|mcp\/)git$/, 'session', 'it works on the files of one client'],
  [
    /^(?:@modelcontextprotocol\/server-|mcp-server-|mcp\/)sequential-?thinking$/,
    'session',
    'it keeps the thoughts of one client',
  ],
  [
    /^(?:@playwright\/mcp|@executeautomation\/playwright-mcp-server|chrome-devtools-mcp|(?:@modelcontextprotocol\/server-)?puppeteer)$/,
    'session',
    'each client has its own browser',
  ],
  [/^(?:@modelcontextprotocol\/server-|mcp-server-)everything$/, 'session', 'it asks its client questions'],
];

const UNKNOWN: Suggestion = {
  isolation: 'session',
  because: 'nothing is known of it, so each client keeps its own',
  isAnywhere: false,
};

/** @param entry of an upstream */
export function suggestIsolation(entry: JsonObject): Suggestion {
  if (isObject(entry) && typeof entry['url'] === 'string') {
    return { isolation: 'session', because: 'a remote server: each client keeps its own session', isAnywhere: true };
  }
  const { command, args } = entry;
  const words = [command, ...(Array.isArray(args) ? args : [])].filter((word) => typeof word === 'string');
  for (const word of words) {
    const name = nameOf(word);
    const known = KNOWN.find(([pattern]) => pattern.test(name));
    if (known === undefined) continue;
    const [, isolation, because] = known;
    return { isolation, because, isAnywhere: because === SERVICE || because === NOTHING };
  }
  return UNKNOWN;
}

/** A word without a version, or the folders that a program lies in. */
function nameOf(word: string): string {
  const name = word.replace(/(?<=.)[@:][\w.^~-]+$/, '');
  if (!/[\\/]/.test(name) || /^@[\w.-]+\/[\w.-]+$/.test(name) || /^[\w.-]+(?:\/[\w.-]+)+$/.test(name)) return name;
  return name
    .split(/[\\/]/)
    .at(-1)!
    .replace(/\.(?:exe|cmd|js|mjs|py)$/, '');
}
