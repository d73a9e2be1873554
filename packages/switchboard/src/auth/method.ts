/** The contract of a way to prove who one is: an API key, a token, a certificate. */
import type { Identity } from './identity.ts';

export interface CertificateIdentity {
  /**
   * The name that the certificate was made out to, with its kind in front so that names of two kinds are never the same one: `uri:`,
   * `email:` or `dns:` of its alternative names, in this order, else `cn:`, else `sha256:` and the certificate's fingerprint.
   */
  principal: string;
  /** SHA-256 of the certificate, as hexadecimal pairs with colons. */
  fingerprint: string;
}

/** What a caller shows, read from a request or an upgrade. */
export interface Shown {
  /** Of the header `Authorization: Bearer`, or of the subprotocol `mcp.auth.`. */
  bearer?: string;
  /** Of the header `X-API-Key`. */
  apiKey?: string;
  /** Of the subprotocol `mcp.ticket.`. */
  ticket?: string;
  /** Of mutual TLS; counts where nothing else is shown. */
  certificate?: CertificateIdentity;
  /** The origin of the web page that it comes from. */
  origin?: string;
  /** Where it comes from. */
  address: string;
}

/** One way to prove who one is. */
export interface Method {
  /**
   * @returns nothing when what is shown is not of its kind.
   * @throws {SwitchboardError} `SWB_UNAUTHORIZED`, `SWB_INSUFFICIENT_SCOPE`, `SWB_ISSUER_UNAVAILABLE` when it is, and no good.
   */
  identify(shown: Shown): Promise<Identity | undefined>;
  /** Whether a grant that it gave still holds; nothing when it did not give it. */
  holds?(grant: string): boolean | undefined;
  close?(): void;
}
