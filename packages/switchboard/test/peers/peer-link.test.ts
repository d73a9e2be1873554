/** Two nodes that pass exchanges on, spoken to by hand where a stranger would. */
import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { NOBODY } from '../../src/auth/identity.ts';
import type { GatewayEvent } from '../../src/observe/events.ts';
import { ClusterKey } from '../../src/peers/cluster-key.ts';
import { forwardExchange } from '../../src/peers/forward.ts';
import { decodeCaller } from '../../src/peers/peer-caller.ts';
import { PeerLink } from '../../src/peers/peer-link.ts';
import { ALIVE_PATH, PeerListener } from '../../src/peers/peer-listener.ts';
import { Nonces } from '../../src/peers/signature.ts';
import { asSwitchboardError } from '../../src/protocol/errors.ts';
import { readBytes } from '../../src/transports/http/body.ts';
import { sendError } from '../../src/transports/http/reply.ts';
import { Certificates } from '../../src/transports/tls/certificates.ts';
import { TestAuthority } from '../support/certificates.ts';
import { http, raw, stream } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';

const KEY = 'k'.repeat(43);
const caller = {
  identity: { ...NOBODY, principal: 'ann', roles: ['r'], via: 'api key' as const },
  address: '192.0.2.7',
};

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** The node `owner`, and a front that passes everything on to it as the node `ingress`. */
async function cluster(
  serve: Serve,
  options: { ownerKey?: string; maxRequests?: number; maxRemembered?: number; tls?: TestAuthority } = {},
) {
  const { ownerKey = KEY, maxRequests = 8, maxRemembered, tls } = options;
  const events: GatewayEvent[] = [];
  const listener = new PeerListener({
    key: new ClusterKey(ownerKey),
    self: () => 'owner',
    host: '127.0.0.1',
    port: 0,
    ...(tls !== undefined && {
      certificates: new Certificates({ ...tls.tls(), tlsCa: '', tlsClientCa: '', tlsClientCrl: '' }),
    }),
    maxConnections: 16,
    ...(maxRemembered !== undefined && { maxRemembered }),
    serve: async (request, response) => serve(request, response),
    emit: (event) => events.push(event),
  });
  const { port } = await listener.listen();
  const link = new PeerLink({ key: new ClusterKey(KEY), self: () => 'ingress', maxRequests, ca: tls?.ca });
  const owner = { id: 'owner', url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}` };
  const front = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = request.method === 'POST' ? Buffer.concat(chunks) : undefined;
      forwardExchange({ request, response, body, caller, callerHeaders: ['x-upstream-key'] }, owner, link).catch(
        (error: unknown) => sendError(response, asSwitchboardError(error)),
      );
    });
  });
  await once(front.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(async () => {
    front.closeAllConnections();
    front.close();
    await link.close();
    await listener.close();
  });
  return {
    port,
    events,
    link,
    listener,
    owner,
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}/mcp?x=1`,
  };
}

/** A signature as the page of the protocol has it, made without the code that is tested. */
function signed(
  change: Partial<Record<'key' | 'to' | 'time' | 'nonce' | 'path' | 'body', string>> = {},
  path = '/mcp',
): string {
  const { key = KEY, to = 'owner', time = String(Date.now()), nonce = randomBytes(16).toString('base64url') } = change;
  const secret = Buffer.from(hkdfSync('sha256', key, '', 'switchboard peer link 1', 32));
  const { body } = change;
  const headers = [['accept', '*/*'], ...(body === undefined ? [] : [['switchboard-peer-body', sha256(body)]])];
  const method = body === undefined ? 'GET' : 'POST';
  const parts = ['request', method, change.path ?? path, 'ingress', to, Number(time), nonce, headers];
  const signature = createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64url');
  return `1 ingress ${to} ${time} ${nonce} ${signature}`;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

const head = (lines: readonly string[], path = '/mcp'): string =>
  `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept: */*\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

const codeOf = ({ body }: Pick<HttpAnswer, 'body'>): unknown =>
  (JSON.parse(body) as { error: { data: { code: string } } }).error.data.code;

describe('an exchange that is passed on', () => {
  it('arrives with the caller and what the owner needs, over TLS too, and no credential of the client goes along', async () => {
    const tls = await TestAuthority.create();
    for (const options of [{}, { tls }]) {
      let seen: IncomingMessage | undefined;
      const { url } = await cluster((request, response) => {
        seen = request;
        request.resume().on('end', () => {
          response.setHeader('ratelimit', 'r=1');
          response.writeHead(202, { 'mcp-session-id': 'kept' }).end('body');
        });
      }, options);
      const answer = await http(url, {
        headers: {
          authorization: 'Bearer secret',
          cookie: 'a=b',
          'x-api-key': 'secret',
          'x-upstream-key': 'for the server',
          'switchboard-peer-caller': 'forged',
          'mcp-session-id': 'kept',
        },
        body: '{}',
      });
      expect([answer.status, answer.headers['mcp-session-id'], answer.headers['ratelimit'], answer.body]).toEqual([
        202,
        'kept',
        'r=1',
        'body',
      ]);
      expect(answer.headers['switchboard-peer']).toBeUndefined();
      expect(seen?.url).toBe('/mcp?x=1');
      expect(decodeCaller(seen?.headers['switchboard-peer-caller'])).toEqual(caller);
      const { authorization, cookie, 'x-api-key': apiKey, 'x-upstream-key': forServer } = seen!.headers;
      expect([authorization, cookie, apiKey, forServer]).toEqual([undefined, undefined, undefined, 'for the server']);
    }
  });

  it('streams event by event, and a client that hangs up is noticed at the owner', async () => {
    let atOwner: ServerResponse | undefined;
    const { url, link } = await cluster((_, response) => {
      atOwner = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: message\nid: 1-1\ndata: {"n":1}\n\n');
    });
    const events = await stream(url, { headers: { 'last-event-id': '1-0' } });
    expect(await events.next()).toEqual({ n: 1 });
    atOwner!.write('data: {"n":2}\n\n');
    expect(await events.next()).toEqual({ n: 2 });
    const closed = once(atOwner!, 'close');
    events.destroy();
    await closed;
    await expect.poll(() => link.size).toBe(0);
  });

  it('fails with a named error as soon as its owner is known to be gone, in a stream as the answer', async () => {
    const { url, link } = await cluster((request, response) => {
      if (request.headers['mcp-method'] === undefined) return;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"n":1}\n\n');
    });
    const waiting = http(url, { body: '{"jsonrpc":"2.0","id":"a","method":"x"}' });
    const body = '{"jsonrpc":"2.0","id":7,"method":"x"}';
    const events = await stream(url, { method: 'POST', headers: { 'mcp-method': 'x' }, body });
    await events.next();
    await expect.poll(() => link.size).toBe(2);
    link.giveUp('owner');
    const answer = await waiting;
    expect([answer.status, codeOf(answer)]).toEqual([502, 'SWB_NODE_LOST']);
    expect(await events.next()).toMatchObject({ id: 7, error: { data: { code: 'SWB_NODE_LOST' } } });
    await events.closed;
    expect(link.size).toBe(0);
  });

  it('is not sent to a node that cannot be reached, has too many, or does not sign its answer', async () => {
    const { url, link, listener, owner } = await cluster(() => {}, { maxRequests: 1 });
    const hang = new AbortController();
    const first = http(url, { body: '{}', signal: hang.signal }).catch(() => undefined);
    await expect.poll(() => link.size).toBe(1);
    const second = await http(url, { body: '{}' });
    expect([second.status, codeOf(second)]).toEqual([503, 'SWB_OVERLOADED']);
    // What stays open as long as a member is used there is limited by how many members there are.
    const given = new AbortController();
    const staying = [1, 2].map(() =>
      link.send(owner, { method: 'POST', path: '/', headers: {}, signal: given.signal, stays: true }).catch(() => {}),
    );
    await expect.poll(() => link.size).toBe(3);
    given.abort();
    await Promise.all(staying);
    hang.abort();
    await first;
    const toFormer = link.send({ ...owner, id: 'former' }, { method: 'GET', path: '/', headers: {} });
    await expect(toFormer).rejects.toMatchObject({ code: 'SWB_NODE_UNREACHABLE' });
    await listener.close();
    await expect.poll(() => link.size).toBe(0);
    const third = await http(url, { body: '{}' });
    expect([third.status, codeOf(third), third.headers['retry-after']]).toEqual([503, 'SWB_NODE_UNREACHABLE', '1']);
    const { port } = new URL(owner.url);
    const stranger = createServer((_, response) => response.end('{"jsonrpc":"2.0","id":1,"result":"forged"}'));
    await once(stranger.listen(Number(port), '127.0.0.1'), 'listening');
    onTestFinished(() => void stranger.close());
    const fourth = await http(url, { body: '{}' });
    expect([fourth.status, codeOf(fourth)]).toEqual([502, 'SWB_NODE_LOST']);
    stranger.closeAllConnections();
  });

  it('is refused to whoever has half of the link already, with who that is, and to nobody else', async () => {
    const held: ServerResponse[] = [];
    const { link, owner } = await cluster((_, response) => held.push(response), { maxRequests: 8 });
    const answerAll = (): void => {
      for (const response of held.splice(0)) response.writeHead(204).end();
    };
    const send = async (account?: string): Promise<unknown> => {
      try {
        const { status, body } = await link.send(owner, { method: 'GET', path: '/', headers: {}, account });
        body.resume();
        return status;
      } catch (error) {
        return (error as Error).message;
      }
    };
    const ofAnn = Array.from({ length: 4 }, () => send('principal ann'));
    const first = [...ofAnn, send('principal ben'), send()];
    expect(await send('principal ann')).toMatch(
      /^Overloaded: principal ann has 4 requests under way to the node owner/,
    );
    await expect.poll(() => held.length).toBe(6);
    answerAll();
    expect(await Promise.all(first)).toEqual([204, 204, 204, 204, 204, 204]);
    await expect.poll(() => link.size).toBe(0);
    const again = send('principal ann');
    await expect.poll(() => held.length).toBe(1);
    answerAll();
    expect(await again).toBe(204);
  });
});

describe('a client that hangs up before its exchange is passed on', () => {
  it('leaves nothing behind: it is not passed on, and nothing waits for it', async () => {
    let served = 0;
    const { link, owner } = await cluster((_, response) => {
      served++;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': open\n\n');
    });
    const hang = new AbortController();
    const front = createServer();
    const passed = new Promise<void>((resolve) => {
      front.once('request', (request, response) => {
        const exchange = { request, response, body: undefined, caller, callerHeaders: [] };
        response.once('close', () => resolve(forwardExchange(exchange, owner, link)));
        hang.abort();
      });
    });
    await once(front.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void front.close());
    const { port } = front.address() as AddressInfo;
    await http(`http://127.0.0.1:${port}/mcp`, { signal: hang.signal }).catch(() => undefined);
    await passed;
    expect([served, link.size]).toEqual([0, 0]);
  });
});

describe('the port for nodes', () => {
  it('says over a signature that it remembers no more requests, and is there for who only asks that', async () => {
    const { url, link, owner } = await cluster((_, response) => void response.end('ok'), { maxRemembered: 1 });
    expect((await http(url, { body: '{}' })).status).toBe(200);
    const second = await http(url, { body: '{}' });
    expect([second.status, codeOf(second), second.headers['retry-after']]).toEqual([503, 'SWB_OVERLOADED', '1']);
    const alive = await link.send(owner, { method: 'GET', path: ALIVE_PATH, headers: {} });
    alive.body.resume();
    expect(alive.status).toBe(200);
  });

  it('refuses what is unsigned, of another key, changed, late or replayed, and says so in an event', async () => {
    let served = 0;
    const { port, events } = await cluster((_, response) => {
      served++;
      response.end('ok');
    });
    const once = signed();
    expect(await raw(port, head([`switchboard-peer: ${once}`]))).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*ok$/);
    const bad = [
      [],
      ['authorization: Bearer x'],
      ['switchboard-peer: 1 a b c'],
      [`switchboard-peer: ${signed({ key: 'x'.repeat(43) })}`],
      [`switchboard-peer: ${signed({ path: '/other' })}`],
      [`switchboard-peer: ${signed()}`, 'switchboard-peer-caller: e30'],
      [`switchboard-peer: ${signed({ time: String(Date.now() - 31_000) })}`],
      [`switchboard-peer: ${signed({ time: String(Date.now() + 31_000) })}`],
      [`switchboard-peer: ${once}`],
    ];
    for (const lines of bad) {
      const answer = await raw(port, head(lines));
      expect(answer, lines.join()).toMatch(/^HTTP\/1.1 401 [^]*"SWB_PEER_UNAUTHORIZED"/);
      expect(answer).not.toMatch(/^switchboard-peer:/im);
    }
    // It is signed, but the node that it was for is not there any more.
    expect(await raw(port, head([`switchboard-peer: ${signed({ to: 'former' })}`]))).toMatch(/^HTTP\/1.1 410 /);
    const upgrade = ['upgrade: websocket', 'sec-websocket-version: 13', 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=='];
    expect(await raw(port, head(upgrade).replace('connection: close', 'connection: upgrade'))).not.toMatch(/ 101 /);
    expect(served).toBe(1);
    const refused = events.filter(({ type }) => type === 'peer.refused');
    expect(refused).toHaveLength(bad.length);
    expect(JSON.stringify(events)).not.toContain(KEY);
  });

  it('takes no body but the one that was signed, whoever changed it on its way', async () => {
    const { port, events, url } = await cluster((request, response) => {
      readBytes(request, 1000).then(
        (body) => response.end(body),
        (error: unknown) => sendError(response, asSwitchboardError(error)),
      );
    });
    const post = (signature: string, body: string, digest: string[]): Promise<string> => {
      const lines = [`switchboard-peer: ${signature}`, `content-length: ${body.length}`, ...digest];
      return raw(port, head(lines).replace('GET', 'POST') + body);
    };
    const digest = `switchboard-peer-body: ${sha256('{"n":1}')}`;
    expect(await post(signed({ body: '{"n":1}' }), '{"n":1}', [digest])).toMatch(/ 200 [^]*{"n":1}$/);
    expect((await http(url, { body: '{"n":1}' })).body).toBe('{"n":1}');
    for (const answer of [
      await post(signed({ body: '{"n":1}' }), '{"n":2}', [digest]),
      await post(signed({ body: '{"n":1}' }), '{"n":2}', [`switchboard-peer-body: ${sha256('{"n":2}')}`]),
      await post(signed({ body: '{"n":1}' }), '{"n":1}', []),
    ]) {
      expect(answer).toMatch(/^HTTP\/1.1 401 [^]*"SWB_PEER_UNAUTHORIZED"/);
    }
    expect(events.filter(({ type }) => type === 'peer.refused')).toHaveLength(3);
  });

  it('accepts the key before or after the one that it signs with, so that keys can be changed node by node', async () => {
    const { port } = await cluster((_, response) => void response.end('ok'), {
      ownerKey: `${'n'.repeat(43)}\n${KEY}\n`,
    });
    expect(await raw(port, head([`switchboard-peer: ${signed()}`]))).toMatch(/ 200 /);
    expect(await raw(port, head([`switchboard-peer: ${signed({ key: 'n'.repeat(43) })}`]))).toMatch(/ 200 /);
    for (const key of ['', 'too short', [KEY, KEY, KEY].join(' ')]) {
      expect(() => new ClusterKey(key)).toThrow(/clusterKey/);
    }
  });

  it('remembers no more than so many requests, and forgets those that can come no more', () => {
    const nonces = new Nonces(2);
    nonces.remember('a', 100, 0);
    nonces.remember('b', 200, 0);
    expect(nonces.has('a')).toBe(true);
    expect(() => nonces.remember('c', 300, 50)).toThrow('the limit');
    nonces.remember('c', 300, 150);
    expect([nonces.size, nonces.has('a')]).toEqual([2, false]);
  });
});
