/** Other people's clients with a certificate of theirs: `ws` and the SDK of both generations, against mutual TLS. */
import { beforeAll, describe, expect, it } from 'vitest';

import { TestAuthority } from '../support/certificates.ts';
import { connectClient, flavours } from '../support/clients.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { fetchOver } from '../support/https.ts';
import { WireClient, initializeParams, textOf } from '../support/wire.ts';

/** What a client shows, and whom it trusts. */
interface Shown {
  ca: string;
  cert?: string;
  key?: string;
}
/** Opens a session, or what the modern era has for one, and calls a tool. @returns what the tool answered. */
type Use = (test: TestGateway, tls: Shown) => Promise<string>;

const clients: [string, Use][] = [
  [
    'ws',
    async ({ ws }, tls) => {
      const client = await WireClient.open(ws, { ...tls });
      client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
      await client.answer(0);
      client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
      return textOf(await client.call(1, 'echo', { text: 'hello' }));
    },
  ],
  ...flavours.map((flavour): [string, Use] => [
    flavour,
    async (test, tls) => {
      const client = await connectClient(flavour, 'http', test, { fetch: fetchOver(tls) });
      return textOf({ result: await client.callTool({ name: 'echo', arguments: { text: 'hello' } }) });
    },
  ]),
];

let authority: TestAuthority;
let alice: Shown;
/** Each with what the server has against it. */
let wrong: [Shown, string][];
beforeAll(async () => {
  authority = await TestAuthority.create();
  alice = await authority.client('alice@example.com');
  const stranger = await TestAuthority.create();
  const revoked = await authority.client('alice@example.com');
  authority.write('revoked.pem', await authority.issuer.revoke([revoked.cert]));
  wrong = [
    [{ ca: authority.ca }, 'peer did not return a certificate'],
    [await authority.client('alice@example.com', -1), 'CERT_HAS_EXPIRED'],
    [{ ...(await stranger.client('alice@example.com')), ca: authority.ca }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [revoked, 'CERT_REVOKED'],
  ];
});

const start = (): Promise<TestGateway> =>
  startGateway({
    upstreams: { default: servers.demo },
    ...authority.tls(),
    tlsClientCa: authority.path('ca.pem'),
    tlsClientCrl: authority.path('revoked.pem'),
  });

describe.each(clients)('%s', (_, use) => {
  it('comes in with its certificate, and is the principal that this was made out to', async () => {
    const test = await start();
    expect(await use(test, alice)).toBe('hello');
    const called = test.events.filter((event) => event.type === 'request.ended' && event.method === 'tools/call');
    expect(called).toMatchObject([{ principal: 'email:alice@example.com', outcome: 'ok' }]);
    const principals = test.events.flatMap((event) => ('principal' in event ? [event.principal] : []));
    expect(new Set(principals)).toEqual(new Set(['email:alice@example.com']));
  });

  it('gets no further than the handshake without one, or with one that has ended, is of another authority or was revoked', async () => {
    const test = await start();
    const refused = (): string[] =>
      test.events.flatMap((event) =>
        event.type === 'connection.refused' ? [`${event.code} ${event.address}: ${event.detail}`] : [],
      );
    for (const [tls] of wrong)
      await expect(use(test, tls)).rejects.toThrow(/certificate required|hang up|ECONNRESET|EPIPE/);
    await expect
      .poll(refused)
      .toEqual(wrong.map(([, why]) => expect.stringMatching(`^SWB_TLS_REFUSED 127.0.0.1: .*${why}`)));
    const told = new Set(test.events.map(({ type }) => type));
    expect(told).toEqual(new Set(['certificate.loaded', 'listening', 'connection.refused']));
  });
});
