/** MCP over WebSocket, with Switchboard and without it (PROTOCOL.md). From Node; `mcp-switchboard/client` is for browsers too. */
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { McpServer, Server } from '@modelcontextprotocol/server';

import { WebSocketServerTransport } from './transports/websocket/server-transport.ts';
import type { WebSocketServerOptions } from './transports/websocket/server-transport.ts';
import type { WebSocketClient } from './transports/websocket/websocket-client.ts';

export { WebSocketServerTransport };
export type { WebSocketServerOptions };
export type { OfferedCredentials } from './transports/websocket/server.ts';
export type { Identity, WebSocketServerEvents } from './transports/websocket/server-transport.ts';
export type { WebSocketClient } from './transports/websocket/websocket-client.ts';
export { WebSocketClientTransport } from './client.ts';
export type {
  ClientTransport,
  ClientTransportOptions as WebSocketClientOptions,
  Fresh,
} from './transports/websocket/client-transport.ts';
export type { ConnectionState } from './transports/websocket/reconnecting.ts';
export type { Traffic } from './transports/channel.ts';
export { CLOSE_CODES } from './protocol/close-codes.ts';
export type { CloseName } from './protocol/close-codes.ts';
export type { JsonObject } from './protocol/jsonrpc.ts';
export type { SdkTransport } from './transports/sdk.ts';

/** Builds the server of one client. */
export type ClientServerFactory = (client: WebSocketClient) => McpServer | Server | Promise<McpServer | Server>;

/**
 * Serves what a function builds to many clients, each with a server of its own, in both eras.
 *
 * @returns the transport, listening unless it stands beside a server of yours; its address is what `listen()` resolves to.
 */
export async function serveWebSocket(
  factory: ClientServerFactory,
  options: WebSocketServerOptions = {},
): Promise<WebSocketServerTransport> {
  const transport = new WebSocketServerTransport(options);
  transport.on('connect', (client) => {
    // Despite its name it serves both eras on any transport that stays open.
    serveStdio(() => factory(client), { transport: client.transport as never });
  });
  if (options.server === undefined) await transport.listen();
  return transport;
}
