/** Remote servers whose address is not what it seems: nothing on the inside is asked in their place. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { checkedLookup, refusedAddress } from '../../src/transports/safe-lookup.ts';
import type { FindAddresses } from '../../src/transports/safe-lookup.ts';
import { connectWebSocket, CLIENT_DEFAULTS } from '../../src/transports/websocket/client.ts';
import { startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { initializeParams } from '../support/wire.ts';

const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() };

/** Answers with one list of addresses after the other. */
const finds = (...answers: string[][]): FindAddresses => {
  let asked = 0;
  return (_host, _options, callback) => {
    const found = answers[Math.min(asked++, answers.length - 1)] ?? [];
    callback(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
};

describe('an address', () => {
  it.each([
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[fe80::1]',
    '0.0.0.0',
    '[::]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b::169.254.169.254]',
    '[2002:a9fe:a9fe::1]',
    '[::169.254.169.254]',
    '[fd00:ec2::254]',
    '100.100.100.200',
  ])('where clouds keep their secrets is refused in every spelling: %s', async (host) => {
    for (const scheme of ['http', 'ws']) {
      const { http: url } = await startGateway({ upstreams: { default: { url: `${scheme}://${host}/mcp` } } });
      const { body } = await http(url, { body: initialize });
      expect(body).toContain('allowPrivateUpstreams');
    }
  });

  it('on the inside may be meant by who writes it or an inner name, and not by a name of the internet', () => {
    for (const address of [
      '127.0.0.1',
      '::1',
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.1',
      '100.64.0.1',
      'fd00::1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::127.0.0.1',
      '64:ff9b::10.0.0.1',
      '64:ff9b:1::1',
      '2002:c0a8:101::1',
      'fec0::1',
    ]) {
      for (const host of [address, 'localhost', 'db', 'mcp.local', 'mcp.default.svc.cluster.local']) {
        expect(refusedAddress(host, address), `${host} ${address}`).toBeUndefined();
      }
      expect(refusedAddress('mcp.example.com', address), address).toContain(address);
    }
    for (const address of [
      '93.184.216.34',
      '2606:2800:220:1::1',
      '172.32.0.1',
      '64:ff9b::5db8:d822',
      '2002:5db8:d822::1',
    ]) {
      expect(refusedAddress('mcp.example.com', address)).toBeUndefined();
    }
    expect(refusedAddress('localhost', '169.254.169.254')).toBeDefined();
  });
});

describe('a name of the internet that stands for this machine', () => {
  it('is not connected to, and the canary gets no hit: at once, beside another address, or at the second connection', async () => {
    const hits: string[] = [];
    const canary = createServer((incoming, response) => {
      hits.push(incoming.url ?? '');
      response.end();
    }).listen(0, '127.0.0.1');
    await once(canary, 'listening');
    onTestFinished(() => void canary.close());
    const { port } = canary.address() as AddressInfo;
    const ask = async (find: FindAddresses, host = 'mcp.example.com'): Promise<string> => {
      const sent = request({ host, port, lookup: checkedLookup(find), agent: false, path: '/canary' }).end();
      return Promise.race([
        once(sent, 'error').then(([error]) => (error as Error).message),
        once(sent, 'response').then(
          () => 'answered',
          (error: Error) => error.message,
        ),
      ]);
    };
    expect(await ask(finds(['127.0.0.1']))).toContain('allowPrivateUpstreams');
    expect(await ask(finds(['93.184.216.34', '127.0.0.1']))).toContain('allowPrivateUpstreams');
    const lookup = checkedLookup(finds(['127.0.0.1']));
    const dialled = connectWebSocket(new URL(`ws://mcp.example.com:${port}/canary`), { ...CLIENT_DEFAULTS, lookup });
    await expect(dialled).rejects.toThrow(/allowPrivateUpstreams/);
    expect(hits).toEqual([]);
    // The same name, meant for the inside: it is asked, and asked again for each connection.
    const rebinding = finds(['127.0.0.1'], ['169.254.169.254']);
    expect(await ask(rebinding, 'mcp.local')).toBe('answered');
    expect(await ask(rebinding, 'mcp.local')).toContain('169.254.169.254');
    expect(hits).toEqual(['/canary']);
  });
});
