/** The real provider packages, against providers on this machine that speak the real framing. */
import { readFileSync } from 'node:fs';
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { DEFAULT_MODEL, providerModel } from '../src/index.ts';
import type { ChatOptions } from '../src/index.ts';
import { modelOf } from '../src/settings.ts';
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

describe('Claude', () => {
  it('that is overloaded inside the stream, before its first word, is asked again', async () => {
    const provider = await fakeAnthropic();
    provider.answers.push([{ error: 'overloaded_error' }], [{ text: 'At last.' }]);
    const model = providerModel({ provider: 'anthropic', url: provider.url, apiKey: 'k', model: 'm', maxRetries: 1 });
    const { url } = await startChat({ model });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'Hello?' });
    expect((await client.get('info')).message).toContain('overloaded');
    expect(await client.get('response')).toMatchObject({ message: 'At last.', stopped: 'done' });
  });

  it('keeps tools, instructions and conversation for the next request, and what was kept costs a tenth', async () => {
    const provider = await fakeAnthropic();
    const client = await startWith(provider, 'anthropic', { tokensPerHour: 100_000 });
    provider.answers.push([{ text: 'One.' }]);
    client.send({ type: 'query', content: 'Hello' });
    await client.get('response');
    const { tools = [], system, messages } = provider.asked[0]!.body;
    const last = (blocks: unknown): unknown => (blocks as object[]).at(-1);
    const kept = { cache_control: { type: 'ephemeral' } };
    expect(tools.length).toBeGreaterThan(3);
    expect(tools.filter((tool) => 'cache_control' in tool)).toEqual([tools.at(-1)]);
    expect(tools.at(-1)).toMatchObject(kept);
    expect(last(system)).toMatchObject(kept);
    expect(last(messages.at(-1)!.content)).toMatchObject(kept);
    provider.cached = 1000;
    provider.answers.push([{ text: 'Two.' }]);
    client.send({ type: 'query', content: 'Again' });
    const { usage } = await client.get('response');
    expect(usage).toEqual({ input_tokens: 1100, cached_tokens: 1000, output_tokens: 20 });
    expect(client.allAreKnown).toBe(true);
  });

  it('is the newest of its line that the installed provider knows', () => {
    const types = readFileSync(
      new URL(import.meta.resolve('@ai-sdk/anthropic')).pathname.replace(/\.m?js$/, '.d.ts'),
      'utf8',
    );
    const known = [...types.matchAll(/'claude-sonnet-(\d+)(?:-(\d{1,2}))?'/g)];
    expect(known.length).toBeGreaterThan(2);
    const [newest] = known.toSorted(
      ([, major, minor = 0], [, otherMajor, otherMinor = 0]) =>
        Number(otherMajor) - Number(major) || Number(otherMinor) - Number(minor),
    );
    expect(`'${DEFAULT_MODEL}'`).toBe(newest![0]);
    const guide = readFileSync(new URL('../../../docs/guide/chat.md', import.meta.url), 'utf8');
    expect(guide).toContain(DEFAULT_MODEL);
  });

  it.each([
    [undefined, 'anthropic', undefined, 'ANTHROPIC_API_KEY'],
    ['http://127.0.0.1:1/v1', 'anthropic', 'm', 'SWITCHBOARD_MODEL_KEY'],
  ] as const)('at %s, without a key, names the variable that is wanted', (modelUrl, provider, model, variable) => {
    expect(() => modelOf({ model: model ?? DEFAULT_MODEL, modelUrl, provider }, {})).toThrow(variable);
  });

  it('at a URL that wants a key names the variable for it', async () => {
    const provider = await fakeOpenAi();
    provider.answers.push({ status: 401 }, { status: 401 });
    for (const [environment, words] of [
      [{}, 'wants a key (401). Whoever runs this chat must set SWITCHBOARD_MODEL_KEY'],
      [
        { SWITCHBOARD_MODEL_KEY: 'k' },
        'refused our key (401). Whoever runs this chat must check SWITCHBOARD_MODEL_KEY',
      ],
    ] as const) {
      const { url } = await startChat({ model: modelOf({ model: 'm', modelUrl: provider.url }, environment) });
      const client = await RawClient.v2(url);
      client.send({ type: 'query', content: 'Hello?' });
      expect((await client.get('error')).message).toContain(words);
    }
  });
});

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
    [413, {}, 'too long for the model (413). Send clear'],
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
    expect(await client.get('info')).toEqual({
      type: 'info',
      event: 'retrying',
      message: 'The model provider is overloaded (529). Trying again in 1 s (1 of 2).',
    });
    expect(await client.get('response')).toMatchObject({ message: 'At last.', stopped: 'done' });
    expect(provider.asked).toHaveLength(2);
    expect(client.allAreKnown).toBe(true);
  });

  it('that gives up after so many tries says why', async () => {
    const provider = await start();
    const busy = { status: 503, headers: { 'retry-after-ms': '1' } };
    provider.answers.push(busy, busy, busy);
    const model = providerModel({ provider: kind, url: provider.url, apiKey: 'k', model: 'm', maxRetries: 2 });
    const { url } = await startChat({ model });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'Hello?' });
    expect((await client.get('error')).message).toContain('overloaded (503)');
    expect(client.received.filter(({ type }) => type === 'info')).toHaveLength(2);
    expect(provider.asked).toHaveLength(3);
  });

  it('is not waited for longer than a person would, and not while the person has cancelled', async () => {
    const provider = await start();
    const model = providerModel({ provider: kind, url: provider.url, apiKey: 'k', model: 'm', maxRetries: 2 });
    const { url } = await startChat({ model });
    const client = await RawClient.v2(url);
    provider.answers.push({ status: 429, headers: { 'retry-after': '600' } });
    client.send({ type: 'query', content: 'Hello?' });
    expect((await client.get('error')).message).toContain('in 600 seconds');
    provider.answers.push({ status: 429, headers: { 'retry-after': '25' } });
    client.send({ type: 'query', content: 'Hello?' });
    await client.get('info');
    client.send({ type: 'cancel' });
    expect(await client.get('response')).toMatchObject({ stopped: 'cancelled' });
    expect(provider.asked).toHaveLength(2);
  });

  it('is given half when it says that this is too long, and answers then', async () => {
    const provider = await start();
    const tooLong = {
      status: 400,
      body: {
        type: 'error',
        error: { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens > 8 maximum' },
      },
    };
    const client = await startWith(provider, kind);
    for (const word of ['first', 'second']) {
      provider.answers.push([{ text: `about the ${word}` }]);
      client.send({ type: 'query', content: `${word} ${'lorem ipsum '.repeat(500)}` });
      await client.get('response');
    }
    provider.answers.push(tooLong, [{ text: 'Fine.' }], [{ text: 'Still fine.' }]);
    client.send({ type: 'query', content: 'and now?' });
    expect(await client.get('info')).toMatchObject({ event: 'shortened', message: expect.stringContaining('clear') });
    expect(await client.get('response')).toMatchObject({ message: 'Fine.', stopped: 'done' });
    const [before, after] = provider.asked.slice(-2).map(({ body }) => JSON.stringify(body.messages));
    expect(before).toContain('about the first');
    expect(after!.length).toBeLessThan(before!.length * 0.6);
    expect(after).toContain('and now?');
    client.send({ type: 'query', content: 'and then?' });
    await client.get('response');
    expect(provider.asked).toHaveLength(5);
  });

  it('is not asked a question again that failed, which costs no quota, and the conversation goes on', async () => {
    const provider = await start();
    const client = await startWith(provider, kind, { queriesPerMinute: 2, tokensPerHour: 500 });
    const tooLong = { status: 413, body: { error: { message: 'Request too large' } } };
    provider.answers.push([{ text: 'Hello.' }]);
    client.send({ type: 'query', content: 'Hello' });
    await client.get('response');
    for (let n = 0; n < 4; n++) {
      provider.answers.push(tooLong, tooLong);
      client.send({ type: 'query', content: `a failing question ${n} ${'lorem ipsum '.repeat(300)}` });
      expect(await client.get('error')).toMatchObject({ code: 'provider', message: expect.stringContaining('clear') });
      await client.get('response');
    }
    provider.answers.push([{ text: 'Here I am.' }]);
    client.send({ type: 'query', content: 'Are you there?' });
    expect(await client.get('response')).toMatchObject({ message: 'Here I am.', stopped: 'done' });
    const last = JSON.stringify(provider.asked.at(-1)!.body.messages);
    expect(last).not.toContain('a failing question');
    expect(last).toContain('Are you there?');
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
