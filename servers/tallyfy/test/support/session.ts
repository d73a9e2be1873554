import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioClientTransportV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { onTestFinished } from 'vitest';
import { API_KEY, type FakeApi, ORG_ID } from './fake-api.ts';
import { type Result, resultOf } from './inside.ts';

/** The built program: what is tested is what is published. */
export const program: string = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export const flavours = ['SDK v1', 'SDK v2 legacy', 'SDK v2 modern'] as const;
export type Flavour = (typeof flavours)[number];

export interface CallOptions {
  signal?: AbortSignal;
  onprogress?: (progress: object) => void;
}

export interface Setup {
  /** What the user does when asked; without it the client cannot ask. */
  answer?: (message: string) => { action: 'accept' | 'decline' | 'cancel'; content?: { confirm: boolean } };
  args?: string[];
}

/** A real client and the server process it started, with the fake behind it. */
export interface Session {
  tools(): Promise<string[]>;
  instructions: string | undefined;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<Result>;
}

const info = { name: 'tallyfy-test', version: '1.0.0' };

/** Starts the server and connects a client to it, until the test ends. */
export async function open(flavour: Flavour, fake: FakeApi, { answer, args = [] }: Setup = {}): Promise<Session> {
  const server = {
    command: process.execPath,
    args: [program, '--base-url', fake.url, ...args],
    env: { TALLYFY_API_KEY: API_KEY, TALLYFY_ORG_ID: ORG_ID },
  };
  if (flavour === 'SDK v1') {
    const client = new ClientV1(info, { capabilities: answer ? { elicitation: {} } : {} });
    if (answer) client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({ ...answer(params.message) }));
    onTestFinished(() => client.close());
    await client.connect(new StdioClientTransportV1(server));
    return {
      tools: async () => (await client.listTools()).tools.map(({ name }) => name),
      instructions: client.getInstructions(),
      call: async (name, args = {}, options) =>
        resultOf(await client.callTool({ name, arguments: args }, undefined, options)),
    };
  }
  const client = new Client(info, {
    capabilities: answer ? { elicitation: { form: {} } } : {},
    versionNegotiation: { mode: flavour === 'SDK v2 modern' ? { pin: '2026-07-28' } : 'legacy' },
  });
  if (answer) client.setRequestHandler('elicitation/create', ({ params }) => ({ ...answer(params.message) }));
  onTestFinished(() => client.close());
  await client.connect(new StdioClientTransport(server));
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    instructions: client.getInstructions(),
    call: async (name, args = {}, options) => resultOf(await client.callTool({ name, arguments: args }, options)),
  };
}
