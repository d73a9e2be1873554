import type { Identity } from '../auth/identity.ts';
import type { Transport } from '../protocol/session-context.ts';
import type { Upstream } from '../router/exchange.ts';
import type { CallerCredentialValues } from './caller-credential-values.ts';

/** Who is behind a connection, and which upstream it reached. */
export interface Arrival {
  /** The connection's or session's name in logs and tables. Not a secret, and worth nothing to who learns it. */
  readonly id: string;
  /** Who is calling, as it was last shown. */
  readonly identity: Identity;
  /** Where it comes from. */
  readonly address?: string;
  readonly upstream: Upstream;
  /** Whether nothing but an address stands behind `id`. */
  readonly loose?: boolean;
  /** What the client brought for its server. */
  readonly credentials: CallerCredentialValues;
  readonly transport: Transport;
  readonly userAgent?: string;
}
