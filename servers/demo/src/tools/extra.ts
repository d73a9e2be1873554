import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { toolResult } from './result.ts';

/** Registers the tool `extra`, turned off, and the tool that turns it on and off. */
export function registerExtraTools(server: McpServer): void {
  const extra = server.registerTool(
    'extra',
    {
      title: 'Extra',
      description: 'Does nothing; it is here to come and go with enable_extra.',
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    () => toolResult('The extra tool is on.'),
  );
  extra.disable();

  server.registerTool(
    'enable_extra',
    {
      title: 'Turn the extra tool on or off',
      description:
        'Turns the tool `extra` on or off; if that changes anything, the client is told that the tool list changed.',
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      inputSchema: z.object({ on: z.boolean().describe('Whether `extra` shall be there') }),
    },
    ({ on }) => {
      if (extra.enabled !== on) extra.update({ enabled: on });
      return toolResult(`The extra tool is ${on ? 'on' : 'off'}.`);
    },
  );
}
