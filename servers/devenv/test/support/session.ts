import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioClientTransportV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { onTestFinished } from 'vitest';
import { ERROR_META_KEY } from '../../src/tools/tool.ts';

/** The built program: what is tested is what is published. */
export const program: string = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export const flavours = ['SDK v1', 'SDK v2 legacy', 'SDK v2 modern'] as const;
export type Flavour = (typeof flavours)[number];

export interface CallOptions {
  signal?: AbortSignal;
  onprogress?: (progress: { progress: number; message?: string | undefined }) => void;
}

export interface Answer {
  action: 'accept' | 'decline' | 'cancel';
  content?: Record<string, boolean>;
}

export interface Setup {
  root: string;
  args?: string[];
  env?: Record<string, string>;
  /** What the user answers; without it the client cannot ask. */
  answer?: (message: string) => Answer | Promise<Answer>;
}

export interface ToolResult {
  summary: string;
  /** The structured content; tests know its shape. */
  data: never;
  isError: boolean;
  error: { code: string; message: string; remedy: string } | undefined;
  content: { type: string; text: string }[];
}

/** A real client and the server process it started. */
export interface Session {
  client: Client;
  pid: number;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<ToolResult>;
  close(): Promise<void>;
}

const info = { name: 'devenv-test', version: '1.2.3' };

/** Starts the server on a root and connects a client to it, until the test ends. */
export async function open(setup: Setup, flavour: Flavour = 'SDK v2 modern'): Promise<Session> {
  const { root, args = [], env = {}, answer } = setup;
  const server = {
    command: process.execPath,
    args: [program, '--root', root, ...args],
    env: { ...(process.env as Record<string, string>), ...env },
  };
  if (flavour === 'SDK v1') {
    const client = new ClientV1(info, { capabilities: answer ? { elicitation: {} } : {} });
    if (answer)
      client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({ ...(await answer(params.message)) }));
    const transport = new StdioClientTransportV1(server);
    onTestFinished(() => client.close());
    await client.connect(transport);
    return {
      client: client as unknown as Client,
      pid: transport.pid!,
      call: async (name, args = {}, options) =>
        result(await client.callTool({ name, arguments: args }, undefined, options)),
      close: () => client.close(),
    };
  }
  const client = new Client(info, {
    capabilities: answer ? { elicitation: { form: {} } } : {},
    versionNegotiation: { mode: flavour === 'SDK v2 modern' ? { pin: '2026-07-28' } : 'legacy' },
  });
  if (answer)
    client.setRequestHandler('elicitation/create', async ({ params }) => ({ ...(await answer(params.message)) }));
  const transport = new StdioClientTransport(server);
  onTestFinished(() => client.close());
  await client.connect(transport);
  return {
    client,
    pid: transport.pid!,
    call: async (name, args = {}, options) => result(await client.callTool({ name, arguments: args }, options)),
    close: () => client.close(),
  };
}

function result(given: object): ToolResult {
  const { content, structuredContent, isError, _meta } = given as {
    content: ToolResult['content'];
    structuredContent?: never;
    isError?: boolean;
    _meta?: Record<string, never>;
  };
  return {
    summary: content[0]?.text ?? '',
    data: structuredContent as never,
    isError: isError ?? false,
    error: _meta?.[ERROR_META_KEY],
    content,
  };
}
