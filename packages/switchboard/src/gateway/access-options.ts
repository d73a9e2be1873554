/** How a configuration sets up authentication and permissions: the blocks `jwt` and `roles`. */
import { createPublicKey } from 'node:crypto';
import { z } from 'zod';

import type { JwtOptions } from '../auth/jwt.ts';
import type { RoleLimits, RoleRules } from '../router/roles.ts';
import type { Rules } from '../router/rules.ts';
import { isLoopback } from '../util/address.ts';
import type { Duration, Size } from '../util/units.ts';
import { duration, size } from './option-types.ts';
import type { Fields } from './option-types.ts';
import type { Problem } from './options.ts';

/** A role, as one writes it. */
export interface RoleOptions extends Omit<RoleRules, 'limits'> {
  /** How much each principal with this role may use. @default no limits beside the options */
  limits?: RoleLimitOptions | undefined;
}

/** The limits of a role, as one writes them. */
export interface RoleLimitOptions extends Omit<RoleLimits, 'maxMessageSize'> {
  /** The largest message, such as `'1MiB'`; no more than the option of that name. @default that option */
  maxMessageSize?: Size | undefined;
}

/** Who is let in, and what they may do; beside `keysFile` and `token` of the settings. */
export interface AccessOptions {
  /** Tokens of an authorization server. @default none are taken */
  jwt?: JwtOptions;
  /** What the roles of callers let them use. @default everybody may use everything */
  roles?: Readonly<Record<string, RoleOptions>>;
}

const SYMMETRIC = /^HS(256|384|512)$/;
const ALGORITHMS = /^((RS|PS|ES|HS)(256|384|512)|EdDSA|Ed25519)$/;

const texts = z.array(z.string().min(1));
const secureUrl = z
  .url({ protocol: /^https?$/, error: 'expected a URL with https' })
  .refine(
    (url) => /^https:/i.test(url) || isLoopback(new URL(url).hostname),
    'expected https: who can change what comes from there can let anybody in',
  );

const jwt = z
  .strictObject({
    issuer: secureUrl,
    audience: z.union([z.string().min(1), texts.min(1)]),
    jwksUrl: secureUrl.optional(),
    publicKey: z.string().refine(isPublicKey, 'expected a public key in PEM').optional(),
    secret: z.string().min(32, 'expected 32 characters or more').optional(),
    algorithms: z.array(z.string().regex(ALGORITHMS, 'no algorithm that is known to be sound')).min(1).optional(),
    clockSkew: z
      .custom<Duration>((value) => duration.safeParse(value).success, 'expected a duration such as 30s')
      .optional(),
    principalClaim: z.string().min(1).optional(),
    principalPrefix: z.string().optional(),
    rolesClaim: z.string().min(1).optional(),
    scopes: z.record(z.string(), texts).optional(),
    requiredScopes: texts.optional(),
  } satisfies Fields<JwtOptions>)
  .refine(({ jwksUrl, publicKey, secret }) => [jwksUrl, publicKey, secret].filter(Boolean).length < 2, {
    error: 'give one of jwksUrl, publicKey and secret',
  })
  .refine(({ publicKey, algorithms }) => publicKey === undefined || algorithms?.length === 1, {
    path: ['algorithms'],
    error: 'a public key is for one algorithm; name it, as in ["ES256"]',
  })
  // A public key must not be taken for a secret that both sides know (RFC 8725, section 2.1).
  .refine(({ secret, algorithms }) => algorithms?.every((each) => SYMMETRIC.test(each) === Boolean(secret)) ?? true, {
    path: ['algorithms'],
    error: 'HS256 and its kin are for a secret, and a secret for nothing else',
  });

const rules = z.strictObject({
  allow: z.array(z.string()).optional(),
  deny: z.array(z.string()).optional(),
} satisfies Fields<Rules>);
const whole = z.int().min(1);
const role = z.strictObject({
  upstreams: z.array(z.string()).optional(),
  tools: rules.optional(),
  prompts: rules.optional(),
  resources: rules.optional(),
  readOnly: z.boolean().optional(),
  limits: z
    .strictObject({
      requestsPerMinute: z.number().positive().optional(),
      burst: whole.optional(),
      concurrent: whole.optional(),
      sessions: whole.optional(),
      maxMessageSize: size.optional(),
    } satisfies Fields<RoleLimitOptions>)
    .optional(),
} satisfies Fields<RoleOptions>);
const roles = z.record(z.string().regex(/^[\w.:-]{1,64}$/, 'no name for a role'), role);
const access = { jwt, roles };

export const ACCESS_BLOCKS: readonly (keyof AccessOptions)[] = ['jwt', 'roles'];

/** The blocks with their units read. */
interface ReadAccess {
  jwt?: JwtOptions;
  roles?: Readonly<Record<string, RoleRules>>;
}

/** Reads one of the blocks; units are read, and every wrong value is reported. */
export function readAccess<Block extends keyof AccessOptions>(
  block: Block,
  input: unknown,
): { value?: ReadAccess[Block]; problems: Problem[] } {
  const read = access[block].safeParse(input);
  if (read.success) return { value: read.data as ReadAccess[Block], problems: [] };
  // What was found there is not repeated: it may be a secret.
  const problems = read.error.issues.map(({ path, message }) => ({ path: [block, ...(path as string[])], message }));
  return { problems };
}

function isPublicKey(pem: string): boolean {
  try {
    return createPublicKey(pem).type === 'public' && !pem.includes('PRIVATE KEY');
  } catch {
    return false;
  }
}
