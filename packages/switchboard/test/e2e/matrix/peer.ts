/** A real SDK client that can do everything, with the differences of the two SDKs and the two eras smoothed over. */
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpV2,
  LOG_LEVEL_META_KEY,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { WebSocketClientTransport as WebSocketV1 } from '@modelcontextprotocol/sdk/client/websocket.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  PromptListChangedNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

import { asSdkTransport } from '../../../src/transports/sdk.ts';
import { connectWebSocket } from '../../../src/transports/websocket/client.ts';
import type { AnyClient, Flavour, Way } from '../../support/clients.ts';
import { cli } from '../../support/gateway.ts';
import type { Json } from '../../support/wire.ts';
import { eavesdrop } from './eavesdrop.ts';
import { Inbox, PATIENCE_MS } from './inbox.ts';
import { Person } from './person.ts';

export type Era = 'legacy' | 'modern';
export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | 'emergency';

export interface Note {
  method: string;
  params?: Json;
}

export interface CallOptions {
  signal?: AbortSignal;
  onprogress?: (progress: { progress: number }) => void;
  meta?: Json;
}

export interface Peer {
  name: string;
  era: Era;
  flavour: Flavour;
  way: Way;
  client: AnyClient & Pick<ClientV2, 'getInstructions' | 'getServerCapabilities' | 'listResourceTemplates'>;
  /** Who answers the questions that the server asks. */
  person: Person;
  /** The notifications that the SDK handed on, progress excepted. */
  inbox: Inbox<Note>;
  /** Every message that came off the wire. */
  heard: Json[];
  call(tool: string, args?: Json, options?: CallOptions): Promise<ToolResult>;
  request(method: string, params?: Json): Promise<Json>;
  /** Subscribes in the way of the era; modern clients ask for the changes of the lists too. Gives the end of it. */
  watch(...uris: string[]): Promise<() => Promise<void>>;
  /** Sets the level of the session, or of the requests to come; `undefined` wants no messages at all. */
  setLevel(level: LogLevel | undefined): Promise<void>;
  sendRootsChanged(): Promise<void>;
  close(): Promise<void>;
}

export interface ToolResult {
  content: { type: string; text: string }[];
  structuredContent?: unknown;
  isError?: boolean;
}

export const CAPABILITIES = {
  elicitation: { form: {}, url: {} },
  sampling: {},
  roots: { listChanged: true },
  extensions: {
    'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] },
    'acme.example/client': { kept: [1] },
  },
};
const HEARD = {
  'notifications/message': LoggingMessageNotificationSchema,
  'notifications/resources/updated': ResourceUpdatedNotificationSchema,
  'notifications/tools/list_changed': ToolListChangedNotificationSchema,
  'notifications/prompts/list_changed': PromptListChangedNotificationSchema,
  'notifications/resources/list_changed': ResourceListChangedNotificationSchema,
} as const;
const LIMITS = {
  maxMessageBytes: 1024 * 1024,
  maxQueueMessages: 1000,
  maxQueueBytes: 1024 * 1024,
  pingIntervalMs: 25_000,
  handshakeTimeoutMs: 5000,
  resumeWindowMs: 60_000,
};
const anything = z.looseObject({});
const timeout = PATIENCE_MS;

export interface Target {
  ws: string;
  http: string;
  /** What the names of tools and prompts begin with there. @default nothing */
  prefix?: string;
}

export function connectPeer(flavour: Flavour, way: Way, target: Target, name = `${flavour} ${way}`): Promise<Peer> {
  return flavour === 'SDK v1' ? connectV1(flavour, way, target, name) : connectV2(flavour, way, target, name);
}

const stdioOf = ({ ws }: Target): { command: string; args: string[] } => ({
  command: process.execPath,
  args: [cli, 'connect', ws],
});

async function connectV1(flavour: Flavour, way: Way, target: Target, name: string): Promise<Peer> {
  const client = new ClientV1({ name, version: '1' }, { capabilities: CAPABILITIES });
  const person = new Person();
  const inbox = new Inbox<Note>();
  const heard: Json[] = [];
  client.setRequestHandler(ElicitRequestSchema, (question) => person.elicit(question));
  client.setRequestHandler(CreateMessageRequestSchema, (question) => person.sample(question));
  client.setRequestHandler(ListRootsRequestSchema, (question) => person.roots(question));
  for (const schema of Object.values(HEARD))
    client.setNotificationHandler(schema, (note: object) => inbox.put(note as Note));
  const transport =
    way === 'websocket'
      ? new WebSocketV1(new URL(target.ws))
      : way === 'http'
        ? new HttpV1(new URL(target.http))
        : new StdioV1(stdioOf(target));
  eavesdrop(transport, heard, target.prefix);
  await client.connect(transport, { timeout });
  return {
    name,
    era: 'legacy',
    flavour,
    way,
    client: client as unknown as Peer['client'],
    person,
    inbox,
    heard,
    call: async (tool, args = {}, { meta, ...options } = {}) =>
      (await client.callTool({ name: tool, arguments: args, ...(meta && { _meta: meta }) }, undefined, {
        timeout,
        ...options,
      })) as ToolResult,
    request: (method, params = {}) => client.request({ method, params }, anything, { timeout }),
    watch: async (...uris) => {
      for (const uri of uris) await client.subscribeResource({ uri }, { timeout });
      return async () => {
        for (const uri of uris) await client.unsubscribeResource({ uri }, { timeout });
      };
    },
    setLevel: async (level = 'emergency') => void (await client.setLoggingLevel(level, { timeout })),
    sendRootsChanged: () => client.sendRootsListChanged(),
    close: async () => {
      if (client.transport === undefined) return;
      if (transport instanceof HttpV1) await transport.terminateSession();
      await client.close();
    },
  };
}

const MODES = { 'SDK v2 legacy': 'legacy', 'SDK v2 auto': 'auto', 'SDK v2 modern': { pin: '2026-07-28' } } as const;

async function connectV2(flavour: keyof typeof MODES, way: Way, target: Target, name: string): Promise<Peer> {
  const versionNegotiation = { mode: MODES[flavour] };
  const client = new ClientV2({ name, version: '1' }, { capabilities: CAPABILITIES, versionNegotiation });
  const person = new Person();
  const inbox = new Inbox<Note>();
  const heard: Json[] = [];
  client.setRequestHandler('elicitation/create', (question) => person.elicit(question));
  client.setRequestHandler('sampling/createMessage', (question) => person.sample(question));
  client.setRequestHandler('roots/list', (question) => person.roots(question));
  for (const method of Object.keys(HEARD) as (keyof typeof HEARD)[]) {
    client.setNotificationHandler(method, (note: object) => inbox.put(note as Note));
  }
  const transport =
    way === 'websocket'
      ? asSdkTransport(await connectWebSocket(new URL(target.ws), LIMITS))
      : way === 'http'
        ? new HttpV2(new URL(target.http))
        : new StdioV2(stdioOf(target));
  eavesdrop(transport, heard, target.prefix);
  await client.connect(transport as never, { timeout });
  const era = client.getProtocolEra() ?? 'legacy';
  let wanted: Json = {};
  return {
    name,
    era,
    flavour,
    way,
    client,
    person,
    inbox,
    heard,
    call: async (tool, args = {}, { meta, ...options } = {}) => {
      const _meta = { ...wanted, ...meta };
      const params = { name: tool, arguments: args, ...(Object.keys(_meta).length > 0 && { _meta }) };
      return (await client.callTool(params, { timeout, ...options })) as ToolResult;
    },
    request: (method, params = {}) => client.request({ method, params }, anything, { timeout }),
    watch: async (...uris) => {
      if (era === 'legacy') {
        for (const uri of uris) await client.subscribeResource({ uri }, { timeout });
        return async () => {
          for (const uri of uris) await client.unsubscribeResource({ uri }, { timeout });
        };
      }
      const lists = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
      const subscription = await client.listen({ resourceSubscriptions: uris, ...lists }, { timeout });
      return () => subscription.close();
    },
    setLevel: async (level) => {
      if (era === 'legacy') await client.setLoggingLevel(level ?? 'emergency', { timeout });
      else wanted = level === undefined ? {} : { [LOG_LEVEL_META_KEY]: level };
    },
    sendRootsChanged: () => client.sendRootsListChanged(),
    close: async () => {
      if (client.transport === undefined) return;
      if (transport instanceof HttpV2) await transport.terminateSession();
      await client.close();
    },
  };
}
