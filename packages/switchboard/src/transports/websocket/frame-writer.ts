/**
 * Writes text messages as a server does that has agreed to no compression: each one unmasked frame (RFC 6455, section 5.2), in a buffer of its
 * own. The frames of one turn of the event loop leave a socket in one write, and one microtask sees to all sockets.
 */
import type { Duplex } from 'node:stream';

/** What is larger is not copied behind its header. */
const MAX_COPIED_BYTES = 16 * 1024;
const FINAL_TEXT = 0x81;
/** Lengths up to this stand in the second byte; up to 16 bits behind a 126, all others behind a 127. */
const MAX_SHORT = 125;
const MAX_16_BITS = 0xffff;

let ending: (() => void)[] = [];

/** Has it done when the event loop has dealt with what it deals with now. */
function atEndOfTurn(work: () => void): void {
  if (ending.length === 0) {
    queueMicrotask(() => {
      const all = ending;
      ending = [];
      for (const each of all) each();
    });
  }
  ending.push(work);
}

export class FrameWriter {
  readonly #stream: Duplex;
  readonly #onSent: () => void;
  #isCorked = false;
  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#stream.uncork();
  };

  /** @param onSent told of each message when it has left, or never will. */
  constructor(stream: Duplex, onSent: () => void) {
    this.#stream = stream;
    this.#onSent = onSent;
  }

  write(payload: string | Uint8Array): void {
    const stream = this.#stream;
    if (!this.#isCorked) {
      this.#isCorked = true;
      stream.cork();
      atEndOfTurn(this.#uncork);
    }
    const length = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
    const isCopied = length <= MAX_COPIED_BYTES;
    const headerLength = length <= MAX_SHORT ? 2 : length <= MAX_16_BITS ? 4 : 10;
    const frame = Buffer.allocUnsafe(isCopied ? headerLength + length : headerLength);
    writeHeader(frame, length);
    if (isCopied && typeof payload === 'string') frame.write(payload, headerLength, 'utf8');
    else if (isCopied) frame.set(payload as Uint8Array, headerLength);
    if (isCopied) stream.write(frame, this.#onSent);
    else {
      stream.write(frame);
      stream.write(payload, this.#onSent);
    }
  }
}

function writeHeader(frame: Buffer, length: number): void {
  frame[0] = FINAL_TEXT;
  if (length <= MAX_SHORT) frame[1] = length;
  else if (length <= MAX_16_BITS) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    // The upper 16 bits of 64: no message is as long.
    frame.writeUInt16BE(0, 2);
    frame.writeUIntBE(length, 4, 6);
  }
}
