/** A certificate authority for development: makes certificates of servers and clients, and lists of those that are revoked. */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509Crl,
  X509CrlGenerator,
} from '@peculiar/x509';
import type { Extension } from '@peculiar/x509';

/** Both as PEM. */
export interface Issued {
  certificate: string;
  key: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** A clock that is behind takes the certificate all the same. */
const CLOCK_SKEW_MS = 3_600_000;
const CA_DAYS = 3650;
const CRL_DAYS = 3650;

export class Issuer {
  readonly #certificate: X509Certificate;
  readonly #key: CryptoKey;
  readonly #pem: Issued;

  private constructor(pem: Issued, key: CryptoKey) {
    this.#pem = pem;
    this.#certificate = new X509Certificate(pem.certificate);
    this.#key = key;
  }

  /** A new authority, good for ten years. */
  static async create(): Promise<Issuer> {
    const keys = await newKeys();
    const name = `CN=Switchboard development CA ${randomBytes(4).toString('hex')}`;
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...validity(CA_DAYS),
      serialNumber: newSerial(),
      name,
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const pem = { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
    return new Issuer(pem, keys.privateKey);
  }

  /** The authority that was made before. Rejects when the key is not one of these. */
  static async from(pem: Issued): Promise<Issuer> {
    return new Issuer(pem, await webcrypto.subtle.importKey('pkcs8', fromPem(pem.key), ALGORITHM, true, ['sign']));
  }

  get pem(): Issued {
    return this.#pem;
  }

  /** @param names host names and addresses; browsers and clients go by nothing else. */
  server(names: readonly string[], days: number): Promise<Issued> {
    const alternatives = names.map((name) => ({
      type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const),
      value: name,
    }));
    return this.#issue(names[0] ?? 'localhost', days, ExtendedKeyUsage.serverAuth, [
      new SubjectAlternativeNameExtension(alternatives),
    ]);
  }

  client(name: string, days: number): Promise<Issued> {
    const isEmail = /^[^\s@]+@[^\s@]+$/.test(name);
    const alternatives = isEmail ? [new SubjectAlternativeNameExtension([{ type: 'email', value: name }])] : [];
    return this.#issue(name, days, ExtendedKeyUsage.clientAuth, alternatives);
  }

  /** A list of revoked certificates: those of an older list, and these. All as PEM. */
  async revoke(certificates: readonly string[], older?: string): Promise<string> {
    const now = new Date();
    const entries = new Map(
      (older === undefined ? [] : new X509Crl(fromPem(older)).entries).map(({ serialNumber, revocationDate }) => [
        serialNumber,
        { serialNumber, revocationDate },
      ]),
    );
    for (const pem of certificates) {
      const { serialNumber } = new X509Certificate(pem);
      entries.set(serialNumber, { serialNumber, revocationDate: now });
    }
    const list = await X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: new Date(now.getTime() - CLOCK_SKEW_MS),
      nextUpdate: new Date(now.getTime() + CRL_DAYS * DAY_MS),
      entries: [...entries.values()],
      signingAlgorithm: ALGORITHM,
      signingKey: this.#key,
    });
    return asPem('X509 CRL', Buffer.from(list.rawData));
  }

  async #issue(name: string, days: number, usage: ExtendedKeyUsage, more: readonly Extension[]): Promise<Issued> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.create({
      ...validity(days),
      serialNumber: newSerial(),
      subject: [{ CN: [name] }],
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#key,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([usage]),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        await AuthorityKeyIdentifierExtension.create(this.#certificate),
        ...more,
      ],
    });
    return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
  }
}

const newKeys = (): Promise<CryptoKeyPair> => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

/** 127 random bits; the first one is none, as the number must be positive. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** A negative number of days is a certificate that has ended. */
function validity(days: number): { notBefore: Date; notAfter: Date } {
  const end = Date.now() + days * DAY_MS;
  return { notBefore: new Date(Math.min(Date.now(), end - DAY_MS) - CLOCK_SKEW_MS), notAfter: new Date(end) };
}

async function exportKey(key: CryptoKey): Promise<string> {
  return asPem('PRIVATE KEY', Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)));
}

/** @param label as RFC 7468 has it; the library calls lists of revoked certificates differently. */
function asPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

const fromPem = (pem: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
