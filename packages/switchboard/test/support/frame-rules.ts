/** What holds for the frames of every WebSocket, over whichever version of HTTP it came. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

import { FrameClient, LIMIT, OP, RSV, closeBody, closedWith, expectCancelled } from './frames.ts';
import { fragments, frame, ping, pingText, textFrame } from './frames.ts';
import type { Ending, Scene } from './frames.ts';
import { textOf, toolCall } from './wire.ts';
import type { Json } from './wire.ts';

const MiB = 1024 * 1024;

const bytes = (...values: number[]): Buffer => Buffer.from(values);

/** Starts a call that takes a minute; resolves when it runs upstream. */
async function startCall(client: FrameClient): Promise<void> {
  client.send(toolCall('long', 'slow', { ms: 60_000, steps: 1200 }, { progressToken: 'p' }));
  await client.next(({ payload }) => payload.includes('notifications/progress'));
}

const hex = (value: number): string => `0x${value.toString(16).toUpperCase()}`;

export function frameRules(scene: (options?: Record<string, unknown>) => Promise<Scene>): void {
  /** Writes to a new connection what must end it, in one packet. */
  async function endingOf(...written: Buffer[]): Promise<Ending> {
    const { port, expectUnharmed } = await scene();
    const client = await FrameClient.open(port);
    client.write(...written);
    const ending = await client.ended;
    await expectUnharmed();
    return ending;
  }

  describe('a client that breaks the framing', () => {
    it.each<[string, ...Buffer[]]>([
      ...[3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf].map((opcode): [string, Buffer] => [
        `the opcode ${hex(opcode)}`,
        frame({ opcode, payload: pingText(1) }),
      ]),
      ...([1, 2, 3] as const).flatMap((n): [string, ...Buffer[]][] => [
        [`RSV${n} of a text frame`, frame({ rsv: RSV[n], payload: pingText(1) })],
        [`RSV${n} of a ping`, frame({ rsv: RSV[n], opcode: OP.ping })],
        [`RSV${n} of a close`, frame({ rsv: RSV[n], opcode: OP.close })],
        [
          `RSV${n} of a continuation`,
          frame({ fin: false, payload: '{' }),
          frame({ rsv: RSV[n], opcode: OP.continuation, payload: '}' }),
        ],
      ]),
      ['all reserved bits at once', frame({ rsv: 7, payload: pingText(1) })],
      ...(['text', 'binary', 'ping', 'pong', 'close'] as const).map((name): [string, Buffer] => [
        `an unmasked ${name} frame`,
        frame({ opcode: OP[name], masked: false, payload: name === 'close' ? closeBody(1000) : 'hello' }),
      ]),
      ...(['ping', 'pong', 'close'] as const).flatMap((name): [string, Buffer][] => [
        [`a ${name} of 126 bytes`, frame({ opcode: OP[name], payload: closeBody(1000, 'x'.repeat(124)) })],
        [`a ${name} that declares a GiB`, frame({ opcode: OP[name], declared: 1024 * MiB })],
        [`a ${name} without FIN`, frame({ opcode: OP[name], fin: false })],
      ]),
      ['a continuation of nothing', frame({ opcode: OP.continuation, payload: pingText(1) })],
      ['a continuation of nothing, to be continued', frame({ opcode: OP.continuation, fin: false, payload: '{' })],
      [
        'a continuation of a message that is done',
        ...fragments(['{"jsonrpc":"2.0",', '"method":"x"}']),
        frame({ opcode: OP.continuation, payload: ' ' }),
      ],
      ['a text frame inside a fragmented message', frame({ fin: false, payload: '{' }), textFrame(pingText(1))],
      ['a binary frame inside a fragmented text', frame({ fin: false, payload: '{' }), frame({ opcode: OP.binary })],
      ['a text frame inside a fragmented binary', frame({ opcode: OP.binary, fin: false }), textFrame(pingText(1))],
      ['a close of one byte', frame({ opcode: OP.close, payload: bytes(3) })],
      ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code): [string, Buffer] => [
        `a close with the code ${code}`,
        frame({ opcode: OP.close, payload: closeBody(code) }),
      ]),
    ])('is closed with 1002 for %s', async (_, ...written) => {
      expect(await endingOf(...written)).toEqual(closedWith(1002));
    });

    it('is closed with 1002 just the same when the bytes come one at a time', async () => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.open(port);
      await client.dribble(textFrame(pingText(1)));
      await client.answer(1);
      await client.dribble(frame({ fin: false, payload: '{' }));
      await client.dribble(frame({ payload: '}' }));
      expect(await client.ended).toEqual(closedWith(1002));
      await expectUnharmed();
    });

    it('is not served what it sends behind the broken frame', async () => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.open(port);
      client.write(textFrame(pingText('before')), frame({ opcode: 0xb }), textFrame(pingText('behind')));
      expect(await client.answer('before')).toHaveProperty('result');
      expect(await client.ended).toEqual(closedWith(1002));
      expect(client.received.filter(({ opcode }) => opcode === OP.text)).toEqual([]);
      await expectUnharmed();
    });

    it('has its calls cancelled upstream', async () => {
      const { port, witness, expectUnharmed } = await scene();
      const client = await FrameClient.session(port);
      await startCall(client);
      client.write(frame({ rsv: RSV[1] }));
      expect(await client.ended).toEqual(closedWith(1002));
      await expectCancelled(witness);
      await expectUnharmed();
    });

    it('cannot fill the memory by going on: 128 MiB after the close are read by nobody', async () => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.open(port, { polite: false });
      client.write(frame({ opcode: 3 }));
      expect((await client.frame(OP.close)).payload.readUInt16BE(0)).toBe(1002);
      await client.flood(textFrame('x'.repeat(60_000)), 128 * MiB);
      client.socket.destroy();
      await expectUnharmed();
    });
  });

  describe('a client that sends too much', () => {
    it.each<[string, ...Buffer[]]>([
      ['one byte over the limit', frame({ declared: LIMIT + 1 })],
      ['a GiB', frame({ declared: 1024 * MiB })],
      ['4 GiB and a little, which is little in 32 bits', frame({ declared: 2 ** 32 + 10 })],
      ['2^53 - 1 bytes', frame({ declared: Number.MAX_SAFE_INTEGER })],
      ['2^53 bytes', frame({ declared: 2n ** 53n })],
      ['2^63 bytes, the top bit', frame({ declared: 2n ** 63n })],
      ['2^64 - 1 bytes, all bits', frame({ declared: 2n ** 64n - 1n })],
      ['a GiB of binary', frame({ opcode: OP.binary, declared: 1024 * MiB })],
      ['a GiB as first fragment', frame({ fin: false, declared: 1024 * MiB })],
      [
        'fragments that are over the limit together',
        frame({ fin: false, payload: 'x'.repeat(LIMIT) }),
        frame({ opcode: OP.continuation, fin: false, declared: 1 }),
      ],
    ])('is closed with 1009 for a header that declares %s, before the payload is there', async (_, ...written) => {
      expect(await endingOf(...written)).toEqual(closedWith(1009));
    });

    it('is served a message of exactly the limit', async () => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.open(port);
      const padding = LIMIT - Buffer.byteLength(pingText(1));
      client.write(textFrame(pingText(1, padding)));
      expect(await client.answer(1)).toHaveProperty('result');
      client.write(...fragments([pingText(2, padding).slice(0, 100), pingText(2, padding).slice(100)]));
      expect(await client.answer(2)).toHaveProperty('result');
      await expectUnharmed(2);
    });

    it('costs no more than what it sent: 40 that declare 256 MiB each and send 1,000 bytes', async () => {
      const { port, expectUnharmed } = await scene({ maxMessageSize: '256MiB' });
      const clients = await Promise.all(Array.from({ length: 40 }, () => FrameClient.open(port)));
      for (const client of clients) client.write(frame({ declared: 256 * MiB, payload: 'x'.repeat(1000) }));
      await expectUnharmed(41);
      for (const client of clients) client.socket.destroy();
      await expectUnharmed();
    });

    it.each([
      ['10,000 fragments of one byte', 'x'],
      ['10,000 empty fragments', ''],
    ])('is closed with 1008 for %s', async (_, payload) => {
      const piece = frame({ opcode: OP.continuation, fin: false, payload });
      const pieces = Array.from({ length: 10_000 }, () => piece);
      expect(await endingOf(frame({ fin: false, payload }), ...pieces)).toEqual(closedWith(1008));
    });

    it('is served 1024 fragments, with pings between them, and closed with 1008 at the 1025th', async () => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.open(port);
      const letters = pingText(1, 1024).split('');
      const parts = [...letters.slice(0, 1023), letters.slice(1023).join('')];
      expect(parts).toHaveLength(1024);
      const noise = frame({ opcode: OP.ping });
      client.write(...fragments(parts).flatMap((each, n) => (n % 100 === 50 ? [noise, each] : [each])));
      expect(await client.answer(1)).toHaveProperty('result');
      client.write(...fragments([...letters.slice(0, 1024), letters.slice(1024).join('')]));
      expect(await client.ended).toEqual(closedWith(1008));
      await expectUnharmed();
    });
  });

  describe('a client whose text is no UTF-8', () => {
    const BROKEN: [string, Buffer][] = [
      ['a continuation byte alone', bytes(0x80)],
      ['a lead byte alone', bytes(0xc3)],
      ['a character cut short', bytes(0xe2, 0x82)],
      ['a character of four bytes cut short', bytes(0xf0, 0x9f, 0x8e)],
      ['an overlong slash of two bytes', bytes(0xc0, 0xaf)],
      ['an overlong slash of three bytes', bytes(0xe0, 0x80, 0xaf)],
      ['an overlong slash of four bytes', bytes(0xf0, 0x80, 0x80, 0xaf)],
      ['an overlong NUL', bytes(0xc0, 0x80)],
      ['a high surrogate', bytes(0xed, 0xa0, 0x80)],
      ['a low surrogate', bytes(0xed, 0xbf, 0xbf)],
      ['a pair of surrogates', bytes(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80)],
      ['a character beyond U+10FFFF', bytes(0xf4, 0x90, 0x80, 0x80)],
      ['a sequence of five bytes', bytes(0xf8, 0x88, 0x80, 0x80, 0x80)],
      ['0xFE', bytes(0xfe)],
      ['0xFF', bytes(0xff)],
    ];
    const inMessage = (broken: Buffer): Buffer[] => {
      const [before, after] = pingText(1, 30).split('xxx') as [string, string];
      return [Buffer.from(`${before}xxx`), broken, Buffer.from(after)];
    };

    it.each(BROKEN)(
      'is closed with 1007 for %s, be the message short or long, whole or in fragments',
      async (_, broken) => {
        const { port, expectUnharmed } = await scene();
        const long = Buffer.concat(inMessage(broken));
        const singly = [...broken].map((byte) => bytes(byte));
        const [before, , after] = inMessage(broken) as [Buffer, Buffer, Buffer];
        const written = [
          [textFrame(broken)],
          [textFrame(long)],
          [textFrame(Buffer.concat([before, broken]))],
          fragments(inMessage(broken)),
          fragments([before, ...singly, after]),
          fragments([before, ...singly]),
        ];
        const endings = await Promise.all(
          written.map(async (frames) => {
            const client = await FrameClient.open(port);
            client.write(...frames);
            return client.ended;
          }),
        );
        expect(endings).toEqual(written.map(() => closedWith(1007)));
        await expectUnharmed();
      },
    );

    it('is closed with 1007 for a close whose reason is no UTF-8', async () => {
      const written = frame({ opcode: OP.close, payload: closeBody(1000, bytes(0xc0, 0xaf)) });
      expect(await endingOf(written)).toEqual(closedWith(1007));
    });

    it('is served when only the frames end inside characters', async () => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.session(port);
      const said = 'ü € 🎉 \u{10FFFF} \uFFFF';
      const message = Buffer.from(JSON.stringify(toolCall(1, 'echo', { text: said })));
      client.write(...fragments([...message].map((byte) => bytes(byte))));
      expect(textOf(await client.answer(1))).toBe(said);
      await expectUnharmed(2);
    });
  });

  describe('a client whose message is no text of JSON', () => {
    it.each<[string, ...Buffer[]]>([
      ['a binary message', frame({ opcode: OP.binary, payload: pingText(1) })],
      ['an empty binary message', frame({ opcode: OP.binary })],
      ['a binary message in fragments', ...fragments(['{', '}'], OP.binary)],
      ['a binary message that is no UTF-8', frame({ opcode: OP.binary, payload: bytes(0xff, 0xfe) })],
    ])('is closed with 1003 for %s', async (_, ...written) => {
      expect(await endingOf(...written)).toEqual(closedWith(1003));
    });

    it('is closed with 1003 and gone soon even when it never answers the close', async () => {
      const { port, gateway, expectUnharmed } = await scene();
      const client = await FrameClient.open(port, { polite: false });
      client.write(frame({ opcode: OP.binary }), textFrame(pingText('behind')));
      expect((await client.frame(OP.close)).payload.readUInt16BE(0)).toBe(1003);
      expect(gateway.stats.connections).toBe(2);
      await expectUnharmed();
      expect(client.received).toEqual([]);
    });

    it.each([
      ['nothing at all', Buffer.alloc(0)],
      ['a NUL', bytes(0)],
      ['a NUL inside a string of JSON', Buffer.from('{"jsonrpc":"2.0","id":1,"method":"pi\0ng"}')],
      ['a NUL behind the JSON', Buffer.from(`${pingText(1)}\0`)],
    ])('is told -32700 for %s, and goes on', async (_, payload) => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.open(port);
      client.write(textFrame(payload), textFrame(pingText('on')));
      expect((await client.message())['error']).toMatchObject({ code: -32700 });
      expect(await client.answer('on')).toHaveProperty('result');
      await expectUnharmed(2);
    });

    it('gives a NUL that is written as \\u0000 back as it came', async () => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.session(port);
      client.send(toolCall('\0', 'echo', { text: 'a\0b' }));
      expect(textOf(await client.answer('\0'))).toBe('a\0b');
      await expectUnharmed(2);
    });
  });

  describe('control frames', () => {
    it.each([
      ['no bytes', Buffer.alloc(0)],
      ['one byte', bytes(0)],
      ['bytes that are no UTF-8', bytes(0xff, 0x00, 0xc0)],
      ['125 bytes', Buffer.alloc(125, 7)],
    ])('that are pings are answered by pongs with the same %s, unmasked', async (_, payload) => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.open(port);
      client.write(frame({ opcode: OP.ping, payload }));
      expect(await client.frame(OP.pong)).toEqual({ opcode: OP.pong, fin: true, rsv: 0, masked: false, payload });
      await expectUnharmed(2);
    });

    it('may stand between the fragments of a message', async () => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.open(port);
      const [first, second, third] = fragments(['{"jsonrpc":"2.0",', '"id":1,', '"method":"ping"}']);
      const [one, two] = ['one', 'two'].map((payload) => frame({ opcode: OP.ping, payload }));
      client.write(first!, one!, second!, frame({ opcode: OP.pong, payload: 'unasked' }), two!, third!);
      expect((await client.frame(OP.pong)).payload.toString()).toBe('one');
      expect((await client.frame(OP.pong)).payload.toString()).toBe('two');
      expect(await client.answer(1)).toHaveProperty('result');
      await expectUnharmed(2);
    });

    it('are answered in their order when there are 1,000 pings', async () => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.open(port);
      for (let n = 0; n < 1000; n += 50) {
        const numbers = Array.from({ length: 50 }, (_, at) => String(n + at));
        client.write(...numbers.map((payload) => frame({ opcode: OP.ping, payload })));
        // oxlint-disable-next-line no-await-in-loop -- 50 at a time
        const pongs = await Promise.all(numbers.map(() => client.frame(OP.pong)));
        expect(pongs.map(({ payload }) => payload.toString())).toEqual(numbers);
      }
      client.send(ping('still'));
      expect(await client.answer('still')).toHaveProperty('result');
      await expectUnharmed(2);
    });

    // `ws` cuts a socket that has 61 pings to answer in one turn (its `maxPendingAutoPongs`): 1006, which PROTOCOL.md does not tell.
    it('are answered when 50 come in one packet, and a flood of 1,000 is cut', async () => {
      const { port, expectUnharmed } = await scene();
      const client = await FrameClient.open(port);
      const pings = (count: number): Buffer[] =>
        Array.from({ length: count }, (_, n) => frame({ opcode: OP.ping, payload: String(n) }));
      client.write(...pings(50));
      await client.next(({ opcode, payload }) => opcode === OP.pong && payload.toString() === '49');
      client.write(...pings(1000));
      await once(client.socket, 'close');
      await expectUnharmed();
    });

    it('never pile up as pongs for a client that sends 32 MiB of pings and reads nothing', async () => {
      const { port, expectUnharmed, nextEvent } = await scene();
      const client = await FrameClient.open(port);
      client.socket.pause();
      const closed = nextEvent('connection.closed');
      const pings = Buffer.concat(
        Array.from({ length: 500 }, () => frame({ opcode: OP.ping, payload: 'x'.repeat(125) })),
      );
      await client.flood(pings, 32 * MiB);
      client.socket.destroy();
      await closed;
      await expectUnharmed();
    });

    it.each<[string, Buffer, number, string]>([
      ['1000', closeBody(1000), 1000, ''],
      ['1001 and a reason', closeBody(1001, 'bye'), 1001, 'bye'],
      ['3000', closeBody(3000), 3000, ''],
      ['4999 and the longest reason', closeBody(4999, 'x'.repeat(123)), 4999, 'x'.repeat(123)],
      ['no code', Buffer.alloc(0), 1005, ''],
    ])(
      'that are a close with %s are answered by the same close, and nothing behind it is',
      async (_, payload, code, reason) => {
        const { port, expectUnharmed } = await scene();
        const client = await FrameClient.open(port, { polite: false });
        client.write(frame({ opcode: OP.close, payload }), textFrame(pingText(1)), frame({ opcode: OP.ping }));
        await once(client.socket, 'end');
        client.socket.end();
        expect(await client.ended).toEqual({ code, reason, afterwards: 0 });
        expect(client.received.map(({ opcode }) => opcode)).toEqual([OP.close]);
        await expectUnharmed();
      },
    );

    it('that are a close may stand inside a fragmented message, which is then nothing', async () => {
      const written = [
        frame({ fin: false, payload: pingText(1) }),
        frame({ opcode: OP.close, payload: closeBody(1000) }),
      ];
      expect(await endingOf(...written)).toEqual(closedWith(1000));
    });
  });

  describe('a client that goes silent', () => {
    it('is cut without a close when its pings go unanswered, and its calls are cancelled upstream', async () => {
      const { port, witness, expectUnharmed } = await scene({ pingInterval: '150ms' });
      const client = await FrameClient.session(port, { polite: false });
      await startCall(client);
      await once(client.socket, 'end');
      const control = client.received.filter(({ opcode }) => opcode !== OP.text);
      expect(new Set(control.map(({ opcode }) => opcode))).toEqual(new Set([OP.ping]));
      await expectCancelled(witness);
      await expectUnharmed();
    });

    it.each<[string, Buffer]>([
      ['pongs', frame({ opcode: OP.pong, payload: 'of its own' })],
      ['messages', textFrame('{"jsonrpc":"2.0","method":"notifications/alive"}')],
    ])('about pings but sends %s stays', async (_, sign) => {
      const { port, expectUnharmed } = await scene({ pingInterval: '150ms' });
      const client = await FrameClient.session(port, { polite: false });
      for (let n = 0; n < 6; n++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await client.frame(OP.ping);
        client.write(sign);
      }
      client.send(toolCall(1, 'echo', { text: 'here' }));
      expect(textOf(await client.answer(1))).toBe('here');
      await expectUnharmed(2);
    });

    it('in the middle of a frame is cut as well', async () => {
      const { port, expectUnharmed } = await scene({ pingInterval: '150ms' });
      const client = await FrameClient.open(port, { polite: false });
      client.write(textFrame(pingText(1)).subarray(0, -1));
      await once(client.socket, 'end');
      await expectUnharmed();
    });
  });

  describe('a client that never reads', () => {
    const MANY = 200;

    async function deaf(options: Record<string, unknown>): Promise<{ all: Scene; client: FrameClient }> {
      const all = await scene({ maxQueueSize: '1MiB', ...options });
      const client = await FrameClient.session(all.port, { polite: false });
      client.socket.pause();
      const answered = all.events.length;
      for (let id = 1; id <= MANY; id++) client.send(toolCall(id, 'big', { bytes: 200_000 }));
      const ended = (): number => all.events.slice(answered).filter(({ type }) => type === 'request.ended').length;
      await expect.poll(ended, { timeout: 20_000 }).toBeGreaterThanOrEqual(MANY);
      return { all, client };
    }

    it('gets every answer up to its full queue, and then 1013, when it reads after all', async () => {
      const { all, client } = await deaf({});
      client.socket.resume();
      expect((await client.frame(OP.close)).payload.readUInt16BE(0)).toBe(1013);
      const ids = client.received.map(({ payload }) => (JSON.parse(payload.toString()) as Json)['id']);
      expect(ids.length).toBeLessThan(MANY);
      expect(ids).toEqual(ids.map((_, at) => at + 1));
      client.socket.destroy();
      await all.expectUnharmed();
    });

    it('is cut soon after it was closed', async () => {
      const { all, client } = await deaf({});
      await all.expectUnharmed();
      client.socket.destroy();
    });
  });
}
