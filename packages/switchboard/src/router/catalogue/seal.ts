/** Text that a client keeps for Switchboard and cannot change: a value and its authentication code, good until this process ends. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export class Seal {
  readonly #key: Buffer = randomBytes(32);

  /** @param purpose what the text is good for; it does not open for anything else. */
  close(purpose: readonly string[], value: unknown): string {
    const body = Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${body}.${this.#code(purpose, body).toString('base64url')}`;
  }

  /** The value, or nothing when the text is not one that was closed here for this purpose. */
  open(purpose: readonly string[], text: string): unknown {
    const [body = '', code = '', ...rest] = text.split('.');
    const found = Buffer.from(code, 'base64url');
    const expected = this.#code(purpose, body);
    if (rest.length > 0 || found.length !== expected.length || !timingSafeEqual(found, expected)) return undefined;
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as unknown;
  }

  #code(purpose: readonly string[], body: string): Buffer {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([purpose, body]))
      .digest();
  }
}
