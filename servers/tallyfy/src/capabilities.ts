import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';

/** Whether the client can put a form before its user: a modern one says so in each request, a legacy one in its handshake. */
export function canAsk(server: McpServer, { mcpReq }: ServerContext): boolean {
  const envelope: Record<string, unknown> = mcpReq.envelope ?? {};
  const modern = envelope[CLIENT_CAPABILITIES_META_KEY] as ClientCapabilities | undefined;
  const { elicitation } = modern ?? server.server.getClientCapabilities() ?? {};
  // The capability without a mode means forms, as before there were modes.
  return elicitation !== undefined && (elicitation.form !== undefined || !('url' in elicitation));
}
