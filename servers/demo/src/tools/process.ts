import { CLIENT_INFO_META_KEY, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { protocolOf } from '../era.ts';
import { toolResult } from './result.ts';

const clientSchema = z.object({ name: z.string(), version: z.string() });
const startedAt = new Date(Date.now() - process.uptime() * 1_000).toISOString();

/** Registers the tools about the process that serves: whoami, crash. */
export function registerProcessTools(server: McpServer): void {
  server.registerTool(
    'whoami',
    {
      title: 'Who am I',
      description: 'Tells which server process answers, since when it runs, and what it knows about the client.',
      annotations: { readOnlyHint: true, openWorldHint: false },
      outputSchema: z.object({
        pid: z.int(),
        startedAt: z.iso.datetime(),
        protocol: z.object({ era: z.enum(['legacy', 'modern']), version: z.string() }).optional(),
        client: clientSchema.optional(),
      }),
    },
    ({ mcpReq }) => {
      const protocol = protocolOf(server);
      // A modern client names itself in each request, a legacy one in its handshake.
      const envelope: Record<string, unknown> = mcpReq.envelope ?? {};
      const client = clientSchema.safeParse(envelope[CLIENT_INFO_META_KEY] ?? server.server.getClientVersion()).data;
      const facts = {
        pid: process.pid,
        startedAt,
        ...(protocol && { protocol }),
        ...(client && { client }),
      };
      return toolResult(JSON.stringify(facts, undefined, 2), facts);
    },
  );

  server.registerTool(
    'crash',
    {
      title: 'Crash',
      description:
        'Ends this server process at once, without an answer: for trying what Switchboard does when a server dies.',
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
      inputSchema: z.object({ code: z.int().min(0).max(255).default(1).describe('The exit code') }),
    },
    ({ code }) => process.exit(code),
  );
}
