/** An upstream that is a server in this process, built for each member by a function. */
import type { McpRequestContext, McpServerFactory } from '@modelcontextprotocol/server';

import type { SessionContext } from '../protocol/session-context.ts';
import type { Channel } from '../transports/channel.ts';
import { memoryPair } from '../transports/memory.ts';
import { asSdkTransport } from '../transports/sdk.ts';

/** What a factory is given: the official SDK's context, and whom the server is built for, where one session has it for itself. */
export interface FactoryContext extends McpRequestContext {
  /** The session that the server is built for; absent for a server that several share. */
  session?: SessionContext;
}

/** Builds one MCP server; the official SDK's `McpServerFactory`, told more. */
export type ServerFactory = (context: FactoryContext) => ReturnType<McpServerFactory>;

export async function connectInProcess(factory: ServerFactory, session?: SessionContext): Promise<Channel> {
  const { serveStdio } = await import('@modelcontextprotocol/server/stdio');
  const [ours, theirs] = memoryPair();
  const build: McpServerFactory = (context) => factory({ ...context, ...(session !== undefined && { session }) });
  // Despite its name it serves both eras on any transport that stays open.
  serveStdio(build, { transport: asSdkTransport(theirs) as never });
  return ours;
}
