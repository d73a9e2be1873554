/** The real provider packages, against providers on this machine that speak the real framing. */
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { providerModel } from '../src/index.ts';
import type { ChatOptions } from '../src/index.ts';
import { RawClient, startChat } from './support/chat.ts';
import { fakeAnthropic, fakeOpenAi } from './support/provider.ts';
import type { FakeProvider } from './support/provider.ts';

const KINDS = [
  { kind: 'anthropic', start: fakeAnthropic },
  { kind: 'openai-compatible', start: fakeOpenAi },
] as const;

async function startWith(
  provider: FakeProvider,
  kind: 'anthropic' | 'openai-compatible',
  options: Partial<ChatOptions> = {},
): Promise<RawClient> {
  const model = providerModel({ provider: kind, url: provider.url, apiKey: 'provider-key', model: 'm', maxRetries: 0 });
  const { url } = await startChat({ model, ...options });
  const client = await RawClient.v2(url);
  await client.next();
  return client;
}

/** A server with a picture. */
function pictures(): McpServer {
  const server = new McpServer({ name: 'pictures', version: '1' });
  server.registerTool('draw', { inputSchema: z.object({}), annotations: { readOnlyHint: true } }, () => ({
    content: [
      { type: 'text', text: 'Here it is.' },
      { type: 'image', mimeType: 'image/png', data: 'aGVsbG8=' },
    ],
  }));
  return server;
}

describe.each(KINDS)('$kind', ({ kind, start }) => {
  it('answers in pieces, uses several tools at once in a loop, and is counted', async () => {
    const provider = await start();
    provider.answers.push(
      [
        { text: 'I shall add.' },
        { call: 'add', arguments: { a: 1, b: 2 } },
        { call: 'add', arguments: { a: 30, b: 4 } },
      ],
      [{ call: 'echo', arguments: { text: 'and more' } }],
      [{ text: 'It is 3 and 34.' }],
    );
    const client = await startWith(provider, kind);
    client.send({ type: 'query', content: 'Add these.' });
    const response = await client.get('response');
    expect(response).toMatchObject({
      message: 'I shall add.\n\nIt is 3 and 34.',
      stopped: 'done',
      usage: { input_tokens: 300, output_tokens: 60 },
    });
    const results = client.received.flatMap((message) => (message.type === 'tool_result' ? [message.text] : []));
    expect(results.toSorted()).toEqual(['3', '34', 'and more']);
    expect(client.received.filter(({ type }) => type === 'delta').length).toBeGreaterThan(4);
    expect(provider.asked).toHaveLength(3);
    const [first, second] = provider.asked;
    expect(JSON.stringify(first!.body['tools'])).toContain('"add"');
    // Both results are in the next request, each beside its call.
    expect(JSON.stringify(second!.body.messages)).toMatch(/34/);
    const ids = [...JSON.stringify(second!.body.messages).matchAll(/"(?:toolu|call)_\d_[\d.e-]+"/g)].map(String);
    expect(ids.length).toBe(4);
    expect(new Set(ids).size).toBe(2);
    const key = kind === 'anthropic' ? first!.headers['x-api-key'] : first!.headers['authorization'];
    expect(key).toMatch(/^(Bearer )?provider-key$/);
  });

  it('goes on with what was said before', async () => {
    const provider = await start();
    provider.answers.push([{ text: 'Hello Ada.' }], [{ text: 'You are Ada.' }]);
    const client = await startWith(provider, kind);
    client.send({ type: 'query', content: 'I am Ada.' });
    await client.get('response');
    client.send({ type: 'query', content: 'Who am I?' });
    await client.get('response');
    const roles = provider.asked[1]!.body.messages.map(({ role }) => role).filter((role) => role !== 'system');
    expect(roles).toEqual(['user', 'assistant', 'user']);
    expect(JSON.stringify(provider.asked[1]!.body.messages)).toContain('Hello Ada.');
  });

  it.each([
    [401, {}, 'refused our key (401)'],
    [404, {}, 'does not know the model "m" (404)'],
    [429, { 'retry-after': '17' }, 'asked too much (429). Please try again in 17 seconds'],
    [529, {}, 'overloaded (529)'],
    [503, {}, 'overloaded (503)'],
    [500, {}, 'failed (500)'],
    [400, {}, 'refused the request (400): as the test wants it'],
  ])('has its failure %i said in plain words, and the next query is answered', async (status, headers, words) => {
    const provider = await start();
    provider.answers.push({ status, headers }, [{ text: 'Well again.' }]);
    const client = await startWith(provider, kind);
    client.send({ type: 'query', content: 'Hello?' });
    const { turn } = await client.get('processing');
    expect(await client.get('error')).toMatchObject({
      code: 'provider',
      turn,
      message: expect.stringContaining(words) as string,
    });
    expect(await client.get('response')).toMatchObject({ turn, stopped: 'failed' });
    client.send({ type: 'query', content: 'And now?' });
    expect(await client.get('response')).toMatchObject({ message: 'Well again.', stopped: 'done' });
    expect(client.texts.join()).not.toContain('provider-key');
  });

  it('is asked again after 529, and answers then', async () => {
    const provider = await start();
    provider.answers.push({ status: 529, headers: { 'retry-after-ms': '1' } }, [{ text: 'At last.' }]);
    const model = providerModel({ provider: kind, url: provider.url, apiKey: 'k', model: 'm', maxRetries: 2 });
    const { url } = await startChat({ model });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'Hello?' });
    expect(await client.get('response')).toMatchObject({ message: 'At last.', stopped: 'done' });
    expect(provider.asked).toHaveLength(2);
  });

  it.each(['cut', 'stop'] as const)(
    'whose stream breaks off (%s) has failed, and what it said is kept',
    async (how) => {
      const provider = await start();
      provider.answers.push([{ text: 'The answer is' }, how], [{ text: 'Again.' }]);
      const client = await startWith(provider, kind);
      client.send({ type: 'query', content: 'Hello?' });
      expect(await client.get('error')).toMatchObject({
        code: 'provider',
        message: expect.stringContaining('broke off'),
      });
      expect(await client.get('response')).toMatchObject({ message: 'The answer is', stopped: 'failed' });
      client.send({ type: 'query', content: 'Go on.' });
      expect(await client.get('response')).toMatchObject({ message: 'Again.' });
    },
  );

  it('that fails in the middle of a stream has failed', async () => {
    const provider = await start();
    provider.answers.push([{ text: 'The' }, { error: 'overloaded_error' }]);
    const client = await startWith(provider, kind);
    client.send({ type: 'query', content: 'Hello?' });
    expect(await client.get('error')).toMatchObject({ code: 'provider' });
    expect(await client.get('response')).toMatchObject({ message: 'The', stopped: 'failed' });
  });

  it('is hung up on when the person cancels, and when the client is gone', async () => {
    const provider = await start();
    provider.answers.push([{ text: 'Once upon a time' }, 'hang'], [{ text: 'Again' }, 'hang']);
    const client = await startWith(provider, kind, { resumeWindowMs: 10 });
    client.send({ type: 'query', content: 'Tell me a story.' });
    await client.get('delta');
    client.send({ type: 'cancel' });
    expect(await client.get('response')).toMatchObject({ stopped: 'cancelled' });
    await expect.poll(() => provider.hungUp).toBe(1);
    client.send({ type: 'query', content: 'Tell me another.' });
    await client.get('delta');
    client.socket.terminate();
    await expect.poll(() => provider.hungUp).toBe(2);
  });

  it('gets the images of a result', async () => {
    const provider = await start();
    provider.answers.push([{ call: 'draw', arguments: {} }], [{ text: 'Nice.' }]);
    const client = await startWith(provider, kind, { upstreams: { pictures: { server: pictures } } });
    client.send({ type: 'query', content: 'Draw.' });
    expect(await client.get('tool_result')).toMatchObject({ images: [{ mime_type: 'image/png', data: 'aGVsbG8=' }] });
    await client.get('response');
    expect(JSON.stringify(provider.asked[1]!.body.messages)).toContain('aGVsbG8=');
  });

  it('that never stops using tools is stopped', async () => {
    const provider = await start();
    for (let step = 0; step < 5; step++) provider.answers.push([{ call: 'echo', arguments: { text: 'x' } }]);
    const client = await startWith(provider, kind, { maxSteps: 3 });
    client.send({ type: 'query', content: 'Go on for ever.' });
    expect(await client.get('response')).toMatchObject({ stopped: 'steps' });
    expect(provider.asked).toHaveLength(3);
  });

  it('that calls what is not there, or with wrong arguments, is told so, and the turn goes on', async () => {
    const provider = await start();
    provider.answers.push(
      [
        { call: 'no_such_tool', arguments: {} },
        { call: 'add', arguments: { a: 'one' } },
      ],
      [{ text: 'I was wrong.' }],
    );
    const client = await startWith(provider, kind);
    client.send({ type: 'query', content: 'Do it.' });
    expect(await client.get('response')).toMatchObject({ message: 'I was wrong.', stopped: 'done' });
    const results = client.received.filter(({ type }) => type === 'tool_result');
    expect(results).toEqual([
      expect.objectContaining({ name: 'no_such_tool', is_error: true }),
      expect.objectContaining({ name: 'add', is_error: true }),
    ]);
  });
});
