import { McpServer } from '@modelcontextprotocol/server';
import { type Credentials, DEFAULT_BASE_URL, Tallyfy } from './api.ts';
import { registerPrompts } from './prompts.ts';
import { registerResources } from './resources.ts';
import { registerTool } from './tool.ts';
import { TOOLS } from './tools/index.ts';
import { version } from './version.ts';

export const DEFAULT_TIMEOUT_MS = 30_000;
export const DEFAULT_TIME_ZONE = 'UTC';

export interface TallyfyServerOptions {
  /** The member and the organization that everything is done for. Without them every call fails with `not_configured`. */
  credentials?: Credentials | undefined;
  /** Where the API is. Default: https://go.tallyfy.com/api */
  baseUrl?: string;
  /** Whether only the tools that read are there. Default: false */
  readOnly?: boolean;
  /** The IANA time zone that dates in words are meant in, unless a call names another. Default: UTC */
  timeZone?: string;
  /** How long one HTTP request may take. Default: 30 000 */
  timeoutMs?: number;
  /** What time it is. */
  now?: () => Date;
}

/** Makes a Tallyfy server for one connection. */
export function createTallyfyServer({
  credentials,
  baseUrl = DEFAULT_BASE_URL,
  readOnly = false,
  timeZone = DEFAULT_TIME_ZONE,
  timeoutMs = DEFAULT_TIMEOUT_MS,
  now = () => new Date(),
}: TallyfyServerOptions = {}): McpServer {
  const server = new McpServer(
    { name: 'mcp-switchboard-tallyfy', title: 'Tallyfy', version },
    {
      capabilities: {
        tools: { listChanged: false },
        resources: { listChanged: false },
        prompts: { listChanged: false },
        completions: {},
      },
      instructions: instructions(timeZone, readOnly),
    },
  );
  const tallyfy = new Tallyfy({ credentials, baseUrl, timeoutMs });
  for (const tool of Object.values(TOOLS).flat()) {
    if (!readOnly || tool.effect === 'read') registerTool(server, tool, { tallyfy, now, timeZone });
  }
  registerResources(server, tallyfy);
  registerPrompts(server, tallyfy);
  return server;
}

function instructions(timeZone: string, readOnly: boolean): string {
  return [
    'Tallyfy runs the work of an organization. A template has steps, form fields and automation rules; a process is a template that',
    'was launched, and its steps are tasks; a one-off task belongs to no process. The API calls templates checklists and processes runs.',
    'Find ids with the search and list tools first, and never invent them. Members have numbers, guests have email addresses.',
    'Lists come in pages: go on with page.next, or ask for all_pages.',
    'A list in a change replaces the old list. An error begins with a code and ends with what to do.',
    `Dates in words are meant in the time zone ${timeZone}, unless a call names another.`,
    readOnly
      ? 'This server only reads.'
      : 'Deleting, archiving, completing and disabling asks the user first, where the client can.',
  ].join('\n');
}
