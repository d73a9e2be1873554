/** Clients that behave as those on other SDKs and older versions do, over HTTP by hand. */
import { describe, expect, it } from 'vitest';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import type { Json } from '../support/wire.ts';

interface Kind {
  /** The version that it names in `initialize`. */
  version: string;
  /** Headers of every POST. */
  headers: Record<string, string>;
  /** Whether it repeats the negotiated version in a header. */
  namesVersion: boolean;
  /** Whether it opens the GET stream before it says that it is initialized. */
  listensFirst?: boolean;
  /** Whether it ends its session. */
  saysGoodbye: boolean;
}

const KINDS: Record<string, Kind> = {
  'the TypeScript SDK 1.10, which knows no version header': {
    version: '2025-03-26',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    namesVersion: false,
    saysGoodbye: false,
  },
  'the Python SDK, which asks for JSON with a charset': {
    version: '2025-06-18',
    headers: { 'content-type': 'application/json; charset=utf-8', accept: 'application/json, text/event-stream' },
    namesVersion: true,
    saysGoodbye: true,
  },
  'the Go SDK, which listens before it is initialized': {
    version: '2025-11-25',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    namesVersion: true,
    listensFirst: true,
    saysGoodbye: true,
  },
  'the Java SDK, which lists the stream first and asks for an upgrade to HTTP/2': {
    version: '2025-03-26',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream, application/json',
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
    },
    namesVersion: false,
    saysGoodbye: true,
  },
  'a client that takes anything': {
    version: '2024-11-05',
    headers: { 'content-type': 'Application/JSON', accept: '*/*' },
    namesVersion: false,
    saysGoodbye: false,
  },
};

/** What an answer says, as JSON or as the last event of a stream. */
function messageOf(body: string): Json {
  const last = [...body.matchAll(/^data: (.+)$/gm)].at(-1)?.[1];
  return JSON.parse(last ?? body) as Json;
}

describe.each(Object.entries(KINDS))('a client that behaves as %s', (_, kind) => {
  it('opens a session, lists and calls tools, and leaves nothing behind', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted }, idleTimeout: '1s' });
    const { headers, version } = kind;
    const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: 'old', version: '1' } };
    const opened = await http(test.http, { headers, body: { jsonrpc: '2.0', id: 0, method: 'initialize', params } });
    const { protocolVersion } = messageOf(opened.body)['result'] as { protocolVersion: string };
    expect(protocolVersion).toBe(version);
    const session: Record<string, string> = {
      ...headers,
      'mcp-session-id': String(opened.headers['mcp-session-id']),
      ...(kind.namesVersion && { 'mcp-protocol-version': protocolVersion }),
    };
    const { 'content-type': _type, ...rest } = session;
    const listen = () => stream(test.http, { headers: { ...rest, accept: 'text/event-stream' } });
    const early = kind.listensFirst === true ? await listen() : undefined;
    const noted = await http(test.http, {
      headers: session,
      body: { jsonrpc: '2.0', method: 'notifications/initialized' },
    });
    expect(noted.status).toBe(202);
    const events = early ?? (await listen());
    expect(events.status).toBe(200);
    const ask = async (id: number, method: string, more: Json = {}): Promise<Json> =>
      messageOf((await http(test.http, { headers: session, body: { jsonrpc: '2.0', id, method, params: more } })).body);
    expect(await ask(1, 'tools/list')).toMatchObject({ id: 1, result: { tools: expect.any(Array) } });
    const called = await ask(2, 'tools/call', { name: 'echo', arguments: { text: 'hello' } });
    expect(called).toMatchObject({ id: 2, result: { content: [{ text: 'hello' }] } });
    if (kind.saysGoodbye) {
      expect((await http(test.http, { method: 'DELETE', headers: rest })).status).toBe(204);
      await events.closed;
    } else events.destroy();
    await expectEmpty(test);
  });
});
