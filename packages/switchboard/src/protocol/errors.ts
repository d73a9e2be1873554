/**
 * Every error that Switchboard itself raises, in one table.
 *
 * `code` is the JSON-RPC number on the wire. The standard ones mean what JSON-RPC and MCP say; Switchboard's own are in the
 * open range above 31000, because MCP reserves -32000…-32099 (MCP 2026-07-28, Base Protocol, "Error codes"). `http` is the
 * status when the error answers an HTTP request as a whole. A retired name is never used again. The reference page
 * `docs/reference/errors.md` is compared with this table by a test.
 */
import type { RpcError, RpcId } from './rpc-types.ts';

/** One row of the table of errors. */
export interface ErrorEntry {
  /** The number in JSON-RPC. */
  code: number;
  /** The status in HTTP. */
  http: number;
  /** The first sentence of the message. */
  message: string;
}

/** Every error of Switchboard by its name, with its number in JSON-RPC, its status in HTTP and its sentence: see the page of errors. */
export const ERRORS = {
  SWB_PARSE_ERROR: { code: -32700, http: 400, message: 'The message is not valid JSON' },
  SWB_INVALID_MESSAGE: { code: -32600, http: 400, message: 'The message is not one JSON-RPC message; it is' },
  SWB_DUPLICATE_ID: {
    code: -32600,
    http: 400,
    message: 'A request with this id is already running on this connection',
  },
  SWB_METHOD_NOT_FOUND: { code: -32601, http: 404, message: 'Method not found' },
  SWB_INVALID_PARAMS: { code: -32602, http: 400, message: 'Invalid params' },
  SWB_UNKNOWN_NAME: { code: -32602, http: 400, message: 'Unknown tool, prompt or resource' },
  SWB_NOT_INITIALIZED: { code: -32600, http: 400, message: 'Send initialize first' },
  SWB_ALREADY_INITIALIZED: { code: -32600, http: 400, message: 'This session is already initialized' },
  SWB_INTERNAL: { code: -32603, http: 500, message: 'Internal error' },
  SWB_HEADER_MISMATCH: { code: -32020, http: 400, message: 'The request headers and the body disagree' },
  SWB_UNSUPPORTED_VERSION: { code: -32022, http: 400, message: 'Unsupported protocol version' },

  SWB_UPSTREAM_UNAVAILABLE: { code: 31001, http: 502, message: 'The upstream server is not available' },
  SWB_TIMEOUT: { code: 31002, http: 504, message: 'The upstream server did not answer in time' },
  SWB_UPSTREAM_EXITED: { code: 31003, http: 502, message: 'The upstream server ended before it answered' },
  SWB_OVERLOADED: { code: 31004, http: 503, message: 'Overloaded' },
  SWB_RATE_LIMITED: { code: 31005, http: 429, message: 'Too many requests' },
  SWB_CONNECTION_LIMIT: { code: 31006, http: 503, message: 'Too many connections' },
  SWB_MESSAGE_TOO_LARGE: { code: 31007, http: 413, message: 'The message is too large' },
  SWB_SESSION_NOT_FOUND: { code: 31008, http: 404, message: 'No such session; send initialize to open a new one' },
  SWB_UPSTREAM_NOT_FOUND: { code: 31009, http: 404, message: 'No such upstream' },
  SWB_HOST_REFUSED: { code: 31010, http: 403, message: 'The Host header is not allowed' },
  SWB_ORIGIN_REFUSED: { code: 31011, http: 403, message: 'The Origin header is not allowed' },
  SWB_UNSUPPORTED_MEDIA_TYPE: { code: 31012, http: 415, message: 'Send Content-Type: application/json' },
  SWB_NOT_ACCEPTABLE: {
    code: 31013,
    http: 406,
    message: 'Send Accept: application/json, text/event-stream',
  },
  SWB_METHOD_NOT_ALLOWED: { code: 31014, http: 405, message: 'HTTP method not allowed on this path' },
  SWB_NOT_FOUND: { code: 31015, http: 404, message: 'Not found' },
  SWB_SESSION_REQUIRED: {
    code: 31016,
    http: 400,
    message: 'Send the Mcp-Session-Id header from the initialize response',
  },
  SWB_CLIENT_GONE: { code: 31018, http: 400, message: 'The client is gone' },
  SWB_SHUTTING_DOWN: { code: 31019, http: 503, message: 'Switchboard is shutting down' },
  SWB_UNAUTHORIZED: { code: 31021, http: 401, message: 'Authentication required' },
  SWB_CONNECTION_LOST: {
    code: 31022,
    http: 502,
    message: 'The connection was lost before the answer arrived; the request may or may not have been processed',
  },
  SWB_CANCELLED: { code: 31023, http: 503, message: 'An operator cancelled the request' },
  SWB_REFUSED: { code: 31024, http: 403, message: 'Refused' },
  SWB_READ_ONLY: { code: 31025, http: 403, message: 'The console is read-only' },
  SWB_BAD_REQUEST: { code: 31020, http: 400, message: 'Invalid HTTP request' },
  SWB_UPSTREAM_FAILING: { code: 31030, http: 503, message: 'The upstream server keeps failing' },
  SWB_UPSTREAM_INVALID: { code: 31033, http: 502, message: 'The upstream server sent an invalid answer' },
  SWB_LOOP: { code: 31034, http: 508, message: 'Request loop detected' },
  SWB_CREDENTIAL_MISSING: { code: 31031, http: 400, message: 'A required caller credential is missing' },
  SWB_CREDENTIAL_CHANGED: { code: 31032, http: 400, message: 'A caller credential cannot change within a session' },

  SWB_INSUFFICIENT_SCOPE: { code: 31040, http: 403, message: 'The token lacks a required scope' },
  SWB_ISSUER_UNAVAILABLE: {
    code: 31041,
    http: 503,
    message: 'Cannot verify the token: its issuer',
  },

  SWB_TOOL_FAILED: { code: 31050, http: 422, message: 'The tool reported an error' },
  SWB_INPUT_REQUIRED: { code: 31051, http: 422, message: 'The tool asks for input, which a REST client cannot give' },

  SWB_PEER_UNAUTHORIZED: { code: 31061, http: 401, message: 'The request is not signed by a node of this cluster' },
  SWB_NOT_OWNER: { code: 31062, http: 421, message: 'This node does not own what the request is for' },
  SWB_NODE_LOST: {
    code: 31063,
    http: 502,
    message: 'The node that ran the request is gone; the request may or may not have been processed',
  },
  SWB_NODE_UNREACHABLE: {
    code: 31064,
    http: 503,
    message: 'The node that owns the session or the server cannot be reached',
  },

  SWB_CONFIG_INVALID: { code: 31100, http: 500, message: 'The configuration is not valid' },
  SWB_USAGE: { code: 31107, http: 400, message: 'The command line is not valid' },
  SWB_FILE_NOT_WRITTEN: { code: 31108, http: 500, message: 'A file was not written' },
  SWB_STORE_UNAVAILABLE: { code: 31109, http: 503, message: 'The store is not available' },
  SWB_STORE_INVALID: { code: 31110, http: 500, message: 'The store cannot be used' },
  SWB_STORE_IN_USE: { code: 31115, http: 500, message: 'Another process uses the store' },
  SWB_SERVICE_FAILED: { code: 31112, http: 500, message: 'The service manager did not do it' },
  SWB_WORKER_FAILED: { code: 31114, http: 500, message: 'Cannot start a worker process' },
  SWB_COMMAND_NOT_FOUND: { code: 31101, http: 500, message: 'Cannot start the command' },
  SWB_PORT_IN_USE: { code: 31102, http: 500, message: 'The port is in use' },
  SWB_PUBLIC_BIND: {
    code: 31103,
    http: 500,
    message: 'Refusing to listen on a reachable address without authentication and TLS',
  },
  SWB_TLS_INVALID: { code: 31105, http: 500, message: 'Invalid TLS certificate, key or revocation list' },
  SWB_TLS_REFUSED: { code: 31106, http: 400, message: 'TLS handshake failed' },
  SWB_SEVERAL_RUN: { code: 31113, http: 400, message: 'Several Switchboards run here' },
  SWB_CONNECT_FAILED: { code: 31104, http: 502, message: 'Cannot connect' },
} as const;

/** The name of an error, such as `SWB_TIMEOUT`: what programs compare. It stays the same from version to version. */
export type ErrorName = keyof typeof ERRORS;

/** What an error says beside its row of the table. */
export interface ErrorDetails {
  /** What exactly was wrong, with the offending value, and what to do; joined to the table's sentence. */
  detail?: string;
  /** Further facts for programs, sent as `error.data` beside the error's name. */
  data?: Record<string, unknown>;
  /** The request that the error answers. */
  rpcId?: RpcId;
  /** The request that a message would have answered which cannot be read. */
  answerTo?: RpcId;
  /** What was thrown in the first place. */
  cause?: unknown;
}

/** An error out of the table. Its message is safe to show to whoever caused it. */
export class SwitchboardError extends Error {
  /** Always the name of the class. */
  override readonly name = 'SwitchboardError';
  /** Its name; compare this, not the message. */
  readonly code: ErrorName;
  /** The request that it answers. */
  readonly rpcId: RpcId | undefined;
  /** The request that a message would have answered which cannot be read. */
  readonly answerTo: RpcId | undefined;
  /** Further facts for programs, sent as `error.data` beside the name. */
  readonly data: Record<string, unknown> | undefined;

  constructor(code: ErrorName, details: ErrorDetails = {}) {
    const { message } = ERRORS[code];
    super(details.detail === undefined ? message : `${message}: ${details.detail}`, { cause: details.cause });
    this.code = code;
    this.rpcId = details.rpcId;
    this.answerTo = details.answerTo;
    this.data = details.data;
  }

  /** Its row of the table. */
  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }

  /** The same error with its message put through `mask`, and without its cause. */
  masked(mask: (text: string) => string): SwitchboardError {
    const { message } = this.entry;
    const detail = this.message === message ? undefined : mask(this.message.slice(message.length + 2));
    return new SwitchboardError(this.code, {
      ...(detail !== undefined && { detail }),
      ...(this.data !== undefined && { data: this.data }),
      ...(this.rpcId !== undefined && { rpcId: this.rpcId }),
    });
  }

  /** The error as it goes on the wire. */
  toRpc(): RpcError {
    return { code: this.entry.code, message: this.message, data: { code: this.code, ...this.data } };
  }
}

/**
 * Any thrown value as a table error. What is none of ours is a fault of Switchboard: it becomes `SWB_INTERNAL`, keeps its text to
 * itself, and gets a reference under which the log has the rest.
 */
export function asSwitchboardError(thrown: unknown): SwitchboardError {
  if (thrown instanceof SwitchboardError) return thrown;
  // Not a secret, and needed in browsers too, where not every page has a better one.
  const reference = Math.random().toString(16).slice(2, 14);
  const detail = `reference ${reference}; the log of Switchboard has more under it`;
  return new SwitchboardError('SWB_INTERNAL', { detail, data: { reference }, cause: thrown });
}

/** The reference of a fault; nothing for an error that is none. */
export function referenceOf({ data }: SwitchboardError): string | undefined {
  const reference = data?.['reference'];
  return typeof reference === 'string' ? reference : undefined;
}
