/** The secret that the nodes of one cluster share. With it they sign what they send each other; it never leaves a node. */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

import { SwitchboardError } from '../protocol/errors.ts';

/** What a digest of 256 bits is worth. */
const MIN_BYTES = 32;
/** The key that signs, and the one before or after it while the nodes are being changed. */
const MAX_KEYS = 2;

export class ClusterKey {
  #keys: readonly Buffer[] = [];

  /** @throws as {@link replace} */
  constructor(text: string) {
    this.replace(text);
  }

  /**
   * @param text one key of 32 bytes or more, or two with white space between: the first one signs, both are accepted.
   * @throws {SwitchboardError} `SWB_CONFIG_INVALID`; its message does not repeat the key, and the former ones stay.
   */
  replace(text: string): void {
    const keys = text.split(/\s+/).filter((key) => key !== '');
    if (keys.length === 0) throw invalid('it is empty');
    if (keys.length > MAX_KEYS)
      throw invalid(`it has ${keys.length} keys; ${MAX_KEYS} at most: the one that signs, and one more`);
    const short = keys.map((key) => Buffer.byteLength(key)).find((bytes) => bytes < MIN_BYTES);
    if (short !== undefined) throw invalid(`a key has ${short} bytes, and ${MIN_BYTES} is the least`);
    this.#keys = keys.map((key) => Buffer.from(hkdfSync('sha256', key, '', 'switchboard peer link 1', MIN_BYTES)));
  }

  /** @returns 256 bits as Base64 for URLs, 43 characters. */
  sign(parts: readonly unknown[]): string {
    return digestOf(this.#keys[0]!, parts).toString('base64url');
  }

  /** Keys for another purpose, as every node has them; the first is that of the key that signs. */
  derived(purpose: string): Buffer[] {
    return this.#keys.map((key) => digestOf(key, ['derived', purpose]));
  }

  /** What the keys are called, where only a node should know; the first is that of the key that signs. */
  labels(purpose: string): string[] {
    return this.#keys.map((key) => digestOf(key, ['label', purpose]).toString('base64url').slice(0, 8));
  }

  /** A short code over what clients show, 66 bits: who has no key of the cluster cannot make up something that is looked for. */
  code(purpose: string, text: string): string {
    return codeOf(this.#keys[0]!, purpose, text);
  }

  /** Whether one of the keys made this code. */
  isCode(purpose: string, text: string, code: string): boolean {
    const given = Buffer.from(code);
    const matches = this.#keys.map((key) => {
      const own = Buffer.from(codeOf(key, purpose, text));
      return given.length === own.length && timingSafeEqual(given, own);
    });
    return matches.includes(true);
  }

  /** The same over what is too long to be copied, after these parts. */
  signEntry(parts: readonly unknown[], entry: string | Uint8Array): string {
    return digestOf(this.#keys[0]!, parts, entry).toString('base64url');
  }

  /** Whether one of the keys made this signature. It takes as long for a signature that is nearly right. */
  verifies(parts: readonly unknown[], signature: string): boolean {
    return this.verifiesEntry(parts, '', signature);
  }

  /** As {@link verifies}, for {@link signEntry}. */
  verifiesEntry(parts: readonly unknown[], entry: string | Uint8Array, signature: string): boolean {
    const given = Buffer.from(signature, 'base64url');
    const matches = this.#keys.map((key) => {
      const own = digestOf(key, parts, entry);
      return given.length === own.length && timingSafeEqual(given, own);
    });
    return matches.includes(true);
  }
}

/** JSON keeps the parts apart, and ends by itself: no two lists of parts have the same text, whatever follows. */
const digestOf = (key: Buffer, parts: readonly unknown[], rest: string | Uint8Array = ''): Buffer =>
  createHmac('sha256', key).update(JSON.stringify(parts)).update(rest).digest();

const CODE_LENGTH = 11;
const codeOf = (key: Buffer, purpose: string, text: string): string =>
  digestOf(key, ['code', purpose, text]).toString('base64url').slice(0, CODE_LENGTH);

const invalid = (what: string): SwitchboardError =>
  new SwitchboardError('SWB_CONFIG_INVALID', {
    detail: `clusterKey: ${what}. Make one with "openssl rand -base64 48" and give it to every node`,
  });
