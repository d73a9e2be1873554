/**
 * Behaves as servers on the C# SDK do (`StreamableHttpHandler.cs`): every POST without a session opens one, also one that is then refused;
 * refusals are JSON-RPC errors without an id.
 */
import { randomUUID } from 'node:crypto';

import { resultOf } from '../../support/remote.ts';
import type { Visit } from '../../support/remote.ts';

const VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];

export function csharpServer(sessions: Set<string> = new Set()): (visit: Visit) => void {
  return (visit) => {
    const { headers, method, message } = visit;
    const [id, version = '2025-03-26'] = [headers['mcp-session-id'], headers['mcp-protocol-version']];
    const refuse = (status: number, code: number, text: string): void =>
      visit.json(status, { id: '', error: { code, message: text } }, { 'mcp-session-id': String(id ?? session) });
    if (method === 'DELETE') {
      sessions.delete(String(id));
      return visit.text(200);
    }
    if (typeof id === 'string' && !sessions.has(id)) return refuse(404, -32001, 'Session not found');
    const session = String(id ?? randomUUID());
    if (method === 'POST') sessions.add(session);
    if (!VERSIONS.includes(String(version))) {
      return refuse(
        400,
        -32000,
        `Bad Request: The MCP-Protocol-Version header value '${String(version)}' is not supported.`,
      );
    }
    if (method === 'GET') return id === undefined ? refuse(400, -32000, 'Bad Request') : void visit.stream();
    if (message.id === undefined) return visit.text(202, '', { 'mcp-session-id': session });
    const result = resultOf(message);
    const answer = result === undefined ? { error: { code: -32601, message: 'Method not found' } } : { result };
    const stream = visit.response.writeHead(200, { 'content-type': 'text/event-stream', 'mcp-session-id': session });
    stream.end(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer })}\n\n`);
  };
}
