import { setTimeout as sleep } from 'node:timers/promises';
import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { toolResult } from './result.ts';

const annotations = { readOnlyHint: true, openWorldHint: false };

/** Registers the tools that only compute: echo, add, count. */
export function registerSimpleTools(server: McpServer): void {
  server.registerTool(
    'echo',
    {
      title: 'Echo',
      description: 'Answers with the text it was given.',
      annotations,
      inputSchema: z.object({ text: z.string().describe('What to answer with') }),
    },
    ({ text }) => toolResult(text),
  );

  server.registerTool(
    'add',
    {
      title: 'Add',
      description: 'Adds two numbers.',
      annotations,
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      outputSchema: z.object({ sum: z.number() }),
    },
    ({ a, b }) => toolResult(String(a + b), { sum: a + b }),
  );

  server.registerTool(
    'count',
    {
      title: 'Count',
      description: 'Counts slowly from 1, tells its progress at each step, and stops at once when cancelled.',
      annotations,
      inputSchema: z.object({
        to: z.int().min(1).max(1_000).describe('Where to stop'),
        delayMs: z.int().min(0).max(10_000).default(100).describe('Milliseconds before each step'),
      }),
      outputSchema: z.object({ counted: z.int() }),
    },
    async ({ to, delayMs }, { mcpReq: { _meta, notify, signal } }) => {
      const progressToken = _meta?.progressToken;
      for (let step = 1; step <= to; step += 1) {
        // A cancel rejects the sleep, and the SDK answers a cancelled request with nothing.
        await sleep(delayMs, undefined, { signal });
        if (progressToken === undefined) continue;
        const message = `Counted ${step} of ${to}`;
        await notify({
          method: 'notifications/progress',
          params: { progressToken, progress: step, total: to, message },
        });
      }
      return toolResult(`Counted to ${to}.`, { counted: to });
    },
  );
}
