/** How Switchboard opens the conversation with legacy servers of other SDKs, which refuse versions that they do not know. */
import { describe, expect, it } from 'vitest';

import { startGateway } from '../support/gateway.ts';
import { remote } from '../support/remote.ts';
import { WireClient, textOf } from '../support/wire.ts';
import { csharpServer } from './servers/csharp-sdk.ts';
import { goServer } from './servers/go-sdk.ts';
import { pythonServer } from './servers/python-sdk.ts';

const KINDS = { Go: goServer, 'C#': csharpServer, Python: pythonServer };

describe.each(Object.entries(KINDS))('a legacy server on the %s SDK', (_, make) => {
  it('starts behind a shared upstream, which is asked for the modern era first', async () => {
    const sessions = new Set<string>();
    const server = await remote(make(sessions));
    const { ws, gateway } = await startGateway({ isolation: 'shared', upstreams: { default: { url: server.url } } });
    const client = await WireClient.session(ws);
    expect(textOf(await client.call(1, 'echo', { text: 'hello' }))).toBe('hello');
    const [initialize] = server.of('initialize');
    expect(initialize?.headers).not.toHaveProperty('mcp-protocol-version');
    expect(initialize?.headers).not.toHaveProperty('mcp-session-id');
    expect(server.of('tools/call')[0]?.headers['mcp-protocol-version']).toBe('2025-11-25');
    // A session that the question for the era has opened is ended.
    await expect.poll(() => sessions.size).toBe(1);
    await gateway.close();
    expect(sessions.size).toBe(0);
  });

  it('is asked for the modern era once, however often a member is started', async () => {
    const server = await remote(make());
    const test = await startGateway({
      isolation: 'principal',
      idleTimeout: '50ms',
      upstreams: { default: { url: server.url } },
    });
    for (const id of [1, 2, 3]) {
      const closed = test.nextEvent('member.closed');
      const client = await WireClient.session(test.ws);
      await client.call(id, 'echo');
      client.socket.close();
      await closed;
    }
    expect(server.of('initialize')).toHaveLength(3);
    expect(server.of('server/discover')).toHaveLength(1);
  });
});

describe('what is known of the era of a server', () => {
  it('is forgotten when the server calls itself otherwise', async () => {
    let version = '1';
    const server = await remote((visit) => {
      const { message, method } = visit;
      if (method !== 'POST') return visit.text(405);
      if (message.id === undefined) return visit.text(202);
      if (message.method === 'server/discover') return visit.text(400, 'what?');
      const serverInfo = { name: 'grows', version };
      const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo, content: [] };
      return visit.json(200, { id: message.id, result });
    });
    const test = await startGateway({
      isolation: 'principal',
      idleTimeout: '50ms',
      upstreams: { default: { url: server.url } },
    });
    const start = async (): Promise<void> => {
      const closed = test.nextEvent('member.closed');
      const client = await WireClient.session(test.ws);
      client.socket.close();
      await closed;
    };
    await start();
    await start();
    expect(server.of('server/discover')).toHaveLength(1);
    version = '2';
    await start();
    await start();
    expect(server.of('server/discover')).toHaveLength(2);
  });

  it('is not learned from a server that cannot answer now', async () => {
    let isUp = false;
    const server = await remote((visit) => {
      const { message, method } = visit;
      if (method !== 'POST') return visit.text(405);
      if (message.id === undefined) return visit.text(202);
      if (message.method === 'server/discover' && !isUp) return visit.text(503, 'starting');
      const handshakeResult = { supportedVersions: ['2026-07-28'], capabilities: {}, resultType: 'complete' };
      const legacy = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'both', version: '1' } };
      return visit.json(200, {
        id: message.id,
        result: message.method === 'server/discover' ? handshakeResult : legacy,
      });
    });
    const test = await startGateway({
      isolation: 'principal',
      idleTimeout: '50ms',
      upstreams: { default: { url: server.url } },
    });
    const eras: string[] = [];
    for (let i = 0; i < 2; i++) {
      const ready = test.nextEvent('member.ready');
      const closed = test.nextEvent('member.closed');
      const client = await WireClient.session(test.ws);
      eras.push((await ready).era);
      client.socket.close();
      await closed;
      isUp = true;
    }
    expect(eras).toEqual(['legacy', 'modern']);
  });
});
