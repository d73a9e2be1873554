/**
 * What a person shows in `auth`, and where it goes: into headers or variables of the servers behind the chat, or into arguments of
 * their tools. It is kept in memory for the session alone; the model, the history and the logs never get it.
 */
import { createHash } from 'node:crypto';

import { z } from 'zod';

/** How the host uses credentials. Texts name them as `${auth.api_key}` and `${auth.org_id}`. */
export interface CredentialOptions {
  /** Values of the caller, by the header names in which servers ask for them as `${caller.header:X-Key}`. */
  headers?: Record<string, string>;
  /**
   * Arguments of tools, by the server's name, or `*` for all servers. A tool that has an argument of this name gets the value, whatever the
   * model wrote, and the model does not see the argument.
   */
  arguments?: Record<string, Record<string, string>>;
  /** How credentials are checked when they are shown. @default any are taken, and the servers decide */
  probe?: HttpProbe | ToolProbe;
  /** Used for people who have not signed in. Only on this machine, unless `insecure`. @default they must sign in */
  fallback?: { api_key: string; org_id: string };
  /** Everybody must sign in, also where the environment has credentials that could be a fallback. @default false */
  required?: boolean;
}

/** A request that is answered with 2xx where the credentials are right, and with 401 or 403 where not. */
export interface HttpProbe {
  url: string;
  headers?: Record<string, string>;
}

/** A tool that answers without an error where the credentials are right. */
export interface ToolProbe {
  server: string;
  tool: string;
  arguments?: Record<string, unknown>;
}

const texts = z.record(z.string(), z.string());
export const credentialOptionsSchema: z.ZodType<CredentialOptions> = z.strictObject({
  headers: texts.exactOptional(),
  arguments: z.record(z.string(), texts).exactOptional(),
  probe: z
    .union([
      z.strictObject({ url: z.string().min(1), headers: texts.exactOptional() }),
      z.strictObject({
        server: z.string(),
        tool: z.string(),
        arguments: z.record(z.string(), z.unknown()).exactOptional(),
      }),
    ])
    .exactOptional(),
  fallback: z.strictObject({ api_key: z.string().min(1), org_id: z.string().min(1) }).exactOptional(),
  required: z.boolean().exactOptional(),
});

const PLACE = /\$\{auth\.(api_key|org_id)\}/g;
/** Masking shorter keys would say more than it hides. */
const LEAST_KEY = 6;
/** A shorter name of an organization may be a word that people use. */
const LEAST_ORGANIZATION = 12;
const MASK = '***';

/** What one person has shown. */
export class Credentials {
  readonly #apiKey: string;
  readonly #orgId: string;
  /** The same for the same credentials; tells nobody what they are. */
  readonly key: string;
  /** The same for the same API key, however the organization beside it is spelt. */
  readonly account: string;
  /** The same for the same organization; a mere claim until {@link isProven}. */
  readonly organization: string;
  /** Whether a probe has confirmed that key and organization belong together. */
  isProven = false;
  readonly #secrets: readonly string[];

  /** @param salt what digests are made with. */
  constructor(apiKey: string, orgId: string, salt: string = SALT) {
    const digest = (text: string): string =>
      createHash('sha256').update(salt).update(text).digest('base64url').slice(0, 22);
    this.#apiKey = apiKey;
    this.#orgId = orgId;
    this.key = digest(`${orgId}\n${apiKey}`);
    this.account = digest(apiKey);
    this.organization = digest(orgId);
    // The longest first, so that nothing is left of one that holds another.
    const secrets = [
      ...(apiKey.length < LEAST_KEY ? [] : [apiKey]),
      ...(orgId.length < LEAST_ORGANIZATION ? [] : [orgId]),
    ];
    this.#secrets = [...new Set(secrets.flatMap(spellingsOf))].toSorted((a, b) => b.length - a.length);
  }

  /** A text with the values in their places. */
  fill(text: string, encode: (value: string) => string = String): string {
    return text.replace(PLACE, (_, name: string) => encode(name === 'api_key' ? this.#apiKey : this.#orgId));
  }

  fillAll(all: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(all).map(([name, text]) => [name, this.fill(text)]));
  }

  /** A text without the values. */
  mask(text: string): string {
    return this.#secrets.reduce((masked, secret) => masked.replaceAll(secret, MASK), text);
  }

  /** For the node to which the session goes, and nobody else. */
  reveal(): { api_key: string; org_id: string; isProven: boolean } {
    return { api_key: this.#apiKey, org_id: this.#orgId, isProven: this.isProven };
  }

  /** So that nothing is shown by accident, in a log or an error. */
  toJSON(): string {
    return MASK;
  }
}

/** The ways in which servers repeat a value: plain, in URLs, in JSON, as hex, and as Base64 from any byte of a longer text. */
function spellingsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const encoded = encodeURIComponent(value);
  const base64 = [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and the last character hold bits of what is beside the value.
    const inner = whole.slice(Math.ceil((before * 4) / 3), whole.length - ((before + bytes.length) % 3 === 0 ? 0 : 1));
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const hex = bytes.toString('hex');
  return [
    value,
    JSON.stringify(value).slice(1, -1),
    encoded,
    encoded.replaceAll(/%../g, (byte) => byte.toLowerCase()),
    hex,
    hex.toUpperCase(),
    ...base64,
  ];
}

/** What is like JSON, with every text in it masked, the names of its members too. */
export function maskDeep<Value>(value: Value, mask: (text: string) => string): Value {
  if (typeof value === 'string') return mask(value) as Value;
  if (Array.isArray(value)) return value.map((each: unknown) => maskDeep(each, mask)) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [mask(key), maskDeep(each as unknown, mask)]),
  ) as Value;
}

const SALT = crypto.randomUUID();
