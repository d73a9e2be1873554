/** Protocol versions that only some servers know, and the ways in which clients say what they take. */
import { describe, expect, it } from 'vitest';

import { startGateway } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { plain, remote, resultOf } from '../support/remote.ts';
import { initializeParams, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const initialize: Json = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };

/** Answers every `initialize` with 2024-10-07, as servers on the first SDKs do. */
const oldServer = () =>
  remote((visit) => {
    const { message } = visit;
    if (message.method !== 'initialize') return plain(visit);
    return visit.json(200, { id: message.id, result: resultOf(message, '2024-10-07') });
  });

describe.each(['session', 'shared'] as const)(
  'with isolation %s, the version 2024-10-07 that a server chose',
  (isolation) => {
    it('is taken in the header of the client, and sent to the server', async () => {
      const server = await oldServer();
      const test = await startGateway({ isolation, upstreams: { default: { url: server.url, era: 'legacy' } } });
      const opened = await http(test.http, { body: initialize });
      const version = (JSON.parse(opened.body) as { result: { protocolVersion: string } }).result.protocolVersion;
      expect(version).toBe('2024-10-07');
      const session = { 'mcp-session-id': String(opened.headers['mcp-session-id']) };
      const call = (headers: Record<string, string>): Promise<HttpAnswer> =>
        http(test.http, { headers: { ...session, ...headers }, body: toolCall(1, 'echo', { text: 'old' }) });
      expect((await call({ 'mcp-protocol-version': version })).body).toContain('"old"');
      expect(server.of('tools/call')[0]?.headers['mcp-protocol-version']).toBe('2024-10-07');
      const refused = await call({ 'mcp-protocol-version': '2024-10-08' });
      expect([refused.status, refused.body]).toEqual([
        400,
        expect.stringContaining('this session negotiated \\"2024-10-07\\"'),
      ]);
    });
  },
);

describe('a client over HTTP', () => {
  it.each([
    ['application/json, text/event-stream', 200],
    ['application/*, text/event-stream', 200],
    ['application/json, text/*', 200],
    ['APPLICATION/JSON;q=0.9,Text/Event-Stream;q=0.8', 200],
    ['*/*', 200],
    ['text/html, */*;q=0.1', 200],
    ['application/json', 406],
    ['text/*', 406],
    ['text/html', 406],
    ['*/*, text/event-stream;q=0', 406],
    ['application/jsonx, text/event-streams', 406],
  ])('that takes %s is answered with %i, as it must take JSON and event streams', async (accept, status) => {
    const server = await remote(plain);
    const test = await startGateway({ upstreams: { default: { url: server.url, era: 'legacy' } } });
    expect((await http(test.http, { headers: { accept }, body: initialize })).status).toBe(status);
  });

  it.each([['text/*'], ['text/event-stream;charset=utf-8'], ['*/*']])(
    'may ask for its stream with %s',
    async (accept) => {
      const server = await remote(plain);
      const test = await startGateway({ upstreams: { default: { url: server.url, era: 'legacy' } } });
      const opened = await http(test.http, { body: initialize });
      const { status, destroy } = await stream(test.http, {
        headers: { accept, 'mcp-session-id': String(opened.headers['mcp-session-id']) },
      });
      destroy();
      expect(status).toBe(200);
    },
  );
});
