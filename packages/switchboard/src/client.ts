/** Clients of MCP servers, from Node. A browser gets `client-browser.ts` under the same name. */
import type { Client } from '@modelcontextprotocol/client';

import type { ConnectOptions, Reach } from './transports/connect.ts';
import { fetchWith } from './transports/tls/fetch.ts';
import { dialNode } from './transports/websocket/client.ts';
import { ClientTransport } from './transports/websocket/client-transport.ts';
import type { ClientTransportOptions, Platform } from './transports/websocket/client-transport.ts';

export type { ConnectOptions } from './transports/connect.ts';
export type { ClientTls } from './transports/tls/client-tls.ts';
export type { JsonObject } from './protocol/jsonrpc.ts';
export type { SdkTransport } from './transports/sdk.ts';
export type { ClientTransport, ClientTransportOptions, Fresh } from './transports/websocket/client-transport.ts';
export type { ConnectionState } from './transports/websocket/reconnecting.ts';
export type { Traffic } from './transports/channel.ts';

const NODE: Platform = { hasHeaders: true, dial: ({ url, ...request }) => dialNode(url, request) };

/** MCP over WebSocket for clients of the official SDK, versions 1 and 2: `client.connect(new WebSocketClientTransport(url))`. */
export class WebSocketClientTransport extends ClientTransport {
  constructor(url: string | URL, options: ClientTransportOptions = {}) {
    super(url, options, NODE);
  }
}

const REACH: Reach = { webSocket: (url, options) => new WebSocketClientTransport(url, options), fetchWith };

/** A server that is started as a child of this process. */
export interface CommandTarget {
  /** The program, without its arguments. */
  command: string;
  /** Its arguments. @default [] */
  args?: readonly string[];
  /** Its environment. @default the few variables that the official SDK hands on, such as PATH */
  env?: Readonly<Record<string, string>>;
  /** The working directory. @default that of this process */
  cwd?: string;
}

/**
 * A client of the official SDK that is connected and ready, over the transport that the address names: `ws:` and `wss:`, `http:` and
 * `https:`, or a command. The era is found out.
 *
 * @throws {SwitchboardError} `SWB_CONNECT_FAILED`, or what the SDK throws when the server refuses.
 * @example
 * ```ts
 * const client = await connect('ws://127.0.0.1:8765/mcp', { token: process.env.TOKEN });
 * const { tools } = await client.listTools();
 * await client.close();
 * ```
 */
export async function connect(target: string | URL | CommandTarget, options: ConnectOptions = {}): Promise<Client> {
  // A program that only wants a transport need not wait for the SDK's client to load.
  const { connectClient } = await import('./transports/connect.ts');
  if (typeof target === 'string' || target instanceof URL) return connectClient(target, options, REACH);
  const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio');
  const { command, args = [], env, cwd } = target;
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    ...(env !== undefined && { env: { ...env } }),
    ...(cwd !== undefined && { cwd }),
  });
  return connectClient(transport, options, REACH);
}
