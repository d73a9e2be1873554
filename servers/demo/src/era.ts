import type { McpServer } from '@modelcontextprotocol/server';

const FIRST_MODERN_VERSION = '2026-07-28';

export interface Protocol {
  era: 'legacy' | 'modern';
  /** The version agreed on; versions are dates, so they sort as text. */
  version: string;
}

/** What the server and its client speak, or undefined before they have agreed. */
export function protocolOf(server: McpServer): Protocol | undefined {
  const version = server.server.getNegotiatedProtocolVersion();
  if (version === undefined) return undefined;
  return { era: version < FIRST_MODERN_VERSION ? 'legacy' : 'modern', version };
}
