import { completable, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

const TONES = ['warm', 'formal', 'playful'] as const;

/** Registers the prompts. */
export function registerPrompts(server: McpServer): void {
  server.registerPrompt(
    'greet',
    {
      title: 'Greet',
      description: 'Asks for a greeting of somebody, in a tone.',
      argsSchema: z.object({
        name: z.string().describe('Who is greeted'),
        tone: completable(z.enum(TONES).describe(`How: ${TONES.join(', ')}`), (start) =>
          TONES.filter((tone) => tone.startsWith(start)),
        ),
      }),
    },
    ({ name, tone }) => ({
      messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name} in a ${tone} tone.` } }],
    }),
  );
}
