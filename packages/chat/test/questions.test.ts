/** Questions of every kind, from a server that asks what the demo server does not. */
import { McpServer, inputRequired, inputResponse } from '@modelcontextprotocol/server';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { RawClient, startChat } from './support/chat.ts';

/** Asks for a page to be opened, and tells what became of it. */
function asksForPage(): McpServer {
  const server = new McpServer({ name: 'pages', version: '1' });
  const inputSchema = z.object({ url: z.string() });
  server.registerTool('open', { inputSchema, annotations: { readOnlyHint: true } }, ({ url }, { mcpReq }) => {
    const response = inputResponse(mcpReq.inputResponses, 'page');
    if (response.kind !== 'elicit') {
      const page = inputRequired.elicitUrl({ message: 'Sign in there.', url });
      return inputRequired({ inputRequests: { page } });
    }
    return { content: [{ type: 'text', text: `It was: ${response.action}` }] };
  });
  return server;
}

describe('a page that a tool wants opened', () => {
  it('is shown to the person with its address', async () => {
    const { url } = await startChat({ upstreams: { pages: { server: asksForPage } } });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'open url=https://sign-in.example.com/x' });
    const question = await client.get('question');
    expect(question).toMatchObject({ message: 'Sign in there.', url: 'https://sign-in.example.com/x' });
    client.send({ type: 'answer', question: question.question, action: 'accept' });
    expect((await client.get('response')).message).toContain('It was: accept');
    expect(client.allAreKnown).toBe(true);
  });

  it('is declined where it is no web address', async () => {
    const { url } = await startChat({ upstreams: { pages: { server: asksForPage } } });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'open url=file:///etc/passwd' });
    expect((await client.get('response')).message).toContain('It was: decline');
    expect(client.received.map(({ type }) => type)).not.toContain('question');
  });
});
