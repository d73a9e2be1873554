/** Behaves as servers on the Go SDK do (`mcp/streamable.go`): refusals are plain text, and an unknown version is one of them. */
import { randomUUID } from 'node:crypto';

import { resultOf } from '../../support/remote.ts';
import type { Visit } from '../../support/remote.ts';

const VERSIONS = ['2025-06-18', '2025-03-26', '2024-11-05', '2025-11-25'];

export function goServer(sessions: Set<string> = new Set()): (visit: Visit) => void {
  return (visit) => {
    const { headers, method, message } = visit;
    const [id, version = '2025-03-26'] = [headers['mcp-session-id'], headers['mcp-protocol-version']];
    if (typeof id === 'string' && !sessions.has(id)) return visit.text(404, 'session not found\n');
    if (method === 'DELETE') {
      sessions.delete(String(id));
      return visit.text(204);
    }
    if (method === 'GET' && id === undefined) return visit.text(400, 'GET requires a session\n');
    if (method === 'GET') return void visit.stream();
    if (!VERSIONS.includes(String(version))) {
      return visit.text(400, `Bad Request: Unsupported protocol version (supported versions: ${VERSIONS.join(',')})\n`);
    }
    const session = String(id ?? randomUUID());
    sessions.add(session);
    if (message.id === undefined) return visit.text(202);
    const stream = visit.response.writeHead(200, { 'content-type': 'text/event-stream', 'mcp-session-id': session });
    const result = resultOf(message);
    const answer = result === undefined ? { error: { code: -32601, message: 'method not found' } } : { result };
    stream.end(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer })}\n\n`);
  };
}
