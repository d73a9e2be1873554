import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Notes } from '../notes.ts';
import { toolResult } from './result.ts';

const noteSchema = z.object({ number: z.int(), text: z.string() });

/** Registers the tools of the note store; `added` is awaited before note_add answers. */
export function registerNoteTools(server: McpServer, notes: Notes, added: () => Promise<void>): void {
  server.registerTool(
    'note_add',
    {
      title: 'Add a note',
      description:
        'Keeps a note in the memory of this server process: at most 1000 notes, of at most 10 kB each and 1 MB together.',
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
      inputSchema: z.object({ text: z.string().describe('The note') }),
      outputSchema: noteSchema,
    },
    async ({ text }) => {
      const note = notes.add(text);
      await added();
      return toolResult(`Added note ${note.number}.`, { ...note });
    },
  );

  server.registerTool(
    'note_list',
    {
      title: 'List the notes',
      description:
        'Lists the notes in the memory of this server process, which clients see of each other if they share it.',
      annotations: { readOnlyHint: true, openWorldHint: false },
      outputSchema: z.object({ notes: z.array(noteSchema) }),
    },
    () => toolResult(notes.toString(), { notes: notes.list() }),
  );
}
