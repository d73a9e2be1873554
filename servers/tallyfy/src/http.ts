import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, type FailureCode } from './failure.ts';

export interface HttpOptions {
  /** Where the API is, such as `https://go.tallyfy.com/api`. */
  baseUrl: string;
  /** Sent with each request. */
  headers: Record<string, string>;
  /** What must be in no answer and no failure, wherever it would come from. */
  secret?: string | undefined;
  /** How long one attempt may take, in milliseconds. */
  timeoutMs: number;
  /** Waits between two attempts; rejects when the signal aborts. */
  wait?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
  /** For what an HTTP date in Retry-After is compared with. */
  now?: () => Date;
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the base URL, already encoded. */
  path: string;
  query?: Record<string, string> | undefined;
  body?: unknown;
  /** Aborts the request, and a wait between two attempts. */
  signal: AbortSignal;
  /** Told before each wait. */
  waiting?: ((milliseconds: number, reason: string) => void) | undefined;
}

const MAX_ATTEMPTS = 3;
const FIRST_WAIT_MS = 500;
/** A server that wants a longer pause than this gets no second attempt: the caller is told instead. */
const MAX_WAIT_MS = 30_000;
const MAX_ANSWER_BYTES = 10_000_000;
const MAX_MESSAGE_CHARACTERS = 1_000;
const MAX_REASON_DEPTH = 5;

const CODE_OF_STATUS: Record<number, FailureCode> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'invalid',
  422: 'invalid',
  429: 'rate_limited',
};

/**
 * JSON over HTTP with the patience an API deserves: a request that changes something is repeated only after 429, where it was
 * turned away; one that reads is also repeated after 502, 503, 504 and a broken connection. Connections are kept alive.
 */
export class Http {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /** The parsed answer, or undefined for an empty one. Throws a Failure, or the reason of the signal when that aborts. */
  async json(request: HttpRequest): Promise<unknown> {
    const { wait = (milliseconds, signal) => sleep(milliseconds, undefined, { signal }) } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#attempt(request);
      if (!('failure' in outcome)) return outcome.value;
      const { failure, retryAfterMs } = outcome;
      const pause = retryAfterMs ?? FIRST_WAIT_MS * 2 ** (attempt - 1);
      if (attempt === MAX_ATTEMPTS || pause > MAX_WAIT_MS || !mayRepeat(request.method, failure)) throw failure;
      request.waiting?.(pause, failure.message);
      await wait(pause, request.signal);
    }
  }

  async #attempt({ method, path, query, body, signal }: HttpRequest): Promise<Outcome> {
    const { baseUrl, headers, timeoutMs } = this.#options;
    const search = query && Object.keys(query).length > 0 ? `?${new URLSearchParams(query).toString()}` : '';
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(`${baseUrl}/${path}${search}`, {
        method,
        // A redirect is not followed: it could take the key to another place.
        redirect: 'manual',
        signal: AbortSignal.any([signal, timeout]),
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return this.#read(response, this.#hiding(await textOf(response)), `${method} ${path}`);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Failure) return { failure: error };
      if (timeout.aborted) {
        return { failure: new Failure('timed_out', `${method} ${path} had no answer after ${timeoutMs / 1_000} s.`) };
      }
      const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      return { failure: new Failure('unreachable', `${method} ${path} failed: ${this.#hiding(reason)}.`) };
    }
  }

  #read(response: Response, text: string, what: string): Outcome {
    const { status } = response;
    const value = parsed(text);
    if (response.ok && (text === '' || value !== undefined)) return { value };
    if (response.ok) {
      return {
        failure: new Failure('unexpected_answer', `${what} was answered with something other than JSON.`, { status }),
      };
    }
    const code = CODE_OF_STATUS[status] ?? (status >= 500 ? 'unavailable' : 'unexpected_answer');
    const retryAfterMs = this.#retryAfter(response.headers.get('retry-after'));
    const pause =
      code === 'rate_limited' && retryAfterMs !== undefined ? ` Retry after ${retryAfterMs / 1_000} s.` : '';
    const failure = new Failure(code, `${what} was answered with ${status}${reasonOf(value)}.${pause}`, { status });
    return { failure, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }

  #hiding(text: string): string {
    const { secret } = this.#options;
    return secret ? text.replaceAll(secret, '[hidden]') : text;
  }

  /** RFC 9110, 10.2.3: seconds, or a date. */
  #retryAfter(header: string | null): number | undefined {
    if (header === null) return undefined;
    if (/^\d+$/.test(header)) return Number(header) * 1_000;
    const date = Date.parse(header);
    return Number.isNaN(date) ? undefined : Math.max(0, date - (this.#options.now?.() ?? new Date()).getTime());
  }
}

type Outcome = { value: unknown } | { failure: Failure; retryAfterMs?: number };

function mayRepeat(method: HttpRequest['method'], { code, status }: Failure): boolean {
  if (code === 'rate_limited') return true;
  if (method !== 'GET') return false;
  return code === 'unreachable' || status === 502 || status === 503 || status === 504;
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new Failure(
        'unexpected_answer',
        `The answer has more than ${MAX_ANSWER_BYTES} bytes: ask for a smaller page.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** What Tallyfy says: `message`, and `errors` with the faults of each field. */
function reasonOf(value: unknown): string {
  const { message, errors } = (value ?? {}) as { message?: unknown; errors?: unknown };
  const reasons = [...textsIn(message), ...textsIn(errors)];
  const text = [...new Set(reasons)].map((reason) => reason.replace(/\.$/, '')).join('; ');
  return text && `: ${text.slice(0, MAX_MESSAGE_CHARACTERS)}`;
}

/** The texts in what an error says, however deep: a text, a list of them, an object with one for each field. */
function textsIn(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return value.trim() === '' ? [] : [value.trim()];
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)];
  if (typeof value !== 'object' || value === null || depth > MAX_REASON_DEPTH) return [];
  return Object.values(value).flatMap((inner) => textsIn(inner, depth + 1));
}
