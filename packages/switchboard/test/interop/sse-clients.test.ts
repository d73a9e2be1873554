/** Clients over the SSE transport of 2024 that ask for the modern era first. */
import { Client, SSEClientTransport } from '@modelcontextprotocol/client';
import { describe, expect, it, onTestFinished } from 'vitest';

import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { SseWire } from '../support/sse.ts';
import { envelope, textOf } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const at = (test: TestGateway): string => new URL('/sse', test.http).href;

describe('a client over SSE', () => {
  it('hears on its stream that the modern era is not spoken, and goes on', async () => {
    const test = await startGateway({ upstreams, sse: true });
    const client = await SseWire.session(at(test));
    const discover = { jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: envelope() } };
    expect((await client.post(discover)).status).toBe(202);
    expect((await client.answer(1))['error']).toMatchObject({
      code: -32022,
      data: { code: 'SWB_UNSUPPORTED_VERSION', supported: expect.arrayContaining(['2025-11-25']) },
    });
    expect(textOf(await client.call(2, 'echo', { text: 'fine' }))).toBe('fine');
  });

  it('may be on the official SDK in the mode that asks for the modern era first', async () => {
    const test = await startGateway({ upstreams, sse: true });
    const client = new Client({ name: 'auto', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new SSEClientTransport(new URL(at(test))));
    onTestFinished(() => client.close());
    const result = await client.callTool({ name: 'echo', arguments: { text: 'auto' } });
    expect(textOf({ result })).toBe('auto');
  });
});
