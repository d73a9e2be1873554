/**
 * The token that Switchboard itself shows to a remote server: asked for with the credentials of a client (RFC 6749, section 4.4),
 * kept until shortly before it expires, and asked for once however many wait for it.
 */
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject, textOf } from '../protocol/jsonrpc.ts';
import { shown } from '../protocol/shown.ts';
import { fetchThrough, proxyFor } from '../transports/proxy.ts';
import type { Environment } from '../transports/proxy.ts';
import { backoffMs } from '../util/backoff.ts';

/** How Switchboard gets a token for a remote server. */
export interface ClientTokenOptions {
  /** The token endpoint of the authorization server; https, unless it is on this machine. */
  tokenUrl: string;
  /** The id under which Switchboard is registered there. */
  clientId: string;
  /** Its secret. */
  clientSecret: string;
  /** The scopes to ask for, with spaces between them. @default those that the authorization server gives */
  scope?: string | undefined;
  /** The server that the token is for, if the authorization server requires it. @default not sent */
  audience?: string | undefined;
}

const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 64 * 1024;
/** So long before its end a token is no longer used, or a tenth of its life if that is less. */
const MARGIN_MS = 60_000;
/** How long a token is believed in that does not say when it ends. */
const UNTOLD_LIFE_MS = 300_000;

export class ClientToken {
  readonly #options: ClientTokenOptions;
  readonly #environment: Environment;
  #token: { value: string; goodUntil: number } | undefined;
  #asking: Promise<string> | undefined;
  #failures = 0;
  #failed: { error: SwitchboardError; until: number } | undefined;

  /** @param environment may name a proxy (`HTTPS_PROXY`). */
  constructor(options: ClientTokenOptions, environment: Environment = {}) {
    this.#options = options;
    this.#environment = environment;
  }

  /** The value of an `Authorization` header. @throws {SwitchboardError} `SWB_UPSTREAM_UNAVAILABLE`, without any secret. */
  async header(): Promise<string> {
    if (this.#token !== undefined && Date.now() < this.#token.goodUntil) return `Bearer ${this.#token.value}`;
    // An authorization server that refuses is not asked again for every request.
    if (this.#failed !== undefined && Date.now() < this.#failed.until) throw this.#failed.error;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return `Bearer ${await this.#asking}`;
  }

  /** The server did not take it: it is not shown again. */
  reject(header: string): void {
    if (header === `Bearer ${this.#token?.value}`) this.#token = undefined;
  }

  async #ask(): Promise<string> {
    const { tokenUrl } = this.#options;
    const { origin, pathname } = new URL(tokenUrl);
    try {
      const { value, lifeMs } = await this.#request();
      this.#failures = 0;
      this.#failed = undefined;
      this.#token = { value, goodUntil: Date.now() + lifeMs - Math.min(MARGIN_MS, lifeMs / 10) };
      return value;
    } catch (cause) {
      const why = cause instanceof Refusal ? cause.message : describe(cause);
      const error = new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', {
        detail: `no token from ${origin}${pathname}: ${why}`,
      });
      this.#failed = { error, until: Date.now() + backoffMs(++this.#failures, { firstMs: 500 }) };
      throw error;
    }
  }

  async #request(): Promise<{ value: string; lifeMs: number }> {
    const { tokenUrl, clientId, clientSecret, scope, audience } = this.#options;
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope !== undefined && { scope }),
      ...(audience !== undefined && { audience }),
    });
    const secret = Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64');
    const proxy = proxyFor(new URL(tokenUrl), this.#environment);
    const send = proxy === undefined ? fetch : await fetchThrough(proxy);
    const response = await send(tokenUrl, {
      method: 'POST',
      headers: { authorization: `Basic ${secret}`, accept: 'application/json' },
      body,
      // The secret is for this address alone.
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = await readJson(response);
    if (!response.ok) throw new Refusal(`it answered with ${response.status}${errorCodeOf(answer)}`);
    const { access_token: value, token_type: type, expires_in: seconds } = answer;
    if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) throw new Refusal('its answer has no access_token');
    if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') throw new Refusal('its token is no bearer token');
    const lifeMs = Number(seconds) > 0 ? Number(seconds) * 1000 : UNTOLD_LIFE_MS;
    return { value, lifeMs };
  }
}

/** What an authorization server did wrong, in words without secrets. */
class Refusal extends Error {}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER_BYTES) throw new Refusal(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
  }
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : {};
  } catch {
    // The text may hold anything, a token too.
    return {};
  }
}

/** The error code of RFC 6749, section 5.2, if it looks like one. */
function errorCodeOf({ error }: Record<string, unknown>): string {
  return typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? ` (${error})` : '';
}

/** Errors of `fetch` have what went wrong in their cause. */
function describe(thrown: unknown): string {
  const { cause = thrown } = thrown as { cause?: unknown };
  const { code, message } = cause as { code?: unknown; message?: unknown };
  return textOf(code) || textOf(message) || shown(cause);
}

/** As RFC 6749, section 2.3.1, wants an id and a secret written in a Basic header. */
const formEncoded = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2);
