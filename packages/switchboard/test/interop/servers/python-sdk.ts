/**
 * Behaves as servers on the Python SDK do (`streamable_http_manager.py`, `streamable_http.py`): a session that is unknown is answered with
 * 400 as plain text, or with 404 as JSON-RPC in newer versions; every POST without a session opens one.
 */
import { randomUUID } from 'node:crypto';

import { resultOf } from '../../support/remote.ts';
import type { Visit } from '../../support/remote.ts';

const VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];

export function pythonServer(
  sessions: Set<string> = new Set(),
  forgets: 'as-text' | 'as-json' = 'as-text',
): (visit: Visit) => void {
  return (visit) => {
    const { headers, method, message } = visit;
    const [id, version = '2025-03-26'] = [headers['mcp-session-id'], headers['mcp-protocol-version']];
    const session = String(id ?? randomUUID());
    const refuse = (status: number, text: string): void =>
      visit.json(status, { id: null, error: { code: -32600, message: text } }, { 'mcp-session-id': session });
    if (typeof id === 'string' && !sessions.has(id)) {
      if (forgets === 'as-json') return refuse(404, 'Session not found');
      return visit.text(400, 'Bad Request: No valid session ID provided');
    }
    sessions.add(session);
    if (!VERSIONS.includes(String(version))) {
      return refuse(400, `Bad Request: Unsupported protocol version: ${String(version)}.`);
    }
    if (method === 'DELETE') {
      sessions.delete(session);
      return visit.text(200);
    }
    if (method === 'GET') return void visit.stream();
    if (message.id === undefined) return visit.text(202, '', { 'mcp-session-id': session });
    const result = resultOf(message);
    const answer =
      result === undefined ? { error: { code: -32602, message: 'Invalid request parameters' } } : { result };
    visit.json(200, { id: message.id, ...answer }, { 'mcp-session-id': session });
  };
}
