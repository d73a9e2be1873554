/** How the eras of MCP look on the wire: what opens a conversation, and what every request carries. */
import { VERSION } from '../version.ts';

/** `echo` is no MCP: the target sends every frame back, which shows what the simulator itself can do. */
export type ClientEra = 'legacy' | 'modern' | 'echo';

export const VERSIONS: Readonly<Record<ClientEra, string>> = {
  legacy: '2025-11-25',
  modern: '2026-07-28',
  echo: '2025-11-25',
};

const INFO = { name: 'mcp-simulate', version: VERSION };
const CAPABILITIES = { elicitation: { form: {} }, sampling: {}, roots: {} };

export const INITIALIZE: string = JSON.stringify({
  protocolVersion: VERSIONS.legacy,
  capabilities: CAPABILITIES,
  clientInfo: INFO,
}).slice(1, -1);

/** The envelope of a modern request, as the inside of `_meta` (MCP 2026-07-28, Base Protocol, "Request metadata"). */
export const ENVELOPE: string = JSON.stringify({
  'io.modelcontextprotocol/protocolVersion': VERSIONS.modern,
  'io.modelcontextprotocol/clientInfo': INFO,
  'io.modelcontextprotocol/clientCapabilities': CAPABILITIES,
}).slice(1, -1);

export const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

/**
 * A request as text.
 *
 * @param body the inside of `params`, as JSON without its braces
 * @param progress whether progress notes are asked for; the token is the id, so that all clients use the same ones
 */
export function requestText(era: ClientEra, id: number, method: string, body: string, progress = false): string {
  const token = progress ? `"progressToken":${id}` : '';
  const inside = era === 'modern' ? `${ENVELOPE}${token && ','}${token}` : token;
  const meta = inside === '' ? '' : `"_meta":{${inside}}`;
  const params = body !== '' && meta !== '' ? `${body},${meta}` : body + meta;
  return `{"jsonrpc":"2.0","id":${id},"method":"${method}"${params === '' ? '' : `,"params":{${params}}`}}`;
}

export const notificationText = (method: string, params?: object): string =>
  JSON.stringify({ jsonrpc: '2.0', method, ...(params && { params }) });
