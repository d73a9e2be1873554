/** Who a client is by the certificate that it showed in the handshake of mutual TLS. */
import type { Duplex } from 'node:stream';
import type { PeerCertificate, TLSSocket } from 'node:tls';

import { SwitchboardError } from '../protocol/errors.ts';
import type { CertificateIdentity, Method, Shown } from './method.ts';
import { NOBODY } from './identity.ts';
import type { Identity } from './identity.ts';

/**
 * Who shows nothing but a certificate is whom it was made out to. A browser shows that of its owner by itself, whatever page asks:
 * so a page must be one that is allowed by name, and that it is served from this machine is not enough.
 */
export class ClientCertificates implements Method {
  readonly #allowedOrigins: readonly string[];

  constructor(allowedOrigins: readonly string[]) {
    this.#allowedOrigins = allowedOrigins;
  }

  async identify({ bearer, apiKey, certificate, origin }: Shown): Promise<Identity | undefined> {
    if (certificate === undefined || bearer !== undefined || apiKey !== undefined) return undefined;
    if (origin !== undefined && !this.#allowedOrigins.includes(origin)) {
      const detail = `${JSON.stringify(origin)}, with nothing but the certificate of the browser; to accept it, list it in allowedOrigins`;
      throw new SwitchboardError('SWB_ORIGIN_REFUSED', { detail });
    }
    return { ...NOBODY, principal: certificate.principal, via: 'certificate' };
  }
}

const KINDS = ['uri', 'email', 'dns'] as const;

/**
 * @param socket of a request, over HTTP/1.1 or HTTP/2.
 * @returns nothing where no certificate was asked for, or what was shown was not accepted.
 */
export function certificateIdentity(socket: Duplex): CertificateIdentity | undefined {
  // The socket of an HTTP/2 request stands in for the real one.
  const { authorized, getPeerCertificate } = socket as Partial<TLSSocket>;
  if (authorized !== true || getPeerCertificate === undefined) return undefined;
  const certificate: Partial<PeerCertificate> = getPeerCertificate.call(socket as TLSSocket);
  if (certificate.fingerprint256 === undefined) return undefined;
  return { principal: principalOf(certificate as PeerCertificate), fingerprint: certificate.fingerprint256 };
}

function principalOf({ subjectaltname, subject, fingerprint256 }: PeerCertificate): string {
  const names = alternativeNames(subjectaltname ?? '');
  for (const kind of KINDS) {
    const found = names.find((name) => name.kind === kind);
    if (found !== undefined) return `${kind}:${found.value}`;
  }
  // A subject may have several common names; which of them is meant nobody knows.
  const name: unknown = subject.CN;
  return typeof name === 'string' && name !== '' ? `cn:${name}` : `sha256:${fingerprint256}`;
}

/**
 * The alternative names as Node writes them: `URI:…, DNS:…`, where a value that could be taken for several is a JSON string
 * (CVE-2021-44532). What is written in any other way ends the list.
 */
export function alternativeNames(text: string): { kind: string; value: string }[] {
  const names: { kind: string; value: string }[] = [];
  const name = /([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?:, |$)/y;
  for (let match = name.exec(text); match !== null && match[0] !== ''; match = name.exec(text)) {
    const [, kind = '', quoted, plain = ''] = match;
    const value = quoted === undefined ? plain : unquoted(quoted);
    if (value === undefined) return names;
    names.push({ kind: kind.toLowerCase(), value });
  }
  return names;
}

function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}
