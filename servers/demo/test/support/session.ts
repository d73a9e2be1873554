import { fileURLToPath } from 'node:url';
import { Client, LOG_LEVEL_META_KEY } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioClientTransportV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { onTestFinished } from 'vitest';
import { Inbox } from './inbox.ts';

/** The built program: what is tested is what is published. */
export const program: string = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export const flavours = ['SDK v1', 'SDK v2 legacy', 'SDK v2 modern'] as const;
export type Flavour = (typeof flavours)[number];

export interface CallOptions {
  signal?: AbortSignal;
  /** Makes the client give a progress token; the progress itself is in the inbox. */
  onprogress?: () => void;
}

export interface Answer {
  action: 'accept' | 'decline' | 'cancel';
  content?: Record<string, string>;
}

export interface Setup {
  answer?: (message: string) => Answer;
}

/** A real client and the server process it started. */
export interface Session {
  client: Pick<
    Client,
    'listTools' | 'listResources' | 'listResourceTemplates' | 'getPrompt' | 'complete' | 'readResource'
  >;
  pid: number;
  inbox: Inbox;
  instructions: string | undefined;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<ToolResult>;
  /** Subscribes to a resource, in the way of the era, and gives the end of it. */
  subscribe(uri: string): Promise<() => Promise<unknown>>;
  /** Asks for the changes of the tool list, where they must be asked for. */
  listenToTools(): Promise<unknown>;
  setLogLevel(level: 'info' | 'error'): Promise<unknown>;
  close(): Promise<void>;
}

export interface ToolResult {
  text: string;
  data: unknown;
  isError: boolean;
}

const info = { name: 'demo-test', version: '1.2.3' };
const server = { command: process.execPath, args: [program] };

/** Starts the server and connects a client to it, until the test ends. */
export function open(flavour: Flavour, setup: Setup = {}): Promise<Session> {
  return flavour === 'SDK v1' ? openV1(setup) : openV2(flavour === 'SDK v2 modern', setup);
}

async function openV1({ answer }: Setup): Promise<Session> {
  const client = new ClientV1(info, { capabilities: answer ? { elicitation: {} } : {} });
  const transport = new StdioClientTransportV1(server);
  const inbox = new Inbox();
  if (answer) client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({ ...answer(params.message) }));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ method, params }) => inbox.put(method, params));
  client.setNotificationHandler(ToolListChangedNotificationSchema, ({ method }) => inbox.put(method));
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ method, params }) => inbox.put(method, params));
  onTestFinished(() => client.close());
  await client.connect(transport);
  copyProgress(transport, inbox);
  return {
    client: client as unknown as Session['client'],
    pid: transport.pid!,
    inbox,
    instructions: client.getInstructions(),
    call: async (name, args = {}, options) =>
      toolResult(await client.callTool({ name, arguments: args }, undefined, options)),
    subscribe: async (uri) => {
      await client.subscribeResource({ uri });
      return () => client.unsubscribeResource({ uri });
    },
    listenToTools: async () => {},
    setLogLevel: (level) => client.setLoggingLevel(level),
    close: () => client.close(),
  };
}

async function openV2(modern: boolean, { answer }: Setup): Promise<Session> {
  const client = new Client(info, {
    capabilities: answer ? { elicitation: { form: {} } } : {},
    versionNegotiation: { mode: modern ? { pin: '2026-07-28' } : 'legacy' },
  });
  const transport = new StdioClientTransport(server);
  const inbox = new Inbox();
  if (answer) client.setRequestHandler('elicitation/create', ({ params }) => ({ ...answer(params.message) }));
  client.setNotificationHandler('notifications/resources/updated', ({ method, params }) => inbox.put(method, params));
  client.setNotificationHandler('notifications/tools/list_changed', ({ method }) => inbox.put(method));
  client.setNotificationHandler('notifications/message', ({ method, params }) => inbox.put(method, params));
  onTestFinished(() => client.close());
  await client.connect(transport);
  copyProgress(transport, inbox);
  let _meta: Record<string, string> = {};
  return {
    client,
    pid: transport.pid!,
    inbox,
    instructions: client.getInstructions(),
    call: async (name, args = {}, options) =>
      toolResult(await client.callTool({ name, arguments: args, _meta }, options)),
    subscribe: async (uri) => {
      if (modern) {
        const subscription = await client.listen({ resourceSubscriptions: [uri] });
        return () => subscription.close();
      }
      await client.subscribeResource({ uri });
      return () => client.unsubscribeResource({ uri });
    },
    listenToTools: async () => modern && (await client.listen({ toolsListChanged: true })),
    setLogLevel: async (level) => (modern ? (_meta = { [LOG_LEVEL_META_KEY]: level }) : client.setLoggingLevel(level)),
    close: () => client.close(),
  };
}

/**
 * Progress is taken from the wire: clients drop that of a call they cancelled, and the last of a call
 * whose result comes in the same chunk, since they handle results at once and notifications a little later.
 */
function copyProgress(transport: { onmessage?: ((message: never) => void) | undefined }, inbox: Inbox): void {
  const deliver = transport.onmessage as ((message: { method?: string; params?: object }) => void) | undefined;
  transport.onmessage = (message: { method?: string; params?: object }) => {
    if (message.method === 'notifications/progress') inbox.put(message.method, message.params);
    deliver?.(message);
  };
}

function toolResult(result: object): ToolResult {
  const { content, structuredContent, isError } = result as {
    content: { text: string }[];
    structuredContent?: unknown;
    isError?: boolean;
  };
  return { text: content.map(({ text }) => text).join('\n'), data: structuredContent, isError: isError ?? false };
}
