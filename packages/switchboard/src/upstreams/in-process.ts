/** An upstream that is a server in this process, built anew for each member by a function. */
import type { McpServerFactory } from '@modelcontextprotocol/server';

import type { Channel } from '../transports/channel.ts';
import { memoryPair } from '../transports/memory.ts';
import { asSdkTransport } from '../transports/sdk.ts';

/** Builds one MCP server; the official SDK's `McpServerFactory`. */
export type ServerFactory = McpServerFactory;

export async function connectInProcess(factory: ServerFactory): Promise<Channel> {
  const { serveStdio } = await import('@modelcontextprotocol/server/stdio');
  const [ours, theirs] = memoryPair();
  // Despite its name it serves both eras on any transport that stays open.
  serveStdio(factory, { transport: asSdkTransport(theirs) as never });
  return ours;
}
