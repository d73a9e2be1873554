import {
  type McpServer,
  type ReadResourceResult,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { path, type Query, type Tallyfy, type Thing } from './api.ts';
import { choices } from './completions.ts';
import { Failure } from './failure.ts';

const MIME_TYPE = 'application/json';

interface Kind {
  name: string;
  title: string;
  description: string;
  /** Where they are in the API. */
  list: string;
  query: Query;
}

const KINDS: readonly Kind[] = [
  {
    name: 'template',
    title: 'A template',
    description: 'A template with its steps, kick-off fields and automation rules.',
    list: 'checklists',
    query: { with: 'steps' },
  },
  {
    name: 'process',
    title: 'A process',
    description: 'A process with its tasks.',
    list: 'runs',
    query: { with: 'tasks,tags' },
  },
  {
    name: 'task',
    title: 'A task',
    description: 'A task with its form fields.',
    list: 'tasks',
    query: { with: 'form_fields' },
  },
];

/** Registers what can be read by address: oneself, the organization, and each template, process and task. */
export function registerResources(server: McpServer, tallyfy: Tallyfy): void {
  const read = async (uri: URL, below: string, query: Query, signal: AbortSignal): Promise<ReadResourceResult> =>
    contents(uri, await found(uri, tallyfy.during({ signal }).get(below, query)));

  server.registerResource(
    'me',
    'tallyfy://me',
    { title: 'Me', description: 'The member whose API key is used.', mimeType: MIME_TYPE },
    (uri, { mcpReq }) => read(uri, 'me', {}, mcpReq.signal),
  );
  server.registerResource(
    'organization',
    'tallyfy://organization',
    { title: 'The organization', description: 'The organization that is worked in.', mimeType: MIME_TYPE },
    (uri, { mcpReq }) => read(uri, '', {}, mcpReq.signal),
  );
  for (const { name, title, description, list, query } of KINDS) {
    server.registerResource(
      name,
      new ResourceTemplate(`tallyfy://${name}/{id}`, {
        list: undefined,
        complete: { id: (start) => choices(tallyfy, list, 'id', start) },
      }),
      { title, description, mimeType: MIME_TYPE },
      (uri, { id }, { mcpReq }) => read(uri, path`${list}/${String(id)}`, query, mcpReq.signal),
    );
  }
}

function contents(uri: URL, thing: Thing): ReadResourceResult {
  return { contents: [{ uri: uri.href, mimeType: MIME_TYPE, text: JSON.stringify(thing, undefined, 2) }] };
}

async function found(uri: URL, reading: Promise<Thing>): Promise<Thing> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Failure && error.code === 'not_found')
      throw new ResourceNotFoundError(uri.href, error.toString());
    throw error instanceof Failure ? new Error(error.toString(), { cause: error }) : error;
  }
}
