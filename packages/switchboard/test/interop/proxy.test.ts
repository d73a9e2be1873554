/** Remote servers behind a proxy of a company, as its variables name it. */
import { beforeAll, describe, expect, it } from 'vitest';

import { HttpClientChannel } from '../../src/transports/http/client.ts';
import { Tunnel, proxyFor } from '../../src/transports/proxy.ts';
import { checkedLookup } from '../../src/transports/safe-lookup.ts';
import type { FindAddresses } from '../../src/transports/safe-lookup.ts';
import { ClientToken } from '../../src/upstreams/client-token.ts';
import { TestAuthority } from '../support/certificates.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { startProxy } from '../support/proxy.ts';
import { plain, remote } from '../support/remote.ts';
import { WireClient, initializeParams, textOf } from '../support/wire.ts';

let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
  authority.save('far', await authority.issuer.server(['mcp.test'], 30));
});

const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() };

describe.each(['http', 'ws', 'https', 'wss'])('a server at %s:', (scheme) => {
  it('is reached through the proxy by its name, with the credentials of the variable, and no tunnel is left', async () => {
    const isSecure = scheme.endsWith('s') && scheme !== 'ws';
    const far = await startGateway({
      upstreams: { default: servers.scripted },
      allowedHosts: ['mcp.test'],
      ...(isSecure && authority.tls('far')),
    });
    const proxy = await startProxy();
    const variable = isSecure ? 'HTTPS_PROXY' : 'HTTP_PROXY';
    const near = await startGateway({
      upstreams: {
        default: {
          url: `${scheme}://mcp.test:${far.port}/mcp`,
          ...(isSecure && { tls: { ca: authority.path('ca.pem') } }),
        },
      },
      allowPrivateUpstreams: true,
      environment: { [variable]: proxy.url.replace('//', '//me:p%40ss@') },
    });
    const client = await WireClient.session(near.ws);
    expect(textOf(await client.call(1, 'echo', { text: 'far' }))).toBe('far');
    expect(new Set(proxy.targets)).toEqual(new Set([`mcp.test:${far.port}`]));
    expect(new Set(proxy.authorizations)).toEqual(new Set([`Basic ${Buffer.from('me:p@ss').toString('base64')}`]));
    await near.gateway.close();
    await expect.poll(() => proxy.open()).toBe(0);
  });
});

describe('a proxy', () => {
  it.each([403, 407, 502])('that answers %i is named in the error, without its password', async (status) => {
    const proxy = await startProxy(status);
    const { ws } = await startGateway({
      upstreams: { default: { url: 'http://mcp.test:81/mcp' } },
      allowPrivateUpstreams: true,
      environment: { http_proxy: proxy.url.replace('//', '//me:secret@') },
    });
    const client = await WireClient.open(ws);
    client.send(initialize);
    const { error } = (await client.answer(1)) as { error: { message: string } };
    expect(error.message).toContain(`the proxy ${proxy.url} refused CONNECT mcp.test:81 with ${status}`);
    expect(error.message).not.toContain('secret');
  });

  it('that is no URL is named by its variable alone', async () => {
    const { ws } = await startGateway({
      upstreams: { default: { url: 'http://mcp.test/mcp' } },
      environment: { HTTP_PROXY: 'socks5://me:secret@x' },
    });
    const client = await WireClient.open(ws);
    client.send(initialize);
    const { error } = (await client.answer(1)) as { error: { message: string } };
    expect(error.message).toContain('HTTP_PROXY is not the URL of an http or https proxy');
    expect(error.message).not.toContain('secret');
  });

  it('is asked for the address that was checked, not for the name, where addresses are checked', async () => {
    const server = await remote(plain);
    const proxy = await startProxy();
    const ask = async (address: string): Promise<string> => {
      const find: FindAddresses = (_host, _options, callback) => callback(null, [{ address, family: 4 }]);
      const tunnel = new Tunnel(new URL(proxy.url), checkedLookup(find));
      const url = new URL(`http://mcp.example.com:${server.port}/mcp`);
      const channel = new HttpClientChannel(url, { maxMessageBytes: 1e6, maxSockets: 4, tunnel });
      return new Promise((resolve) => {
        channel.start({
          onMessage: (message) => {
            resolve(JSON.stringify(message));
            channel.close();
          },
          onBadMessage: () => {},
          onClose: resolve,
        });
        channel.send({ jsonrpc: '2.0', id: 1, method: 'ping' });
      });
    };
    expect(await ask('93.184.216.34')).toContain('"result":{}');
    expect(server.visits[0]?.headers.host).toBe(`mcp.example.com:${server.port}`);
    expect(await ask('10.0.0.1')).toContain('10.0.0.1, which is not of the internet');
    expect(proxy.targets).toEqual([`93.184.216.34:${server.port}`]);
  });

  it('that alone can look a name up is not asked, and the error says which option allows it', async () => {
    const proxy = await startProxy();
    const { ws } = await startGateway({
      upstreams: { default: { url: 'http://mcp.example.invalid/mcp' } },
      environment: { HTTP_PROXY: proxy.url },
    });
    const client = await WireClient.open(ws);
    client.send(initialize);
    expect((await client.answer(1))['error']).toMatchObject({
      message: expect.stringContaining('set allowPrivateUpstreams to let the proxy look it up'),
    });
    expect(proxy.targets).toEqual([]);
  });

  it('leads to the authorization server of an upstream too', async () => {
    const token = await remote(
      (visit) => {
        const body = JSON.stringify({ access_token: 'a-token', token_type: 'Bearer' });
        visit.response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      },
      { form: true },
    );
    const proxy = await startProxy();
    const options = { tokenUrl: `http://auth.test:${token.port}/token`, clientId: 'a', clientSecret: 'b' };
    expect(await new ClientToken(options, { HTTP_PROXY: proxy.url }).header()).toBe('Bearer a-token');
    expect(proxy.targets).toEqual([`auth.test:${token.port}`]);
  });
});

describe('the variables', () => {
  const through = (url: string, environment: Record<string, string>): string | undefined =>
    proxyFor(new URL(url), environment)?.host;

  it('count by the scheme of the server, and in small letters more', () => {
    const both = { HTTP_PROXY: 'http://plain:1', HTTPS_PROXY: 'https://secure:2' };
    expect(through('http://a.example/', both)).toBe('plain:1');
    expect(through('ws://a.example/', both)).toBe('plain:1');
    expect(through('https://a.example/', both)).toBe('secure:2');
    expect(through('wss://a.example/', both)).toBe('secure:2');
    expect(through('https://a.example/', { ...both, https_proxy: 'lower:3' })).toBe('lower:3');
    expect(through('https://a.example/', { HTTP_PROXY: 'http://plain:1' })).toBeUndefined();
    expect(through('https://a.example/', {})).toBeUndefined();
  });

  it.each(['localhost', '127.0.0.1', '[::1]', 'a.localhost'])('never lead to this machine: %s', (host) => {
    expect(through(`http://${host}:8080/`, { HTTP_PROXY: 'proxy:1' })).toBeUndefined();
  });

  it.each<[string, string, boolean]>([
    ['a.example', 'a.example', true],
    ['x.a.example', 'a.example', true],
    ['xa.example', 'a.example', false],
    ['x.a.example', '.a.example', true],
    ['x.a.example', '*.a.example', true],
    ['A.Example', 'b.example, a.EXAMPLE', true],
    ['a.example', 'a.example:80', true],
    ['a.example', 'a.example:81', false],
    ['a.example', '*', true],
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['210.1.2.3', '10.1.2.3', false],
    ['[fd00::1]', 'fd00::/8', true],
    ['[fd00::1]', '[fd00::1]:80', true],
    ['a.example', '10.0.0.0/99,,', false],
  ])('reach %s directly with NO_PROXY=%s: %s', (host, noProxy, isDirect) => {
    expect(through(`http://${host}/`, { HTTP_PROXY: 'proxy:1', NO_PROXY: noProxy }) === undefined).toBe(isDirect);
  });
});
