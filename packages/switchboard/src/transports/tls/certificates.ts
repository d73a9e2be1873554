/**
 * The certificates of a server: what it shows, and whom it takes certificates from. They are read from files, checked before they
 * are used, and read again when a file changes.
 */
import { constants } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions, TlsOptions } from 'node:tls';

import type { SwitchboardError } from '../../protocol/errors.ts';
import { FileChanges } from '../../util/file-changes.ts';
import { PemFile } from './pem.ts';

/** The files, by the options that name them; those that are not in use are empty. */
export interface CertificateFiles {
  /** The server's certificate, and after it those between it and the root, as PEM. */
  tlsCert: string;
  /** Its private key, as PEM without a passphrase. */
  tlsKey: string;
  /** Further certificates between the server's own and the root. */
  tlsCa: string;
  /** CA bundle for client certificates: a client without a certificate signed by one of them fails the handshake. */
  tlsClientCa: string;
  /** Revoked client certificates: a CRL for each of those CAs. */
  tlsClientCrl: string;
}

export interface CertificateHandlers {
  /** They were read again. */
  onLoad(loaded: Loaded): void;
  /** A file changed and cannot be used: what was read before stays in use. */
  onFailure(error: SwitchboardError): void;
}

export interface Loaded {
  options: SecureContextOptions;
  subject: string;
  expiresAt: Date;
  /** The list of revoked certificates as PEM, where there is one. */
  crl: string | undefined;
}

/** How often the files are looked at. */
const LOOK_MS = 1000;

/**
 * Forward secrecy and authenticated encryption only, as Mozilla's "intermediate" has it: TLS 1.3, and of TLS 1.2 what HTTP/2 takes
 * (RFC 9113, section 9.2.2).
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** What a server asks of every handshake, whatever its certificates. @param mutual whether clients have to show one too. */
export const handshakeRules = (mutual: boolean): TlsOptions => ({
  ALPNProtocols: ['h2', 'http/1.1'],
  handshakeTimeout: 10_000,
  requestCert: mutual,
  rejectUnauthorized: mutual,
});

export class Certificates {
  readonly #files: CertificateFiles;
  readonly #changes: FileChanges;

  constructor({ tlsCert, tlsKey, tlsCa, tlsClientCa, tlsClientCrl }: CertificateFiles) {
    this.#files = { tlsCert, tlsKey, tlsCa, tlsClientCa, tlsClientCrl };
    this.#changes = new FileChanges(Object.values(this.#files).filter((file) => file !== ''));
  }

  get isMutual(): boolean {
    return this.#files.tlsClientCa !== '';
  }

  /** @throws {SwitchboardError} `SWB_TLS_INVALID` naming the option, the file, and what is wrong with it. */
  load(): Loaded {
    const { tlsCert, tlsCa, tlsClientCa, tlsClientCrl } = this.#files;
    const [certificate] = this.#file('tlsCert').certificates();
    const key = this.#file('tlsKey').keyOf(certificate!, tlsCert);
    this.#checkDates(certificate!);
    const between = tlsCa === '' ? [] : this.#file('tlsCa').certificates().map(String);
    const chain = [this.#file('tlsCert').text(), ...between].join('\n');
    const ca = tlsClientCa === '' ? undefined : this.#file('tlsClientCa').certificates().map(String);
    const crl = tlsClientCrl === '' ? undefined : this.#file('tlsClientCrl').text();
    const options: SecureContextOptions = {
      cert: chain,
      key,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      ciphers: CIPHERS,
      honorCipherOrder: true,
      // A session that is taken up again would not show its certificate again, although it may have been revoked since.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (ca === undefined ? 0 : constants.SSL_OP_NO_TICKET),
      ...(ca !== undefined && { ca }),
      ...(crl !== undefined && { crl }),
    };
    try {
      createSecureContext(options);
    } catch (cause) {
      throw this.#file(crl === undefined ? 'tlsCert' : 'tlsClientCrl').invalid((cause as Error).message, cause);
    }
    return { options, crl, subject: nameOf(certificate!), expiresAt: new Date(certificate!.validTo) };
  }

  /** Reads everything again whenever a file changes. */
  watch(handlers: CertificateHandlers): void {
    this.#changes.watch(LOOK_MS, () => this.reload(handlers));
  }

  /** Reads everything again now. */
  reload({ onLoad, onFailure }: CertificateHandlers): void {
    let loaded: Loaded;
    try {
      loaded = this.load();
    } catch (error) {
      onFailure(error as SwitchboardError);
      return;
    }
    onLoad(loaded);
  }

  close(): void {
    this.#changes.stop();
  }

  #file(option: keyof CertificateFiles): PemFile {
    return new PemFile(option, this.#files[option]);
  }

  #checkDates({ validFrom, validTo }: X509Certificate): void {
    const now = Date.now();
    if (now > Date.parse(validTo)) throw this.#file('tlsCert').invalid(`the certificate ended on ${validTo}`);
    if (now < Date.parse(validFrom)) throw this.#file('tlsCert').invalid(`the certificate begins on ${validFrom}`);
  }
}

/** What the certificate is for, in a few words. */
const nameOf = ({ subjectAltName, subject }: X509Certificate): string =>
  subjectAltName ?? subject.replaceAll('\n', ', ');
