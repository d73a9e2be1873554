import { Client } from '@modelcontextprotocol/client';
import { InMemoryTransport } from '@modelcontextprotocol/server';
import { onTestFinished } from 'vitest';
import { createTallyfyServer, type TallyfyServerOptions } from '../../src/index.ts';
import { API_KEY, type FakeApi, ORG_ID } from './fake-api.ts';

export interface Result {
  text: string;
  data: Record<string, unknown> | undefined;
  isError: boolean;
  code: string | undefined;
}

export interface Inside {
  client: Client;
  call(
    name: string,
    args?: Record<string, unknown>,
    options?: { onprogress?: (progress: object) => void },
  ): Promise<Result>;
}

/** A client and a server in this process, with the fake behind it: for what has nothing to do with the transport. */
export async function inside(fake: Pick<FakeApi, 'url'>, options: TallyfyServerOptions = {}): Promise<Inside> {
  const server = createTallyfyServer({
    baseUrl: fake.url,
    credentials: { apiKey: API_KEY, orgId: ORG_ID },
    ...options,
  });
  const client = new Client({ name: 'tallyfy-test', version: '1.0.0' }, { versionNegotiation: { mode: 'legacy' } });
  const [near, far] = InMemoryTransport.createLinkedPair();
  onTestFinished(() => client.close());
  await server.connect(far);
  await client.connect(near);
  return {
    client,
    call: async (name, args = {}, { onprogress } = {}) =>
      resultOf(await client.callTool({ name, arguments: args }, onprogress && { onprogress })),
  };
}

export function resultOf(result: object): Result {
  const { content, structuredContent, isError, _meta } = result as {
    content: { text: string }[];
    structuredContent?: Record<string, unknown>;
    isError?: boolean;
    _meta?: Record<string, { code: string }>;
  };
  return {
    text: content.map(({ text }) => text).join('\n'),
    data: structuredContent,
    isError: isError ?? false,
    code: _meta?.['mcp-switchboard-tallyfy/error']?.code,
  };
}
