/** Servers and clients of the WebSocket library, ended with the test. */
import { onTestFinished } from 'vitest';

import { WebSocketClientTransport } from '../../src/client.ts';
import type { ClientTransportOptions } from '../../src/client.ts';
import { WebSocketServerTransport } from '../../src/websocket.ts';
import type { WebSocketServerOptions } from '../../src/websocket.ts';

export interface Listening {
  server: WebSocketServerTransport;
  url: string;
  port: number;
}

/** A server on a free port. */
export async function listen(options: WebSocketServerOptions = {}): Promise<Listening> {
  const server = new WebSocketServerTransport({ port: 0, ...options });
  onTestFinished(() => server.close());
  const url = await server.listen();
  return { server, url, port: Number(new URL(url).port) };
}

/** A client that is connected. */
export async function dial(url: string, options: ClientTransportOptions = {}): Promise<WebSocketClientTransport> {
  const transport = new WebSocketClientTransport(url, options);
  onTestFinished(() => transport.close());
  await transport.start();
  return transport;
}

/** The next message that is no MCP. */
export const receive = async (transport: WebSocketClientTransport): Promise<unknown> =>
  (await transport.receive().next()).value;
