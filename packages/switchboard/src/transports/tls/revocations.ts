/** Connections whose certificates may be revoked while they are open: the handshake alone would let them go on. */
import type { TLSSocket } from 'node:tls';

import type { X509Crl } from '@peculiar/x509';

export class Revocations {
  readonly #open: Set<TLSSocket> = new Set();
  #lists: X509Crl[] = [];

  watch(socket: TLSSocket): void {
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    this.#cutIfRevoked(socket);
  }

  /** Cuts every connection whose certificate is on the new lists. @param crl one or several, as PEM. Rejects when it cannot be read. */
  async use(crl: string | undefined): Promise<void> {
    this.#lists = crl === undefined ? [] : await readLists(crl);
    for (const socket of this.#open) this.#cutIfRevoked(socket);
  }

  #cutIfRevoked(socket: TLSSocket): void {
    if (this.#lists.length === 0) return;
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return;
    // The list's author is not compared: a serial number has 64 random bits at least, and to cut one too many harms less.
    const serial = certificate.serialNumber.toLowerCase();
    if (this.#lists.some((list) => list.findRevoked(serial) !== null)) socket.destroy();
  }
}

/** The library is loaded only where there is a list, as most have none. */
async function readLists(crl: string): Promise<X509Crl[]> {
  await import('reflect-metadata');
  const { X509Crl } = await import('@peculiar/x509');
  const blocks = crl.matchAll(/-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g);
  return [...blocks].map(([, base64 = '']) => new X509Crl(Buffer.from(base64, 'base64')));
}
