/**
 * Tokens of an authorization server: Switchboard is a resource server of OAuth 2.1 (MCP 2026-07-28, Authorization). A token is good
 * that the configured issuer signed for the configured audience, with one of the algorithms that are pinned here (RFC 8725).
 */
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyResult } from 'jose';

import { SwitchboardError } from '../protocol/errors.ts';
import { parseDuration } from '../util/units.ts';
import type { Duration } from '../util/units.ts';
import type { Method, Shown } from './method.ts';
import { isExpired, isPrincipal } from './identity.ts';
import type { Identity } from './identity.ts';
import { findJwksUrl } from './issuer.ts';

/** Tokens of an authorization server (JWT), which callers show as a bearer token. */
export interface JwtOptions {
  /** What `iss` must be, to the letter. */
  issuer: string;
  /** What `aud` must name: the address of this Switchboard, as clients ask a token for it. Several where it has several. */
  audience: string | readonly string[];
  /** Where the issuer's keys are. @default found by the issuer's metadata */
  jwksUrl?: string;
  /** A public key in PEM instead, for small set-ups. Needs `algorithms` with one. */
  publicKey?: string;
  /** A secret of 32 characters or more that both sides know (HS256), for small set-ups. */
  secret?: string;
  /** @default those with a public key that are sound: RS256, PS256, ES256, EdDSA and their longer kin; HS256 with a secret */
  algorithms?: readonly string[];
  /** How far the clocks may be apart, as `30s`. @default '30s' */
  clockSkew?: Duration;
  /** The claim that says who it is. @default 'sub' */
  principalClaim?: string;
  /** Put in front of it, so that it is not taken for who has the same name by another way. @default '' */
  principalPrefix?: string;
  /** The claim with the names of roles, if the issuer gives such. @default none */
  rolesClaim?: string;
  /** The roles that come with each scope. @default none */
  scopes?: Readonly<Record<string, readonly string[]>>;
  /** Scopes that a token must have to come in at all. @default [] */
  requiredScopes?: readonly string[];
}

type Jose = typeof import('jose');

const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** A JWT in its compact form. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** No honest token is longer, and each costs a signature to check. */
const MAX_LENGTH = 8192;
const FETCH_TIMEOUT_MS = 5000;
/** For so long keys are not fetched again because a token names an unknown one: anybody can write such tokens. */
const COOLDOWN_MS = 30_000;
const KEYS_MAX_AGE_MS = 600_000;

export interface JwtClock {
  /** @default the system's, in ms */
  now?: () => number;
  /** @default 30000 */
  cooldownMs?: number;
}

export class Jwt implements Method {
  readonly #options: JwtOptions;
  readonly #clock: JwtClock;
  readonly #algorithms: string[];
  readonly #skewMs: number;
  #verify: Promise<(token: string) => Promise<JWTVerifyResult>> | undefined;

  constructor(options: JwtOptions, clock: JwtClock = {}) {
    this.#options = options;
    this.#clock = clock;
    this.#skewMs = parseDuration(options.clockSkew ?? '30s') ?? 0;
    this.#algorithms = [...(options.algorithms ?? (options.secret === undefined ? ASYMMETRIC : ['HS256']))];
  }

  async identify({ bearer }: Shown): Promise<Identity | undefined> {
    if (bearer === undefined || !COMPACT.test(bearer)) return undefined;
    if (bearer.length > MAX_LENGTH) throw refused('the token is too long');
    const identity = this.#identityOf(await this.#payloadOf(bearer));
    // Signatures are checked by whole seconds, and what expires is ended by parts of them.
    if (isExpired(identity, (this.#clock.now ?? Date.now)())) throw refused('the token has expired', { expired: true });
    return identity;
  }

  async #payloadOf(token: string): Promise<JWTPayload> {
    // With the first token: most have none, and it is a good part of what there is to load at a start.
    const jose = await import('jose');
    this.#verify ??= this.#verifier(jose);
    try {
      const verify = await this.#verify;
      return (await verify(token)).payload;
    } catch (error) {
      if (error instanceof SwitchboardError) {
        // The next one tries again.
        this.#verify = undefined;
        throw error;
      }
      throw translated(error, jose);
    }
  }

  async #verifier({
    createRemoteJWKSet,
    importSPKI,
    jwtVerify,
  }: Jose): Promise<(token: string) => Promise<JWTVerifyResult>> {
    const { issuer, audience, publicKey, secret } = this.#options;
    const checks = {
      issuer,
      audience: typeof audience === 'string' ? audience : [...audience],
      algorithms: this.#algorithms,
      clockTolerance: this.#skewMs / 1000,
      requiredClaims: ['exp'],
    };
    const now = (): { currentDate: Date } => ({ currentDate: new Date((this.#clock.now ?? Date.now)()) });
    if (secret !== undefined) {
      const key = new TextEncoder().encode(secret);
      return (token) => jwtVerify(token, key, { ...checks, ...now() });
    }
    if (publicKey !== undefined) {
      const key = await importSPKI(publicKey, this.#algorithms[0] ?? '');
      return (token) => jwtVerify(token, key, { ...checks, ...now() });
    }
    const keys: JWTVerifyGetKey = createRemoteJWKSet(await this.#jwksUrl(), {
      cooldownDuration: this.#clock.cooldownMs ?? COOLDOWN_MS,
      cacheMaxAge: KEYS_MAX_AGE_MS,
      timeoutDuration: FETCH_TIMEOUT_MS,
    });
    return (token) => jwtVerify(token, keys, { ...checks, ...now() });
  }

  async #jwksUrl(): Promise<URL> {
    const { issuer, jwksUrl } = this.#options;
    return jwksUrl === undefined ? await findJwksUrl(issuer, FETCH_TIMEOUT_MS) : new URL(jwksUrl);
  }

  #identityOf(payload: JWTPayload): Identity {
    const {
      principalClaim = 'sub',
      principalPrefix = '',
      rolesClaim,
      scopes: roleOf = {},
      requiredScopes = [],
    } = this.#options;
    const named = payload[principalClaim];
    const principal = typeof named === 'string' ? principalPrefix + named : undefined;
    if (!isPrincipal(principal)) throw refused(`the claim ${principalClaim} names nobody`);
    const scopes = textsOf(payload['scope'] ?? payload['scp']);
    const missing = requiredScopes.filter((scope) => !scopes.includes(scope));
    if (missing.length > 0) {
      const detail = `the token lacks the scope ${missing.join(' ')}`;
      throw new SwitchboardError('SWB_INSUFFICIENT_SCOPE', { detail, data: { scopes: requiredScopes } });
    }
    const granted = scopes.flatMap((scope) => (Object.hasOwn(roleOf, scope) ? roleOf[scope]! : []));
    const roles = [...(rolesClaim === undefined ? [] : textsOf(payload[rolesClaim])), ...granted];
    const claims = Object.entries(payload).filter((claim): claim is [string, string] => typeof claim[1] === 'string');
    return {
      principal,
      roles: [...new Set(roles)],
      scopes,
      claims: Object.fromEntries(claims),
      via: 'jwt',
      expiresAt: (payload.exp ?? 0) * 1000 + this.#skewMs,
    };
  }
}

/** Scopes come as words in one text or as a list (RFC 8693, section 4.2, and what others do). */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ').filter(Boolean);
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

const refused = (detail: string, data?: Record<string, unknown>): SwitchboardError =>
  new SwitchboardError('SWB_UNAUTHORIZED', { detail, ...(data !== undefined && { data }) });

/** No message repeats what the token holds, as it is not known whose it is. */
function translated(error: unknown, { errors }: Jose): SwitchboardError {
  if (error instanceof errors.JWTExpired) return refused('the token has expired', { expired: true });
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refused(`the claim ${error.claim} of the token is ${error.reason === 'missing' ? 'missing' : 'not right'}`);
  }
  if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) {
    const detail = 'its keys cannot be fetched';
    return new SwitchboardError('SWB_ISSUER_UNAVAILABLE', { detail, data: { retryAfterMs: 5000 }, cause: error });
  }
  // What the issuer answered is no set of keys.
  if (error.code === 'ERR_JOSE_GENERIC' || error.code === 'ERR_JWKS_INVALID') {
    const detail = 'what it answers is no set of keys';
    return new SwitchboardError('SWB_ISSUER_UNAVAILABLE', { detail, data: { retryAfterMs: 5000 }, cause: error });
  }
  return refused('the token is not signed by the issuer with a key and an algorithm that are accepted here');
}
