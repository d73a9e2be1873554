/** What the clients show and trust in the TLS handshake, read from files once: plain text, as it may go to another thread. */
import { readFileSync } from 'node:fs';

import { SimulatorError } from '../errors.ts';

/** What a client trusts and shows in TLS, as PEM. */
export interface Tls {
  /** The authorities to trust, in place of those that Node knows. */
  ca?: string;
  /** The certificate to show, with its key. */
  cert?: string;
  key?: string;
}

/** The same as files. */
export type TlsFiles = { readonly [Name in keyof Tls]?: string | undefined };

/**
 * @returns undefined where no file is named
 * @throws {SimulatorError} `SIM_USAGE` when the two halves of a certificate are not both given, or the URL has no TLS; `SIM_FILE`
 */
export function readTls({ protocol }: URL, { ca, cert, key }: TlsFiles): Tls | undefined {
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if (!/^(https|wss):$/.test(protocol)) {
    const used = protocol.slice(0, -1);
    throw new SimulatorError('SIM_USAGE', `--ca, --cert and --key are for wss and https, and the URL has ${used}`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new SimulatorError('SIM_USAGE', '--cert and --key: a certificate is shown with its key; give both');
  }
  return {
    ...(ca !== undefined && { ca: read('--ca', ca) }),
    ...(cert !== undefined && { cert: read('--cert', cert) }),
    ...(key !== undefined && { key: read('--key', key) }),
  };
}

function read(flag: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SimulatorError('SIM_FILE', `${flag}: ${(cause as Error).message}`, cause);
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new SimulatorError('SIM_FILE', `${flag}: ${path} has no PEM block`);
}
