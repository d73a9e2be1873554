/** The typed client, and what else others can see of the package. */
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { ChatClient } from '../src/client.ts';
import type { ChatClientOptions, ClientSocket } from '../src/client.ts';
import { protocolSchema } from '../src/protocol/json-schema.ts';
import { startChat } from './support/chat.ts';

const folder = new URL('../', import.meta.url);

function connect(
  url: string,
  options: ChatClientOptions = {},
): { client: ChatClient; sockets: WebSocket[]; states: string[] } {
  const sockets: WebSocket[] = [];
  const states: string[] = [];
  const client = new ChatClient(url, {
    retryMs: 1,
    open: (address, protocols) => {
      const socket = new WebSocket(address, protocols);
      sockets.push(socket);
      return socket as unknown as ClientSocket;
    },
    onState: (state) => states.push(state),
    ...options,
  });
  onTestFinished(() => client.close());
  return { client, sockets, states };
}

describe('the typed client', () => {
  it('asks, and gets each answer for its question', async () => {
    const { url } = await startChat();
    const { client } = connect(url);
    await client.next('connection_established');
    const [first, second] = await Promise.all([client.ask('add a=1 b=2'), client.ask('echo two')]);
    expect(first.message).toContain('3');
    expect(second.message).toContain('two');
  });

  it('shows credentials, and tells when they are refused', async () => {
    const { url } = await startChat({ credentials: {} });
    const { client } = connect(url);
    await client.next('connection_established');
    await expect(client.authenticate('', 'org')).rejects.toThrow('Both API key and org ID are required');
    await expect(client.ask('tools')).rejects.toThrow('Please authenticate first');
    await client.authenticate('key', 'org');
    expect((await client.ask('echo in')).message).toContain('in');
  });

  it('comes back after a cut, and gets the answer that was under way', async () => {
    const { url } = await startChat();
    const { client, sockets, states } = connect(url);
    await client.next('connection_established');
    const running = client.ask('count to=3 delayMs=40');
    await client.next('tool_call');
    sockets[0]!.terminate();
    await client.next('resumed');
    expect((await running).message).toContain('Counted to 3.');
    expect(states).toEqual(['open', 'away', 'open']);
  });

  it('gets the answer that came while it was away', async () => {
    const { url } = await startChat();
    const { client, sockets } = connect(url, { retryMs: 60 });
    await client.next('connection_established');
    const running = client.ask('count to=1 delayMs=1');
    await client.next('processing');
    sockets[0]!.terminate();
    expect((await running).message).toContain('Counted to 1.');
  });

  it('begins again where the session is gone, and says so to who waits', async () => {
    const { url } = await startChat({ resumeWindowMs: 1 });
    const { client, sockets } = connect(url, { retryMs: 200 });
    await client.next('connection_established');
    const lost = client.ask('count to=1000 delayMs=1000');
    await client.next('tool_call');
    sockets[0]!.terminate();
    await expect(lost).rejects.toThrow('The session has ended');
    expect((await client.ask('echo again')).message).toContain('again');
  });

  it('ends when the chat is left, and does not come back', async () => {
    const { url } = await startChat();
    const { client, sockets, states } = connect(url);
    await client.next('connection_established');
    client.send({ type: 'query', content: 'quit' });
    await client.next('info');
    await expect.poll(() => states.at(-1)).toBe('closed');
    await expect(client.ask('echo')).rejects.toThrow('no connection');
    expect(sockets).toHaveLength(1);
  });
});

describe('what others can see of the package', () => {
  it.each([
    [
      'mcp-switchboard-chat',
      ['Chat', 'DEFAULT_MODEL', 'LIMITS', 'ModelFailure', 'OfflineModel', 'createChat', 'providerModel'],
    ],
    ['mcp-switchboard-chat/client', ['ChatClient']],
    ['mcp-switchboard-chat/command', ['startChat']],
    ['mcp-switchboard-chat/protocol', ['CHAT_V2', 'clientMessageSchema', 'entrySchema', 'serverMessageSchema']],
  ])('is, of %s, these names and no others', async (name, names) => {
    const library = (await import(name)) as Record<string, unknown>;
    expect(Object.keys(library).toSorted()).toEqual(names);
  });

  it('is a JSON Schema that says what the code says', () => {
    expect(JSON.parse(readFileSync(new URL('schema.json', folder), 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(protocolSchema())),
    );
  });

  it('is a document that names every message and error code, and no other', () => {
    const document = readFileSync(new URL('../../docs/reference/chat-protocol.md', folder), 'utf8');
    const typesOf = (schema: unknown): string[] =>
      (schema as { oneOf: { properties: { type: { const: string } } }[] }).oneOf.map(
        ({ properties }) => properties.type.const,
      );
    const { $defs } = protocolSchema() as { $defs: Record<string, unknown> };
    const types = [...typesOf($defs['ClientMessage']), ...typesOf($defs['ServerMessage'])];
    for (const type of types) expect(document, type).toMatch(new RegExp(`"type":"${type}"|\\| \`${type}\` \\|`));
    const written = [...document.matchAll(/"type":"(\w+)"/g)].map(([, type]) => type!);
    expect(written.filter((type) => !types.includes(type))).toEqual([]);
    const errors = ($defs['ServerMessage'] as { oneOf: { properties: { code?: { enum: string[] } } }[] }).oneOf.flatMap(
      ({ properties }) => properties.code?.enum ?? [],
    );
    const table = document.slice(document.indexOf('### Errors'));
    expect([...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code)).toEqual(errors);
  });
});
