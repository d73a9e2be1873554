/** Connects a client of the official SDK over whichever transport an address names. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { ClientCapabilities, Transport } from '@modelcontextprotocol/client';

import { SwitchboardError } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import { failureText, statusText } from './failure.ts';
import { saidIn } from './http/answer.ts';
import type { ClientTls } from './tls/client-tls.ts';
import type { ClientTransport, ClientTransportOptions } from './websocket/client-transport.ts';

/** Options of {@link connect}: the client's, and those of its transport. */
export interface ConnectOptions extends ClientTransportOptions {
  /** How the client names itself. @default { name: 'mcp-switchboard', version: '1' } */
  clientInfo?: { name: string; version: string };
  /** What the client can do when it is asked. @default {} */
  capabilities?: ClientCapabilities;
  /** The era to speak: `auto` tries the modern one first. @default 'auto' */
  era?: 'auto' | 'legacy';
  /** Called before the client connects: the place for its handlers. */
  prepare?(client: Client): void;
}

/** How this platform reaches an address. */
export interface Reach {
  webSocket(url: URL, options: ClientTransportOptions): ClientTransport;
  /** A `fetch` that shows a certificate. @default none, as in a browser, which shows its own */
  fetchWith?(tls: ClientTls): Promise<typeof globalThis.fetch>;
}

export async function connectClient(
  target: string | URL | Transport,
  options: ConnectOptions,
  reach: Reach,
): Promise<Client> {
  const { clientInfo = { name: 'mcp-switchboard', version: '1' }, capabilities = {}, era = 'auto', prepare } = options;
  const client = new Client(clientInfo, { capabilities, versionNegotiation: { mode: era } });
  prepare?.(client);
  const isAddress = typeof target === 'string' || target instanceof URL;
  const transport = isAddress ? await transportTo(addressOf(target), options, reach) : target;
  try {
    await client.connect(transport as Transport);
  } catch (error) {
    throw isAddress ? connectError(addressOf(target), error) : error;
  }
  return client;
}

/** Why a client of the SDK cannot connect; its own errors stay as they are, but for a `fetch failed` and an HTTP status. */
export function connectError(url: URL, error: unknown): unknown {
  const {
    cause,
    data,
    status = isObject(data) ? data['status'] : undefined,
  } = error as {
    cause?: unknown;
    data?: unknown;
    status?: unknown;
  };
  if (error instanceof SwitchboardError) return error;
  const isHttp = typeof status === 'number' && status >= 400;
  if (!isHttp && cause === undefined) return error;
  const detail = `${url.origin}${url.pathname}: ${isHttp ? statusText(status, saidBy(data)) : failureText(error)}`;
  return new SwitchboardError('SWB_CONNECT_FAILED', { detail, cause: error, ...(isHttp && { data: { status } }) });
}

/** What a server wrote with its status, as the SDK keeps it. */
const saidBy = (data: unknown): string =>
  isObject(data) && typeof data['text'] === 'string' ? saidIn(data['text']) : '';

async function transportTo(
  url: URL,
  options: ConnectOptions,
  { webSocket, fetchWith }: Reach,
): Promise<ClientTransport | Transport> {
  if (/^wss?:$/.test(url.protocol)) return webSocket(url, options);
  const { token, headers = {}, tls } = options;
  return new StreamableHTTPClientTransport(url, {
    requestInit: { headers: { ...headers } },
    ...(tls !== undefined && fetchWith !== undefined && { fetch: await fetchWith(tls) }),
    ...(token !== undefined && {
      authProvider: { token: async () => (typeof token === 'function' ? token() : token) },
    }),
  });
}

function addressOf(target: string | URL): URL {
  const url = URL.canParse(String(target)) ? new URL(target) : undefined;
  if (url !== undefined && /^(wss?|https?):$/.test(url.protocol)) return url;
  const detail = `${JSON.stringify(String(target))} is no ws:, wss:, http: or https: address`;
  throw new SwitchboardError('SWB_CONNECT_FAILED', { detail });
}
