/**
 * Values that each caller brings for a server, such as a key of its own: an upstream names them in its `env` or `headers` as
 * `${caller.header:X-Key}` and `${caller.claim:sub}`. They are kept in memory only, and shown to nobody but the server.
 */
import { createHmac, randomBytes } from 'node:crypto';

import { SwitchboardError } from '../protocol/errors.ts';
import type { Scope } from '../router/exchange.ts';
import { maskOf } from '../util/mask.ts';

const PLACE = /\$\{caller\.(header|claim):([^}]*)\}/g;
const SENDABLE = /^[\x20-\x7e\x80-\xff]+$/;
const KINDS = { header: 'headers', claim: 'claims' } as const;

/** The texts of a server that hold places for values of its caller. */
export class CredentialTemplate {
  readonly #texts: Readonly<Record<string, string>>;
  /** Names of headers, in small letters. */
  readonly headers: readonly string[];
  readonly claims: readonly string[];
  /** Header names as they were written. */
  readonly #written: Map<string, string> = new Map();
  /** Two callers with the same values have the same digest, which tells nobody the values. */
  readonly #salt: Buffer;

  /**
   * @param texts the values of the upstream's `env` or `headers`, by name.
   * @param salt where other processes have to come to the same digests. @default one of this process
   */
  constructor(texts: Readonly<Record<string, string>>, salt: Buffer = randomBytes(32)) {
    this.#texts = texts;
    this.#salt = salt;
    const found = Object.values(texts).flatMap((text) => [...text.matchAll(PLACE)]);
    for (const [, kind, name = ''] of found) if (kind === 'header') this.#written.set(name.toLowerCase(), name);
    this.headers = [...this.#written.keys()];
    this.claims = [...new Set(found.flatMap(([, kind, name = '']) => (kind === 'claim' ? [name] : [])))];
  }

  /** Whether every caller gets the same. */
  get isEmpty(): boolean {
    return this.headers.length + this.claims.length === 0;
  }

  /** @throws {SwitchboardError} `SWB_CREDENTIAL_MISSING` that says what to send. */
  read(upstream: string, { credentials }: Pick<Scope, 'credentials'>): Credentials | undefined {
    if (this.isEmpty) return undefined;
    const missing = [
      ...this.headers
        .filter((name) => !credentials?.headers[name])
        .map((name) => `the header ${this.#written.get(name)}`),
      ...this.claims.filter((name) => !credentials?.claims[name]).map((name) => `the claim ${name} in its token`),
    ];
    if (credentials === undefined || missing.length > 0) {
      const detail = `${upstream} needs a value of its caller: send ${missing.join(' and ')}`;
      const data = { headers: this.headers.map((name) => this.#written.get(name)), claims: this.claims };
      throw new SwitchboardError('SWB_CREDENTIAL_MISSING', { detail, data });
    }
    const values = [
      ...this.headers.map((name) => credentials.headers[name]!),
      ...this.claims.map((name) => credentials.claims[name]!),
    ];
    // A claim may hold anything that a token can.
    if (!values.every((value) => SENDABLE.test(value))) {
      const detail = `${upstream}: a value of the caller holds characters that can be neither in a variable nor in a header`;
      throw new SwitchboardError('SWB_CREDENTIAL_MISSING', { detail });
    }
    const filled = Object.fromEntries(
      Object.entries(this.#texts).map(([key, text]) => [
        key,
        text.replace(PLACE, (_, kind: keyof typeof KINDS, name: string) => {
          return credentials[KINDS[kind]][kind === 'header' ? name.toLowerCase() : name] ?? '';
        }),
      ]),
    );
    const digest = createHmac('sha256', this.#salt).update(JSON.stringify(values)).digest('base64url').slice(0, 16);
    return new Credentials(digest, filled, values);
  }
}

/** The values of one caller, in the places where they belong. */
export class Credentials {
  /** The same for the same values; safe to be shown. */
  readonly digest: string;
  /** The upstream's `env` or `headers`. */
  readonly texts: Readonly<Record<string, string>>;
  /** A text of the server without the values. */
  readonly mask: (text: string) => string;

  constructor(digest: string, texts: Readonly<Record<string, string>>, values: readonly string[]) {
    this.digest = digest;
    this.texts = texts;
    this.mask = maskOf(values);
  }
}
