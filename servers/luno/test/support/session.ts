import { fileURLToPath } from 'node:url';
import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioClientTransportV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { onTestFinished } from 'vitest';
import { createLunoServer, Luno, type LunoOptions } from '../../src/index.ts';
import { type FakeLuno, KEY_ID, SECRET } from './fake-luno.ts';
import { Inbox } from '../../../demo/test/support/inbox.ts';

/** The built program: what is tested is what is published. */
export const program: string = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export const flavours = ['SDK v1', 'SDK v2 legacy', 'SDK v2 modern'] as const;
export type Flavour = (typeof flavours)[number];

export interface UserAnswer {
  action: 'accept' | 'decline' | 'cancel';
  content?: Record<string, boolean>;
}

export interface Setup {
  flavour?: Flavour;
  flags?: string[];
  /** What the server finds in its environment. */
  env?: Record<string, string>;
  /** Makes the client able to ask its user. */
  answer?: (message: string) => UserAnswer;
}

/** A real client and the server process it started. */
export interface Session {
  client: Pick<
    Client,
    'listTools' | 'listResources' | 'listResourceTemplates' | 'listPrompts' | 'getPrompt' | 'complete' | 'readResource'
  >;
  inbox: Inbox;
  /** What the server has written to stderr so far. */
  stderr(): string;
  instructions: string | undefined;
  call(name: string, args?: object, options?: { signal?: AbortSignal; onprogress?: () => void }): Promise<ToolResult>;
  /** Reads a resource of JSON. */
  read(uri: string): Promise<Record<string, unknown>>;
  /** Subscribes to a resource, in the way of the era, and gives the end of it. */
  subscribe(uri: string): Promise<() => Promise<unknown>>;
  close(): Promise<void>;
}

export interface ToolResult {
  text: string;
  data: Record<string, unknown>;
  isError: boolean;
  error: Record<string, unknown> | undefined;
}

export const WITH_KEY: Record<string, string> = { LUNO_API_KEY_ID: KEY_ID, LUNO_API_SECRET: SECRET };

const info = { name: 'luno-test', version: '1.2.3' };

/** Starts the server against the fake API and connects a client to it, until the test ends. */
export async function open(fake: FakeLuno, setup: Setup = {}): Promise<Session> {
  const { flavour = 'SDK v2 modern', flags = [], env = WITH_KEY, answer } = setup;
  const args = [program, '--base-url', fake.baseUrl, '--stream-url', fake.streamUrl, ...flags];
  const server = { command: process.execPath, args, env, stderr: 'pipe' as const };
  const inbox = new Inbox();
  const modern = flavour === 'SDK v2 modern';
  const client = flavour === 'SDK v1' ? clientV1(inbox, answer) : clientV2(inbox, answer, modern);
  const transport = flavour === 'SDK v1' ? new StdioClientTransportV1(server) : new StdioClientTransport(server);
  let written = '';
  transport.stderr?.on('data', (chunk) => (written += String(chunk)));
  onTestFinished(() => client.close());
  await client.connect(transport);
  copyProgress(transport, inbox);
  const v2 = client as Client;
  return {
    client: v2,
    inbox,
    stderr: () => written,
    instructions: client.getInstructions(),
    call: async (name, args = {}, options) => {
      const params = { name, arguments: { ...args } };
      return toolResult(
        client instanceof ClientV1
          ? await client.callTool(params, undefined, options)
          : await client.callTool(params, options),
      );
    },
    read: async (uri) => {
      const { contents } = await v2.readResource({ uri });
      return JSON.parse((contents[0] as { text: string }).text) as Record<string, unknown>;
    },
    subscribe: async (uri) => {
      if (modern) {
        const subscription = await v2.listen({ resourceSubscriptions: [uri] });
        return () => subscription.close();
      }
      await v2.subscribeResource({ uri });
      return () => v2.unsubscribeResource({ uri });
    },
    close: () => client.close(),
  };
}

type Here = Pick<Session, 'call' | 'inbox' | 'close'> & { subscribe: (uri: string) => Promise<unknown> };

/** A client of a server in this process, for what is the same in both eras. */
export async function openHere(fake: FakeLuno, options: LunoOptions = {}): Promise<Here> {
  const credentials = { keyId: KEY_ID, secret: SECRET };
  const luno = new Luno({ baseUrl: fake.baseUrl, streamUrl: fake.streamUrl, credentials, ...options });
  const [near, far] = InMemoryTransport.createLinkedPair();
  const server = createLunoServer(luno);
  const inbox = new Inbox();
  const client = clientV2(inbox, undefined, false);
  onTestFinished(() => server.close());
  await server.connect(far);
  await client.connect(near);
  copyProgress(near, inbox);
  return {
    inbox,
    subscribe: (uri) => client.subscribeResource({ uri }),
    close: () => client.close(),
    call: async (name, args = {}, given) => toolResult(await client.callTool({ name, arguments: { ...args } }, given)),
  };
}

function clientV1(inbox: Inbox, answer: Setup['answer']): ClientV1 {
  const client = new ClientV1(info, { capabilities: answer ? { elicitation: {} } : {} });
  if (answer) client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({ ...answer(params.message) }));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ method, params }) => inbox.put(method, params));
  return client;
}

function clientV2(inbox: Inbox, answer: Setup['answer'], modern: boolean): Client {
  const client = new Client(info, {
    capabilities: answer ? { elicitation: { form: {} } } : {},
    versionNegotiation: { mode: modern ? { pin: '2026-07-28' } : 'legacy' },
  });
  if (answer) client.setRequestHandler('elicitation/create', ({ params }) => ({ ...answer(params.message) }));
  client.setNotificationHandler('notifications/resources/updated', ({ method, params }) => inbox.put(method, params));
  return client;
}

/** Progress is taken from the wire: clients drop the last of a call whose result comes in the same chunk. */
function copyProgress(transport: { onmessage?: unknown }, inbox: Inbox): void {
  const deliver = transport.onmessage as ((message: { method?: string; params?: object }) => void) | undefined;
  transport.onmessage = (message: { method?: string; params?: object }) => {
    if (message.method === 'notifications/progress') inbox.put(message.method, message.params);
    deliver?.(message);
  };
}

function toolResult(result: object): ToolResult {
  const { content, structuredContent, isError, _meta } = result as {
    content: { text: string }[];
    structuredContent?: Record<string, unknown>;
    isError?: boolean;
    _meta?: Record<string, Record<string, unknown>>;
  };
  return {
    text: content.map(({ text }) => text).join('\n'),
    data: structuredContent ?? {},
    isError: isError ?? false,
    error: _meta?.['mcp-switchboard-luno/error'],
  };
}
