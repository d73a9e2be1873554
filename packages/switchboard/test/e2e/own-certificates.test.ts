/** Our own clients with a certificate of theirs, against mutual TLS: the library, and a Switchboard whose upstream is another one. */
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { connect } from '../../src/client.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { readClientTls } from '../../src/transports/tls/client-tls.ts';
import type { ClientTlsFiles } from '../../src/transports/tls/client-tls.ts';
import { TestAuthority } from '../support/certificates.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { WireClient, textOf } from '../support/wire.ts';

let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
  for (const name of ['alice', 'bob']) authority.save(name, await authority.issuer.client(name, 30));
  authority.write('ca.pem', authority.ca);
});

const filesOf = (name: string): Required<ClientTlsFiles> => ({
  cert: authority.path(`${name}.pem`),
  key: authority.path(`${name}-key.pem`),
  ca: authority.path('ca.pem'),
});
const start = (): Promise<TestGateway> =>
  startGateway({
    upstreams: { default: servers.demo },
    sse: true,
    ...authority.tls(),
    tlsClientCa: authority.path('ca.pem'),
  });
const principals = ({ events }: TestGateway): string[] =>
  events.flatMap((event) =>
    event.type === 'request.ended' && event.method === 'tools/call' ? [event.principal ?? ''] : [],
  );

describe.each(['ws', 'http'] as const)('connect() of the library, by %s', (scheme) => {
  it('shows the certificate, and trusts the authority', async () => {
    const test = await start();
    const client = await connect(test[scheme], { tls: readClientTls(filesOf('alice')) });
    onTestFinished(() => client.close());
    expect(textOf({ result: await client.callTool({ name: 'echo', arguments: { text: 'hello' } }) })).toBe('hello');
    expect(principals(test)).toEqual(['cn:alice']);
  });

  it('gets no further without one, and does not trust an authority that it was not told of', async () => {
    const test = await start();
    const { cert, key, ca } = filesOf('alice');
    await expect(connect(test[scheme], { tls: readClientTls({ ca }), giveUpAfterMs: 0 })).rejects.toThrow();
    await expect(connect(test[scheme], { tls: readClientTls({ cert, key }), giveUpAfterMs: 0 })).rejects.toThrow();
    expect(test.events).not.toContainEqual(expect.objectContaining({ type: 'session.opened' }));
  });
});

describe('an upstream with mutual TLS', () => {
  it.each(['ws', 'http', 'sse'] as const)('is shown the certificate, by %s', async (scheme) => {
    const far = await start();
    const url = scheme === 'sse' ? far.http.replace('/mcp', '/sse') : far[scheme];
    const options = { url, tls: filesOf('alice'), ...(scheme === 'sse' && { sse: true }) };
    const near = await startGateway({ sse: true, upstreams: { default: options } });
    const client = await WireClient.session(near.ws);
    expect(textOf(await client.call(1, 'echo', { text: 'through both' }))).toBe('through both');
    expect(principals(far)).toEqual(['cn:alice']);
  });

  it('is shown the new one after the files were replaced', async () => {
    const far = await start();
    authority.save('changing', await authority.issuer.client('before', 30));
    const near = await startGateway({ upstreams: { default: { url: far.http, tls: filesOf('changing') } } });
    const first = await WireClient.session(near.ws);
    await first.call(1, 'echo', { text: 'a' });
    authority.save('changing', await authority.issuer.client('after', 30));
    const second = await WireClient.session(near.ws);
    await second.call(1, 'echo', { text: 'b' });
    expect(principals(far)).toEqual(['cn:before', 'cn:after']);
  });

  it('is unavailable with the reason while the files cannot be used, and there again with good ones', async () => {
    const far = await start();
    authority.save('late', await authority.issuer.client('late', 30));
    const good = authority.read('late-key.pem');
    authority.write('late-key.pem', 'none');
    const near = await startGateway({ upstreams: { default: { url: far.http, tls: filesOf('late') } } });
    const failed = near.nextEvent('member.failed');
    const early = WireClient.session(near.ws);
    expect((await failed).reason).toMatch(/key \S*late-key\.pem: /);
    authority.write('late-key.pem', good);
    await early;
    await expect
      .poll(async () => (await (await WireClient.session(near.ws)).call(1, 'echo', { text: 'good' }))['result'], {
        timeout: 20_000,
      })
      .toBeDefined();
  });
});

describe('what cannot be used', () => {
  const wrong =
    (files: ClientTlsFiles): (() => unknown) =>
    () =>
      readClientTls(files);

  it('is named with its file', () => {
    const [alice, bob] = [filesOf('alice'), filesOf('bob')];
    expect(wrong({ ca: '/no/such.pem' })).toThrow(/ca \/no\/such\.pem: ENOENT/);
    expect(wrong({ cert: alice.key, key: alice.key })).toThrow(/cert \S*alice-key\.pem: /);
    expect(wrong({ cert: alice.cert, key: alice.cert })).toThrow(/key \S*alice\.pem: /);
    expect(wrong({ cert: alice.cert })).toThrow(/give both/);
    expect(wrong({ cert: alice.cert, key: bob.key })).toThrow(
      /key \S*bob-key\.pem: it is not the key of the certificate in \S*alice\.pem/,
    );
    expect(wrong({ ca: alice.key })).toThrow(/ca \S*alice-key\.pem: /);
  });

  it('is refused at the start where the configuration tells it already', () => {
    const given =
      (upstream: object): (() => unknown) =>
      () =>
        createGateway({ upstreams: { far: upstream as { url: string } } });
    const { cert, key } = filesOf('alice');
    expect(given({ url: 'https://localhost/mcp', tls: { cert } })).toThrow(/far\.tls.*give both/);
    expect(given({ url: 'http://localhost/mcp', tls: { cert, key } })).toThrow(/far\.tls.*https or wss/);
    expect(given({ url: 'https://localhost/mcp', tls: { certificate: cert } })).toThrow(/certificate/);
  });
});
