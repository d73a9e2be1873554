/** Text that a client keeps for Switchboard and cannot change: a value and its authentication code. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** The keys of seals: the first one closes, all of them open. */
export type SealKeys = () => readonly Buffer[];

export class Seal {
  readonly #keys: SealKeys;

  /** @param keys @default one of this process, so that what it closed is good until it ends */
  constructor(keys?: SealKeys) {
    const own = [randomBytes(32)];
    this.#keys = keys ?? (() => own);
  }

  /** @param purpose what the text is good for; it does not open for anything else. */
  close(purpose: readonly string[], value: unknown): string {
    const body = Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${body}.${codeOf(this.#keys()[0]!, purpose, body).toString('base64url')}`;
  }

  /** The value, or nothing when the text is not one that was closed here for this purpose. */
  open(purpose: readonly string[], text: string): unknown {
    const [body = '', code = '', ...rest] = text.split('.');
    const found = Buffer.from(code, 'base64url');
    const isOurs = this.#keys().some((key) => {
      const expected = codeOf(key, purpose, body);
      return found.length === expected.length && timingSafeEqual(found, expected);
    });
    if (rest.length > 0 || !isOurs) return undefined;
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as unknown;
  }
}

const codeOf = (key: Buffer, purpose: readonly string[], body: string): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify([purpose, body]))
    .digest();
