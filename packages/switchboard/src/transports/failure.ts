/** Why an address cannot be reached or refuses, in words: the causes that Node hides behind `fetch failed` or a code of OpenSSL. */
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject, textOf } from '../protocol/jsonrpc.ts';

interface Cause {
  code?: unknown;
  message?: unknown;
  syscall?: unknown;
  cause?: unknown;
  errors?: unknown;
}

const UNKNOWN_AUTHORITY =
  'its certificate is not from a known authority; give the file of the authority with --ca, or tls.ca in a configuration';

const NO_TLS = 'the server speaks no TLS there; the address begins with http or ws';
const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at this port',
  ECONNRESET: 'the connection was cut; where the server speaks TLS, the address begins with https or wss',
  EAI_AGAIN: 'the name server does not answer',
  ETIMEDOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no answer in time',
  UND_ERR_SOCKET: 'the connection was cut; where the server speaks TLS, the address begins with https or wss',
  EHOSTUNREACH: 'no way leads to this host',
  ENETUNREACH: 'no way leads to this network',
  HPE_INVALID_CONSTANT: 'the server does not speak HTTP there',
  EPROTO: 'the handshake of TLS failed',
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
};

const BY_STATUS: Readonly<Record<number, string>> = {
  401: 'authentication required: send a valid key or token, such as --header "Authorization: Bearer ..."',
  403: 'the key or token gives no access to this address',
  404: 'no MCP server at this path',
};

/** What a failed connection, or a failed `fetch`, says of its cause. */
export function failureText(thrown: unknown): string {
  const { code, message, syscall } = deepest(thrown);
  if (code === 'ENOTFOUND' && syscall === 'getaddrinfo') return 'no host has this name (ENOTFOUND)';
  if (/wrong version number|packet length too long/i.test(textOf(message))) return NO_TLS;
  const text = typeof code === 'string' && code !== 'ENOTFOUND' ? BY_CODE[code] : undefined;
  if (text !== undefined) return `${text} (${textOf(code)})`;
  return textOf(message) || textOf(code) || textOf(thrown) || 'no reason was given';
}

/** What an HTTP status says, with what the server added. Of the reasons for a 403 it knows best. */
export function statusText(status: number, said = ''): string {
  const meaning = said === '' || status !== 403 ? BY_STATUS[status] : undefined;
  return `HTTP status ${status}${said === '' ? '' : `: ${said}`}${meaning === undefined ? '' : `; ${meaning}`}`;
}

/** The HTTP status that an error tells of. */
export function statusOf(error: unknown): number | undefined {
  const data = error instanceof SwitchboardError ? error.data : undefined;
  const status = isObject(data) ? data['status'] : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** Whether the same key or token would be refused again, so that no retry helps. */
export const isRefusal = (error: unknown): boolean => [401, 403].includes(statusOf(error) ?? 0);

function deepest(thrown: unknown): Cause {
  let cause = (typeof thrown === 'object' && thrown !== null ? thrown : { message: thrown }) as Cause;
  for (let depth = 0; depth < 5; depth++) {
    const [first] = Array.isArray(cause.errors) ? (cause.errors as unknown[]) : [];
    const next = first ?? cause.cause;
    if (typeof next !== 'object' || next === null) break;
    cause = next;
  }
  return cause;
}
