/** Names and seals for what the chat keeps in a store: whoever reads the store learns nothing of it, and whoever writes there makes nothing up. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export class Vault {
  readonly #names: Buffer;
  readonly #seals: Buffer;

  /** @param secret the same for all who share the store */
  constructor(secret: Buffer) {
    const derived = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', secret, '', purpose, KEY_BYTES));
    this.#names = derived('names');
    this.#seals = derived('seals');
  }

  /** Stands for something in the store. No two lists of parts have the same. */
  name(...parts: readonly string[]): string {
    return createHmac('sha256', this.#names).update(JSON.stringify(parts)).digest('base64url');
  }

  /** @param about where it stands: it opens nowhere else. */
  seal(value: unknown, about: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#seals, iv).setAAD(Buffer.from(about));
    const text = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64');
  }

  /** @returns undefined for what was not sealed with this secret, or for another place. */
  open(sealed: unknown, about: string): unknown {
    if (typeof sealed !== 'string') return undefined;
    const bytes = Buffer.from(sealed, 'base64');
    if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
    const options = { authTagLength: TAG_BYTES };
    const cipher = createDecipheriv(ALGORITHM, this.#seals, bytes.subarray(0, IV_BYTES), options);
    cipher.setAAD(Buffer.from(about)).setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    try {
      const text = Buffer.concat([cipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), cipher.final()]);
      return JSON.parse(text.toString('utf8'));
    } catch {
      return undefined;
    }
  }
}
