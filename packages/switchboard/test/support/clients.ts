/** Real SDK clients, each over each way in. */
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { WebSocketClientTransport as WebSocketV1 } from '@modelcontextprotocol/sdk/client/websocket.js';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { asSdkTransport } from '../../src/transports/sdk.ts';
import { CLIENT_DEFAULTS, connectWebSocket } from '../../src/transports/websocket/client.ts';
import { cli } from './gateway.ts';
import type { TestGateway } from './gateway.ts';

// Node 20 has no WebSocket of its own, which the SDK's client expects.
globalThis.WebSocket ??= WebSocket as never;

export const flavours = ['SDK v1', 'SDK v2 legacy', 'SDK v2 modern', 'SDK v2 auto'] as const;
export type Flavour = (typeof flavours)[number];
export const ways = ['websocket', 'http', 'connect'] as const;
export type Way = (typeof ways)[number];

/** What the two SDKs' clients have in common, as far as the tests use it. */
export type AnyClient = Pick<
  ClientV2,
  | 'callTool'
  | 'listTools'
  | 'listPrompts'
  | 'listResources'
  | 'getPrompt'
  | 'readResource'
  | 'complete'
  | 'close'
  | 'getServerVersion'
>;

export interface Setup {
  /** Answers questions of the server. */
  onElicit?: (message: string) => { action: 'accept' | 'decline' | 'cancel'; content?: Record<string, string> };
  /** What goes over HTTP is sent with it. */
  fetch?: typeof fetch;
}

export async function connectClient(
  flavour: Flavour,
  way: Way,
  target: Pick<TestGateway, 'ws' | 'http'>,
  setup: Setup = {},
): Promise<AnyClient> {
  const info = { name: `${flavour} ${way}`, version: '1' };
  const capabilities = setup.onElicit ? { elicitation: { form: {} } } : {};
  const requests = setup.fetch ? { fetch: setup.fetch } : {};
  const stdio = { command: process.execPath, args: [cli, 'connect', target.ws], stderr: 'inherit' as const };
  if (flavour === 'SDK v1') {
    const client = new ClientV1(info, { capabilities });
    if (setup.onElicit) {
      const { ElicitRequestSchema } = await import('@modelcontextprotocol/sdk/types.js');
      client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({ ...setup.onElicit!(params.message) }));
    }
    onTestFinished(() => client.close());
    const transport =
      way === 'websocket'
        ? new WebSocketV1(new URL(target.ws))
        : way === 'http'
          ? new HttpV1(new URL(target.http), requests)
          : new StdioV1(stdio);
    await client.connect(transport);
    const callTool = client.callTool.bind(client);
    return Object.assign(client as unknown as AnyClient, {
      callTool: (params: never, options: never) => callTool(params, undefined, options),
      close: () => goodbye(client, transport),
    });
  }
  const mode = { 'SDK v2 legacy': 'legacy', 'SDK v2 auto': 'auto', 'SDK v2 modern': { pin: '2026-07-28' } } as const;
  const client = new ClientV2(info, { capabilities, versionNegotiation: { mode: mode[flavour] } });
  if (setup.onElicit) {
    client.setRequestHandler('elicitation/create', ({ params }) => ({ ...setup.onElicit!(params.message) }));
  }
  onTestFinished(() => client.close());
  const transport =
    way === 'websocket'
      ? asSdkTransport(await connectWebSocket(new URL(target.ws), CLIENT_DEFAULTS))
      : way === 'http'
        ? new HttpV2(new URL(target.http), requests)
        : new StdioV2(stdio);
  await client.connect(transport as never);
  return Object.assign(client as AnyClient, { close: () => goodbye(client, transport) });
}

/** Over HTTP a legacy client must say that its session is over; closing its connections does not. */
async function goodbye(client: { transport?: unknown; close(): Promise<void> }, transport: object): Promise<void> {
  if (client.transport === undefined) return;
  if ('terminateSession' in transport) await (transport as HttpV1).terminateSession();
  await Object.getPrototypeOf(client).close.call(client);
}
