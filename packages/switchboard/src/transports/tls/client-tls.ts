/** What a client shows of itself in the handshake of TLS, and whom it trusts. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { PemFile } from './pem.ts';

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
export type ClientTlsFiles = Partial<Record<keyof ClientTls, string | undefined>>;

/** @throws {SwitchboardError} `SWB_TLS_INVALID` naming the file, and what is wrong with it. */
export function readClientTls({ cert, key, ca }: ClientTlsFiles): ClientTls {
  const tls: ClientTls = {};
  if (ca !== undefined) tls.ca = new PemFile('ca', ca).certificates().join('\n');
  if (cert === undefined && key === undefined) return tls;
  if (cert === undefined || key === undefined) {
    const detail = `a certificate is shown with its key, and ${cert ?? key} is one of them; give both`;
    throw new SwitchboardError('SWB_TLS_INVALID', { detail });
  }
  const shown = new PemFile('cert', cert);
  return { ...tls, cert: shown.text(), key: new PemFile('key', key).keyOf(shown.certificates()[0]!, cert) };
}
