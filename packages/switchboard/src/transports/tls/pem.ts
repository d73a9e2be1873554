/** Files of PEM: read, and checked so far that it can be told what is wrong with which of them. */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { SwitchboardError } from '../../protocol/errors.ts';

/** All of them throw `SWB_TLS_INVALID` with the option, the file, and what is wrong. */
export class PemFile {
  readonly #option: string;
  readonly #path: string;

  /** @param option that names the file. */
  constructor(option: string, path: string) {
    this.#option = option;
    this.#path = path;
  }

  text(): string {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch (cause) {
      throw this.invalid((cause as Error).message, cause);
    }
  }

  /** One at least. */
  certificates(): X509Certificate[] {
    const blocks = this.text().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
    if (blocks === null) throw this.invalid('there is no certificate in it; expected PEM, BEGIN CERTIFICATE');
    try {
      return blocks.map((block) => new X509Certificate(block));
    } catch (cause) {
      throw this.invalid(`a certificate in it cannot be read: ${(cause as Error).message}`, cause);
    }
  }

  /** @returns the private key of a certificate, which stands in `certificateFile`. */
  keyOf(certificate: X509Certificate, certificateFile: string): string {
    const text = this.text();
    if (/ENCRYPTED/.test(text)) throw this.invalid('the key needs a passphrase; give one without');
    let key: KeyObject;
    try {
      key = createPrivateKey(text);
    } catch (cause) {
      throw this.invalid('there is no private key in it; expected PEM, BEGIN PRIVATE KEY', cause);
    }
    if (certificate.checkPrivateKey(key)) return text;
    throw this.invalid(`it is not the key of the certificate in ${certificateFile}`);
  }

  invalid(what: string, cause?: unknown): SwitchboardError {
    return new SwitchboardError('SWB_TLS_INVALID', { detail: `${this.#option} ${this.#path}: ${what}`, cause });
  }
}
