import { setTimeout as delay } from 'node:timers/promises';
import { parseExactly } from './decimal.ts';
import { LunoError } from './errors.ts';
import { failure } from './failure.ts';
import type { Rate } from './rate.ts';
import { below } from './url.ts';
import { version } from './version.ts';

const MAX_ATTEMPTS = 3;
/** A `Retry-After` beyond this is the caller's to wait for. */
const MAX_RETRY_WAIT_MS = 30_000;
const FIRST_BACKOFF_MS = 500;
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** With these nothing has reached Luno. */
const NEVER_SENT: readonly unknown[] = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'];

export interface Credentials {
  keyId: string;
  secret: string;
}

/** Parameters of a call; a list is sent as the same name several times. */
export type Fields = Record<string, string | number | boolean | readonly string[] | undefined>;

/** Who waits for a call. */
export interface Caller {
  /** Aborts the request on the wire too; the call then rejects with its reason. */
  signal: AbortSignal;
  /** Told before the call waits for a rate limit or a retry. */
  onWait?: (ms: number) => void;
}

export interface HttpOptions {
  baseUrl: URL;
  credentials: Credentials | undefined;
  rate: Rate;
  /** Milliseconds for each attempt, from sending to the last byte of the answer. */
  timeoutMs: number;
}

/**
 * Calls Luno's HTTP API over kept-alive connections. What only reads is tried up to three times; what changes something is
 * repeated after 429 alone, because Luno then has done nothing. `Retry-After` is waited for if it is at most 30 s.
 */
export class Http {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /** Gets and parses; every number in the answer is text. */
  get(path: string, fields: Fields, caller: Caller): Promise<unknown> {
    const query = encoded(fields).toString();
    return this.#request('GET', query ? `${path}?${query}` : path, undefined, caller);
  }

  /** Posts a form that changes something. Rejects with `outcome_unknown` when it cannot be known whether it did. */
  post(path: string, fields: Fields, caller: Caller): Promise<unknown> {
    return this.#request('POST', path, encoded(fields), caller);
  }

  async #request(method: string, path: string, body: URLSearchParams | undefined, caller: Caller): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#options.rate.take(caller.signal, caller.onWait);
      const outcome = await this.#attempt(method, path, body, caller.signal);
      if (!(outcome instanceof LunoError)) return outcome;
      const { code, details } = outcome;
      const retriable = body ? details.status === 429 : code === 'rate_limited' || code === 'unavailable';
      const wait = details.retryAfterMs ?? FIRST_BACKOFF_MS * 2 ** (attempt - 1);
      if (attempt === MAX_ATTEMPTS || wait > MAX_RETRY_WAIT_MS || !retriable) throw outcome;
      caller.onWait?.(wait);
      await delay(wait, undefined, { signal: caller.signal });
    }
  }

  async #attempt(
    method: string,
    path: string,
    body: URLSearchParams | undefined,
    callerGone: AbortSignal,
  ): Promise<unknown> {
    const { baseUrl, credentials, timeoutMs } = this.#options;
    const timeout = AbortSignal.timeout(timeoutMs);
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': `mcp-switchboard-luno/${version}`,
    };
    if (credentials) headers['authorization'] = basic(credentials);
    const what = `${method} ${path.split('?')[0]}`;
    try {
      const response = await fetch(below(baseUrl, path), {
        method,
        headers,
        ...(body && { body }),
        // A redirect could carry the key to another host.
        redirect: 'manual',
        signal: AbortSignal.any([callerGone, timeout]),
      });
      const text = await readText(response);
      if (text === undefined) {
        const message = `${what} was answered with more than ${MAX_BODY_BYTES} bytes.`;
        return new LunoError(body ? 'outcome_unknown' : 'unexpected_answer', message, { status: response.status });
      }
      if (!response.ok) return failure(what, response, text, body !== undefined);
      try {
        return parseExactly(text);
      } catch (cause) {
        // A change that was answered with 200 has happened, whatever the answer says.
        return new LunoError(body ? 'outcome_unknown' : 'unexpected_answer', `${what} was not answered with JSON.`, {
          status: response.status,
          cause,
        });
      }
    } catch (error) {
      callerGone.throwIfAborted();
      if (timeout.aborted) {
        const message = `${what} was not answered within ${timeoutMs / 1000} s.`;
        return new LunoError(body ? 'outcome_unknown' : 'timeout', message, { cause: error });
      }
      const { cause } = error as { cause?: { code?: unknown; message?: string } };
      const lost = body !== undefined && !NEVER_SENT.includes(cause?.code);
      const why = cause?.message || (error instanceof Error ? error.message : String(error));
      return new LunoError(lost ? 'outcome_unknown' : 'unavailable', `${what} failed: ${why}`, { cause: error });
    }
  }
}

function encoded(fields: Fields): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    const values = value === undefined ? [] : Array.isArray(value) ? value : [value];
    for (const one of values) params.append(name, String(one));
  }
  return params;
}

function basic({ keyId, secret }: Credentials): string {
  return `Basic ${Buffer.from(`${keyId}:${secret}`).toString('base64')}`;
}

/** The body of an answer, or undefined if it is too long. */
async function readText(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
