/** What a client shows of itself in the handshake of TLS, and whom it trusts: that server's authority, and its own certificate. */
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
  const read: ClientTls = {};
  for (const name of ['cert', 'key', 'ca'] as const) {
    const file = files[name];
    if (file === undefined) continue;
    try {
      read[name] = readFileSync(file);
    } catch (cause) {
      throw invalid(`${name} ${file}: ${(cause as Error).message}`, cause);
    }
    // Alone, so that it is known which file is wrong.
    check(`${name} ${file}`, name === 'ca' ? { ca: read[name] } : { [name]: read[name] });
  }
  if ((read.cert === undefined) !== (read.key === undefined)) {
    throw invalid(`${read.cert === undefined ? 'cert' : 'key'}: a certificate is shown with its key; give both`);
  }
  check(`key ${files.key}: it is not that of ${files.cert}`, read);
  return read;
}

function check(what: string, tls: ClientTls): void {
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw invalid(`${what}: ${(cause as Error).message}`, cause);
  }
}

const invalid = (detail: string, cause?: unknown): SwitchboardError =>
  new SwitchboardError('SWB_TLS_INVALID', { detail, cause });
