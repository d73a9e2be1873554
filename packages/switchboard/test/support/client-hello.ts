/** The first message of a TLS handshake by hand: it offers what no library of today would offer. Up to TLS 1.2 (RFC 5246). */
import { connect } from 'node:net';

export interface Offer {
  /** As it stands in the message: 0x0303 is TLS 1.2. */
  version: number;
  /** Their numbers in the registry of IANA. */
  suites: readonly number[];
  /** Methods of compression; 0 is none, 1 is DEFLATE. */
  compression?: readonly number[];
}

/** What the server agreed to, or the number of the alert that it refused with. */
export type Agreed = { version: number; suite: number; compression: number } | { alert: number };

export function sendClientHello(port: number, offer: Offer): Promise<Agreed> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(clientHello(offer)));
    let heard = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      const agreed = read(heard);
      if (agreed === undefined) return;
      resolve(agreed);
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`the server said nothing that can be read: ${heard.toString('hex')}`)));
  });
}

/** Every cipher suite that a server would agree to, the one that it likes best first. */
export async function suitesOf(port: number, version: number): Promise<number[]> {
  const agreed: number[] = [];
  for (;;) {
    const suites = EVER.filter((suite) => !agreed.includes(suite));
    const answer = await sendClientHello(port, { version, suites });
    if ('suite' in answer) agreed.push(answer.suite);
    else if (answer.alert === HANDSHAKE_FAILURE) return agreed;
    else throw new Error(`the server refused with the alert ${answer.alert}`);
  }
}

export const HANDSHAKE_FAILURE = 40;
export const PROTOCOL_VERSION = 70;

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);
/** All that were ever registered for these versions, NULL, EXPORT, RC4, DES and anonymous ones among them. */
const EVER: readonly number[] = [...range(0x0001, 0x00fe), ...range(0xc001, 0xc0ff), ...range(0xcca8, 0xccae)];

const GROUPS = [0x001d, 0x0017, 0x0018];
/** With RSA and ECDSA, and SHA-1 among them. */
const SIGNATURES = [0x0804, 0x0401, 0x0403, 0x0501, 0x0503, 0x0601, 0x0201, 0x0203];

const number = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};
/** Its length in so many bytes, then itself. */
const counted = (bytes: number, content: Buffer): Buffer => Buffer.concat([number(content.length, bytes), content]);
const shorts = (values: readonly number[]): Buffer => Buffer.concat(values.map((value) => number(value, 2)));
const extension = (type: number, content: Buffer): Buffer => Buffer.concat([number(type, 2), counted(2, content)]);

function clientHello({ version, suites, compression = [0] }: Offer): Buffer {
  const extensions = Buffer.concat([
    extension(10, counted(2, shorts(GROUPS))),
    extension(11, counted(1, Buffer.from([0]))),
    extension(13, counted(2, shorts(SIGNATURES))),
    // Renegotiation info, RFC 5746.
    extension(0xff01, counted(1, Buffer.alloc(0))),
  ]);
  const body = Buffer.concat([
    number(version, 2),
    Buffer.alloc(32, 7),
    counted(1, Buffer.alloc(0)),
    counted(2, shorts(suites)),
    counted(1, Buffer.from(compression)),
    counted(2, extensions),
  ]);
  const handshake = Buffer.concat([number(1, 1), counted(3, body)]);
  return Buffer.concat([number(22, 1), number(Math.min(version, 0x0301), 2), counted(2, handshake)]);
}

/** The first record of the server, once enough of it is there. */
function read(bytes: Buffer): Agreed | undefined {
  const [type, description] = [bytes[0], bytes[6]];
  if (type === 21 && description !== undefined) return { alert: description };
  const session = bytes[43];
  if (type !== 22 || session === undefined || bytes.length < 47 + session) return undefined;
  return {
    version: bytes.readUInt16BE(9),
    suite: bytes.readUInt16BE(44 + session),
    compression: bytes[46 + session]!,
  };
}
