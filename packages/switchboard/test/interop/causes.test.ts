/** Why an address cannot be used, in words: for the library, and for remote upstreams. */
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';

import { WebSocketClientTransport, connect } from '../../src/client.ts';
import type { ConnectionState } from '../../src/client.ts';
import { TestAuthority } from '../support/certificates.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { testKeys } from '../support/keys.ts';
import { remote } from '../support/remote.ts';
import { WireClient, initializeParams } from '../support/wire.ts';

let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
  authority.save('here', await authority.issuer.server(['localhost', '127.0.0.1'], 30));
});

/** A port that was open a moment ago. */
async function closedPort(): Promise<number> {
  const { server, port } = await remote((visit) => visit.text(404));
  server.close();
  await once(server, 'close');
  return port;
}

/** Ways to a server that cannot be gone: the address, and what is said of it. */
const WAYS: [string, (scheme: 'http' | 'ws') => Promise<string>, string][] = [
  [
    'a port where nobody listens',
    async (scheme) => `${scheme}://127.0.0.1:${await closedPort()}/mcp`,
    'nothing listens at this port (ECONNREFUSED)',
  ],
  ['a name that nobody has', async (scheme) => `${scheme}://nobody.invalid/mcp`, 'no host has this name (ENOTFOUND)'],
  [
    'TLS where there is none',
    async (scheme) => {
      const { port } = await remote((visit) => visit.text(404));
      return `${scheme}s://127.0.0.1:${port}/mcp`;
    },
    'the server speaks no TLS there; the address begins with http or ws',
  ],
  [
    'a certificate of an unknown authority',
    async (scheme) => {
      const { port } = await startGateway({ upstreams: { default: servers.scripted }, ...authority.tls('here') });
      return `${scheme}s://localhost:${port}/mcp`;
    },
    'its certificate is not from a known authority; give the file of the authority with --ca',
  ],
  [
    'a server that wants a key',
    async (scheme) => {
      const keys = testKeys();
      keys.add('ann');
      const { port } = await startGateway({ upstreams: { default: servers.scripted }, keysFile: keys.path });
      return `${scheme}://127.0.0.1:${port}/mcp`;
    },
    'HTTP status 401',
  ],
  [
    'a path where nothing is',
    async (scheme) => {
      const { port } = await remote((visit) => visit.text(404, 'nothing here'));
      return `${scheme}://127.0.0.1:${port}/api`;
    },
    'no MCP server at this path',
  ],
];

describe.each(['http', 'ws'] as const)('over %s,', (scheme) => {
  it.each(WAYS)('the library says what is wrong with %s', async (_, way, said) => {
    const url = await way(scheme);
    const error = await connect(url).then(
      () => new Error('it connected'),
      (thrown: Error) => thrown,
    );
    expect(error.message).toContain(`${url}: `);
    expect(error.message).toContain(said);
  });

  it.each(WAYS)('an upstream that is %s is refused with the cause', async (_, way, said) => {
    const url = await way(scheme);
    const test = await startGateway({ upstreams: { far: { url } } });
    const client = await WireClient.open(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    const answer = JSON.stringify(await client.answer(1));
    expect(answer).toContain(`${url}: `);
    expect(answer).toContain(said);
  });
});

describe('an upstream that refuses the key', () => {
  it.each(['http', 'ws'])('over %s is not tried again until somebody asks', async (scheme) => {
    const far = await remote((visit) => visit.text(401));
    let tries = 0;
    far.server.on('upgrade', (_request, socket) => {
      tries++;
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    });
    const url = `${scheme}://127.0.0.1:${far.port}/mcp`;
    const test = await startGateway({
      upstreams: { far: { url } },
      crashLimit: 1,
      crashPause: '50ms',
      isolation: 'shared',
    });
    const ask = async (id: number): Promise<string> => {
      const client = await WireClient.open(test.ws);
      client.send({ jsonrpc: '2.0', id, method: 'initialize', params: initializeParams() });
      return JSON.stringify(await client.answer(id));
    };
    expect(await ask(1)).toContain('HTTP status 401');
    const before = tries + far.visits.length;
    await expect
      .poll(() => Date.now() - (test.gateway.pool('far')?.failing?.nextTryAt ?? Infinity))
      .toBeGreaterThan(200);
    expect(tries + far.visits.length).toBe(before);
    expect(await ask(2)).toContain('HTTP status 401');
    expect(test.gateway.pool('far')?.failing?.reason).toContain(`${url}: HTTP status 401`);
  });
});

describe('a key that is revoked while a client of the library is connected', () => {
  it('is not tried again, and the state says so', async () => {
    const keys = testKeys();
    const token = keys.add('ann');
    keys.add('bob');
    const test = await startGateway({ upstreams: { default: servers.scripted }, keysFile: keys.path });
    const transport = new WebSocketClientTransport(test.ws, { token });
    const states: ConnectionState[] = [];
    await transport.start();
    await transport.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    keys.revoke('ann');
    for await (const state of transport.states) states.push(state);
    const last = states.at(-1)!;
    expect(last).toMatchObject({ state: 'closed', code: 3000, reason: expect.stringContaining('HTTP status 401') });
    expect(last).toMatchObject({ reason: expect.stringContaining('not tried again') });
    const refused = test.events.filter(({ type }) => type === 'connection.refused');
    expect(refused.length).toBeLessThan(3);
  });
});
