/**
 * Lets web pages of listed origins read answers (Fetch Standard, "CORS protocol"). Without credentials mode: a page shows a token in
 * a header of its own, and no cookie of a browser says who it is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What clients of either era, and of the ways to show who they are, send. Those of tool arguments begin with `mcp-param-`. */
const REQUEST_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'authorization',
  'baggage',
  'content-type',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'traceparent',
  'tracestate',
  'x-api-key',
]);
/** What a page may read of an answer beside its body. */
const RESPONSE_HEADERS = 'mcp-session-id, www-authenticate, retry-after, ratelimit, ratelimit-policy, allow';
const METHODS = 'GET, POST, DELETE';
/** As long as browsers keep it at the most. */
const MAX_AGE_S = 7200;

/**
 * Adds to the answer what lets the page read it, where it is of a listed origin.
 *
 * @param also further request headers, in small letters.
 * @returns whether the request only asked what it may send, and is answered.
 */
export function answerCors(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  origins: readonly string[],
  also: () => readonly string[] = () => [],
): boolean {
  const { origin, 'access-control-request-headers': asked = '' } = headers;
  if (origins.length === 0) return false;
  // Also for others: what is between must not give one origin the answer to another.
  response.setHeader('vary', 'Origin');
  if (origin === undefined || !origins.includes(origin)) return false;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', RESPONSE_HEADERS);
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false;
  const wanted = asked.split(',').map((name) => name.trim().toLowerCase());
  const others = also();
  const extra = wanted.filter((name) => /^mcp-param-[\w-]+$/.test(name) || others.includes(name));
  response.writeHead(204, {
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': [...REQUEST_HEADERS, ...extra].join(', '),
    'access-control-max-age': String(MAX_AGE_S),
    vary: 'Origin, Access-Control-Request-Headers',
  });
  response.end();
  return true;
}
