/** Clients of the SSE transport of 2024 that look for their event stream where the messages of Streamable HTTP go. */
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { describe, expect, it, onTestFinished } from 'vitest';

import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { SseWire } from '../support/sse.ts';
import { textOf } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const at = (test: TestGateway, path: string): string => new URL(path, test.http).href;
const codeOf = (body: string): unknown => (JSON.parse(body) as { error: { data: Json } }).error.data['code'];

describe('a client over SSE', () => {
  it.each([
    ['/mcp', 'SDK'],
    ['/mcp/default', 'wire'],
  ])('may look for its stream at %s, by the %s', async (path, by) => {
    const test = await startGateway({ upstreams, sse: true });
    if (by === 'wire') {
      const client = await SseWire.session(at(test, path));
      expect(textOf(await client.call(1, 'echo', { text: 'x' }))).toBe('x');
      expect(await client.endpoint()).toMatch(/^\/messages\?session=/);
      return;
    }
    const client = new ClientV1({ name: 'old', version: '1' });
    await client.connect(new SSEClientTransport(new URL(at(test, path))));
    onTestFinished(() => client.close());
    expect(await client.callTool({ name: 'echo', arguments: { text: 'x' } })).toMatchObject({
      content: [{ text: 'x' }],
    });
  });

  it('does not find it at /mcp where the transport is off, where a session is named, or where no stream is asked for', async () => {
    const accept = 'text/event-stream';
    const get = async (test: TestGateway, headers: Record<string, string>): Promise<unknown> =>
      codeOf((await http(test.http, { method: 'GET', headers })).body);
    expect(await get(await startGateway({ upstreams }), { accept })).toBe('SWB_SESSION_REQUIRED');
    const test = await startGateway({ upstreams, sse: true });
    expect(await get(test, { accept: 'application/json' })).toBe('SWB_SESSION_REQUIRED');
    expect(await get(test, { accept, 'mcp-session-id': 'none' })).toBe('SWB_SESSION_NOT_FOUND');
    expect(await get(test, { accept, 'last-event-id': '1-1' })).toBe('SWB_SESSION_REQUIRED');
    expect(test.gateway.stats.connections).toBe(0);
  });
});
