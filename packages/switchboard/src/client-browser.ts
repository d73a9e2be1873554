/** Clients of MCP servers, from a web page: `mcp-switchboard/client` where a bundler builds for browsers. */
import type { Client } from '@modelcontextprotocol/client';

import { connectClient } from './transports/connect.ts';
import type { ConnectOptions } from './transports/connect.ts';
import { dialBrowser } from './transports/websocket/browser-socket.ts';
import { ClientTransport } from './transports/websocket/client-transport.ts';
import type { ClientTransportOptions, Platform } from './transports/websocket/client-transport.ts';

const BROWSER: Platform = {
  hasHeaders: false,
  dial: ({ url, protocols, handshakeTimeoutMs, subprotocol }) =>
    dialBrowser(url, protocols, { handshakeTimeoutMs, subprotocol }),
};

/** MCP over WebSocket for clients of the official SDK: `client.connect(new WebSocketClientTransport(url))`. */
export class WebSocketClientTransport extends ClientTransport {
  constructor(url: string | URL, options: ClientTransportOptions = {}) {
    super(url, options, BROWSER);
  }
}

/** A client of the official SDK that is connected and ready; see `client.ts`. A page starts no commands. */
export function connect(target: string | URL, options: ConnectOptions = {}): Promise<Client> {
  return connectClient(target, options, { webSocket: (url, given) => new WebSocketClientTransport(url, given) });
}
