import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { FrameClient, OP, RSV, closedWith, frame, ping, pingText } from '../support/frames.ts';
import { scene, textFrame, upgradeRequest } from '../support/frames.ts';
import type { UpgradeShape } from '../support/frames.ts';
import { ACCEPT, raw } from '../support/http.ts';
import { WireClient, initializeParams, textOf } from '../support/wire.ts';

describe('an upgrade', () => {
  it.each<[string, Record<string, string | undefined>]>([
    ['the version 12', { 'Sec-WebSocket-Version': '12' }],
    ['the version 14', { 'Sec-WebSocket-Version': '14' }],
    ['a version that is no number', { 'Sec-WebSocket-Version': 'x' }],
    ['no version', { 'Sec-WebSocket-Version': undefined }],
  ])('with %s is refused, and told the version that is spoken', async (_, headers) => {
    const { port, expectUnharmed } = await scene();
    const answer = await raw(port, upgradeRequest({ headers }));
    expect(answer).toMatch(/^HTTP\/1\.1 (400|426) /);
    expect(answer).toMatch(/^sec-websocket-version: 13\b/im);
    await expectUnharmed();
  });

  it.each<[string, UpgradeShape]>([
    ['no key', { headers: { 'Sec-WebSocket-Key': undefined } }],
    ['an empty key', { headers: { 'Sec-WebSocket-Key': '' } }],
    ['a key of 15 bytes', { headers: { 'Sec-WebSocket-Key': Buffer.alloc(15).toString('base64') } }],
    ['a key of 17 bytes', { headers: { 'Sec-WebSocket-Key': Buffer.alloc(17).toString('base64') } }],
    ['a key that is no base64', { headers: { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' } }],
    ['two keys', { headers: { 'sec-websocket-key': Buffer.alloc(16).toString('base64') } }],
    ['a subprotocol that is no token', { headers: { 'Sec-WebSocket-Protocol': 'mcp, a b' } }],
    ['the method POST', { method: 'POST' }],
    ['no Host', { headers: { Host: undefined } }],
  ])('with %s is refused with 4xx', async (_, shape) => {
    const { port, expectUnharmed } = await scene();
    expect(await raw(port, upgradeRequest(shape))).toMatch(/^HTTP\/1\.1 4\d\d /);
    await expectUnharmed();
  });

  // RFC 6455, section 4.2.1, item 1; `ws` does not look at the version of HTTP.
  it('in HTTP/1.0 is refused', async () => {
    const { port } = await scene();
    await expect(FrameClient.open(port, { version: '1.0' })).rejects.toThrow(/^not upgraded: HTTP\/1\.\d [45]\d\d /);
  });

  // What Java's HttpClient sends at first; RFC 9110, section 7.8: a server may ignore it, and answers the request then.
  it('to something other than WebSocket is ignored, and the request is served', async () => {
    const { port } = await scene();
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    const head = [
      'POST /mcp HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade, HTTP2-Settings, close',
      'Upgrade: h2c',
      'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
      'Content-Type: application/json',
      `Accept: ${ACCEPT}`,
      `Content-Length: ${body.length}`,
    ];
    expect(await raw(port, `${head.join('\r\n')}\r\n\r\n${body}`)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('to something other than WebSocket again and again on one socket is served, and leaves nothing on it', async () => {
    const { port } = await scene();
    const warnings: string[] = [];
    const warned = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let answers = '';
    socket.on('data', (chunk: Buffer) => (answers += chunk.toString()));
    const served = (): number => answers.split('"status":"ok"').length - 1;
    for (let n = 1; n <= 50; n++) {
      socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
      await expect.poll(served, { interval: 1 }).toBe(n);
    }
    expect(warnings).toEqual([]);
  });

  // The socket is ended and not destroyed, and nothing else ends it: node:http forgets a socket that asked for an upgrade.
  it('that is refused does not keep its socket, nor the end of the gateway, when the client never hangs up', async () => {
    const { port, gateway, witness } = await scene();
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {}).resume();
    socket.write(upgradeRequest({ headers: { Origin: 'https://evil.example' } }));
    await once(socket, 'end');
    let isOver = false;
    void gateway.close().then(() => (isOver = true));
    await witness.closed;
    await expect.poll(() => isOver, { timeout: 3000 }).toBe(true);
  });

  // Node 26 reads a body before the frames, older ones take it for frames.
  it.each([
    ['a body', { 'Content-Length': '5' }, 'hello'],
    ['a body in chunks', { 'Transfer-Encoding': 'chunked' }, '5\r\nhello\r\n0\r\n\r\n'],
  ])('with %s is refused, and nothing of it is taken for frames', async (_, headers, body) => {
    const { port, expectUnharmed } = await scene();
    const answer = await raw(port, `${upgradeRequest({ headers })}${body}`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('an upgrade to WebSocket has a body');
    await expectUnharmed();
  });

  it('with an empty body is one', async () => {
    const { port } = await scene();
    const client = await FrameClient.open(port, { headers: { 'Content-Length': '0' } });
    client.send(ping(1));
    expect(await client.answer(1)).toHaveProperty('result');
  });

  it('may write its headers in any case', async () => {
    const { port, expectUnharmed } = await scene();
    const headers = Object.fromEntries(
      ['Upgrade', 'Connection', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version', 'Sec-WebSocket-Protocol'].map((name) => [
        name,
        undefined,
      ]),
    );
    const odd = {
      ...headers,
      uPGRADE: 'WebSocket',
      CONNECTION: 'keep-alive, upGRADE',
      'sec-websocket-KEY': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sEC-wEBSOCKET-vERSION': '13',
      'sec-websocket-protocol': 'other,  mcp',
    };
    const client = await FrameClient.open(port, { headers: odd });
    expect(client.head).toMatch(/^Sec-WebSocket-Protocol: mcp\r$/m);
    client.send(ping(1));
    expect(await client.answer(1)).toHaveProperty('result');
    await expectUnharmed(2);
  });

  it.each([
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'x-webkit-deflate-frame, permessage-deflate',
  ])('that offers "%s" gets no extension, and a compressed message is closed with 1002', async (offer) => {
    const { port, expectUnharmed } = await scene();
    const client = await FrameClient.open(port, { headers: { 'Sec-WebSocket-Extensions': offer } });
    expect(client.head).not.toMatch(/sec-websocket-extensions/i);
    client.send(ping(1));
    expect((await client.frame(OP.text)).rsv).toBe(0);
    client.write(frame({ rsv: RSV[1], payload: Buffer.from([0xaa, 0x56, 0x4a, 0x04, 0x00]) }));
    expect(await client.ended).toEqual(closedWith(1002));
    await expectUnharmed();
  });

  it('may bring its first frames in the same packet', async () => {
    const { port, expectUnharmed } = await scene();
    const head = Buffer.concat([
      frame({ opcode: OP.ping, payload: 'early' }),
      textFrame(pingText(1)),
      textFrame(pingText(2)),
    ]);
    const client = await FrameClient.open(port, { head });
    expect((await client.frame(OP.pong)).payload.toString()).toBe('early');
    expect(await client.answer(1)).toHaveProperty('result');
    expect(await client.answer(2)).toHaveProperty('result');
    await expectUnharmed(2);
  });

  it('may bring the beginning of a frame, or a broken one, in the same packet', async () => {
    const { port, expectUnharmed } = await scene();
    const whole = textFrame(pingText(1));
    const client = await FrameClient.open(port, { head: whole.subarray(0, 7) });
    client.write(whole.subarray(7));
    expect(await client.answer(1)).toHaveProperty('result');
    const broken = await FrameClient.open(port, { head: frame({ masked: false }) });
    expect(await broken.ended).toEqual(closedWith(1002));
    await expectUnharmed(2);
  });

  it('that is half finished and dropped, 200 at a time, leaves nothing and takes nobody’s place', async () => {
    const { port, gateway, ws, witness, expectUnharmed } = await scene({ maxConnections: 25 });
    const request = upgradeRequest();
    const sockets = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const socket = connect(port, '127.0.0.1');
        onTestFinished(() => void socket.destroy());
        socket.on('error', () => {});
        await once(socket, 'connect');
        const part = request.slice(0, Math.floor((n / 200) * request.length));
        await new Promise<void>((resolve) => socket.write(part, () => resolve()));
        return socket;
      }),
    );
    expect(textOf(await witness.call('meanwhile', 'echo', { text: 'served' }))).toBe('served');
    expect(gateway.stats.connections).toBe(1);
    for (const [n, socket] of sockets.entries()) {
      if (n % 2 === 0) socket.destroy();
      else socket.resetAndDestroy();
    }
    const others = await Promise.all(Array.from({ length: 24 }, () => WireClient.open(ws)));
    expect(gateway.stats.connections).toBe(25);
    for (const { socket } of others) socket.terminate();
    await expectUnharmed();
  });

  it('whose client is gone before the answer leaves nothing', async () => {
    const { port, expectUnharmed } = await scene({ maxConnections: 250 });
    await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const socket = connect(port, '127.0.0.1');
        onTestFinished(() => void socket.destroy());
        socket.on('error', () => {});
        await once(socket, 'connect');
        await new Promise<void>((resolve) => socket.write(upgradeRequest(), () => resolve()));
        if (n % 2 === 0) socket.destroy();
        else socket.resetAndDestroy();
      }),
    );
    await expectUnharmed();
  });
});
