/** What a client shows of itself in the handshake of TLS, and whom it trusts: that server's authority, and its own certificate. */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

import { SwitchboardError } from '../../protocol/errors.ts';

/** Each is PEM. */
export interface ClientTls {
  /** Who the client is, where the server asks for it (mutual TLS), and what leads from there to an authority. */
  cert?: string | Buffer;
  /** The private key of `cert`, without a passphrase. */
  key?: string | Buffer;
  /** The authorities to trust. @default those of Node, and of `NODE_EXTRA_CA_CERTS` */
  ca?: string | Buffer;
}

/** The same as files. */
export type ClientTlsFiles = Partial<Record<keyof ClientTls, string>>;

/** @throws {SwitchboardError} `SWB_TLS_INVALID` naming the file, and what is wrong with it. */
export function readClientTls(files: ClientTlsFiles): ClientTls {
  const { cert, key, ca } = files;
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid(`a certificate is shown with its key, and ${cert ?? key} is one of them; give both`);
  }
  const tls: ClientTls = {
    ...(cert !== undefined && { cert: read('cert', cert) }),
    ...(key !== undefined && { key: read('key', key) }),
    ...(ca !== undefined && { ca: read('ca', ca) }),
  };
  // Each alone first, so that it is known which one is wrong; what has no certificate in it would pass for no authority.
  if (tls.ca !== undefined) check(`ca ${ca}: expected a certificate as PEM`, () => new X509Certificate(tls.ca!));
  if (tls.cert !== undefined)
    check(`cert ${cert}: expected a certificate as PEM`, () => new X509Certificate(tls.cert!));
  if (tls.key !== undefined)
    check(`key ${key}: expected a private key as PEM, without a passphrase`, () => createPrivateKey(tls.key!));
  check(`key ${key}: it is not that of ${cert}`, () => createSecureContext(tls));
  return tls;
}

function read(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw invalid(`${name} ${file}: ${(cause as Error).message}`, cause);
  }
}

function check(what: string, use: () => unknown): void {
  try {
    use();
  } catch (cause) {
    throw invalid(`${what}: ${(cause as Error).message}`, cause);
  }
}

const invalid = (detail: string, cause?: unknown): SwitchboardError =>
  new SwitchboardError('SWB_TLS_INVALID', { detail, cause });
