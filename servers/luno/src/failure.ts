import { parseExactly } from './decimal.ts';
import { type ErrorCode, LunoError } from './errors.ts';

/** The error that an answer other than 2xx means. Luno's own text may be in the language of the account. */
export function failure(what: string, response: Response, text: string, mutating: boolean): LunoError {
  const { status } = response;
  const { error, error_code: lunoCode } = errorBody(text);
  const retryAfterMs = retryAfter(response.headers.get('retry-after'));
  const said = [error?.slice(0, 300), lunoCode && `(${lunoCode})`].filter(Boolean).join(' ');
  return new LunoError(
    codeOf(status, lunoCode, mutating),
    `${what} was answered with ${status}${said && `: ${said}`}`,
    {
      status,
      ...(lunoCode && { lunoCode }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  );
}

function codeOf(status: number, lunoCode: string | undefined, mutating: boolean): ErrorCode {
  if (status === 429 || lunoCode === 'ErrTooManyRequests') return 'rate_limited';
  if (lunoCode === 'ErrInsufficientPerms') return 'not_permitted';
  if (lunoCode === 'ErrDuplicateClientOrderID') return 'duplicate_order';
  if (lunoCode === 'ErrInvalidMarketPair' || lunoCode === 'ErrOrderNotFound') return 'not_found';
  if (status === 401) return 'credentials_refused';
  if (status === 403) return 'not_permitted';
  if (status === 404) return 'not_found';
  if (status === 409) return 'duplicate_order';
  if (status < 400) return mutating ? 'outcome_unknown' : 'unexpected_answer';
  if (status >= 500) return mutating ? 'outcome_unknown' : 'unavailable';
  return 'refused';
}

function errorBody(text: string): { error?: string; error_code?: string } {
  try {
    const { error, error_code } = Object(parseExactly(text)) as Record<string, unknown>;
    return {
      ...(typeof error === 'string' && { error }),
      ...(typeof error_code === 'string' && { error_code }),
    };
  } catch {
    return {};
  }
}

/** Milliseconds of a `Retry-After`, which is a number of seconds or a date (RFC 9110, section 10.2.3). */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
