/** Every limit, and what happens when it is reached. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { LIMITS } from '../src/index.ts';
import type { Model } from '../src/index.ts';
import { RawClient, startChat } from './support/chat.ts';
import { startProbe } from './support/probe.ts';

describe('a person', () => {
  it('may ask so often in a minute, over several connections with the same credentials that were proven', async () => {
    const probe = await startProbe(() => true);
    const { url } = await startChat({ queriesPerMinute: 2, credentials: { probe } });
    const clients = await Promise.all([RawClient.v2(url), RawClient.v2(url), RawClient.v2(url)]);
    for (const [index, client] of clients.entries()) {
      client.send({ type: 'auth', api_key: index < 2 ? 'the same key' : 'another', org_id: 'organization' });
      await client.get('auth_success');
    }
    const [first, second, other] = clients;
    first.send({ type: 'query', content: 'echo 1' });
    first.send({ type: 'query', content: 'echo 2' });
    await first.get('response');
    await first.get('response');
    second.send({ type: 'query', content: 'echo 3', id: 'q3' });
    expect(await second.get('error')).toMatchObject({
      code: 'rate_limited',
      id: 'q3',
      message: expect.stringMatching(/2 queries a minute, the limit; try again in \d+ s/) as string,
    });
    other.send({ type: 'query', content: 'echo 4' });
    await other.get('response');
  });

  it('gets no more by credentials that it makes up, by other spellings of an organization, or by more connections', async () => {
    let calls = 0;
    const model: Model = {
      name: 'counts',
      async *answer() {
        calls++;
        yield { type: 'end', cut: false };
      },
    };
    const probe = await startProbe((key) => key === 'the key');
    for (const [credentials, key] of [
      [{}, 'made up'],
      [{ probe }, 'the key'],
      [undefined, ''],
    ] as const) {
      calls = 0;
      const { url } = await startChat({
        model,
        queriesPerMinute: 3,
        ...(credentials !== undefined && { credentials }),
      });
      for (let n = 0; n < 12; n++) {
        const client = await RawClient.v2(url);
        client.send({ type: 'auth', api_key: key === 'made up' ? `${key} ${n}` : key, org_id: `organization ${n}` });
        for (let each = 0; each < 3; each++) client.send({ type: 'query', content: 'hello', id: `${n}-${each}` });
        client.send({ type: 'export', format: 'json' });
        await client.get('export');
      }
      expect(calls).toBe(3);
    }
  });

  it('has tokens for thirty questions with a hundred tools, and for many more where the provider caches them', async () => {
    for (const [cached_tokens, questions] of [
      [0, 30],
      [5500, 60],
    ] as const) {
      const model: Model = {
        name: 'uses two tools',
        async *answer({ messages }) {
          const calls = messages.slice(messages.findLastIndex(({ role }) => role === 'user')).length;
          if (calls < 5) yield { type: 'call', call: { id: `c${calls}`, name: 'echo', arguments: { text: 'x' } } };
          else yield { type: 'text', text: 'done' };
          yield { type: 'end', cut: false, usage: { input_tokens: 6400, output_tokens: 300, cached_tokens } };
        },
      };
      const { url } = await startChat({ model, queriesPerMinute: 1000 });
      const client = await RawClient.v2(url);
      for (let n = 0; n < questions; n++) {
        client.send({ type: 'query', content: 'a question' });
        expect(await client.get('response')).toMatchObject({ stopped: 'done', message: 'done' });
      }
    }
  });

  it('is told that a message is longer than the model is given, and it costs nothing', async () => {
    const { url } = await startChat({ maxContextTokens: 600, queriesPerMinute: 1 });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: `echo ${'漢'.repeat(800)}`, id: 'long' });
    expect(await client.get('error')).toMatchObject({
      code: 'too_long',
      id: 'long',
      message: expect.stringMatching(/about 9\d\d tokens.*600/) as string,
    });
    client.send({ type: 'query', content: 'echo short' });
    expect((await client.get('response')).message).toContain('short');
  });

  it('may use so many tokens in an hour', async () => {
    const { url } = await startChat({ tokensPerHour: 10 });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'echo 1' });
    await client.get('response');
    client.send({ type: 'query', content: 'echo 2' });
    expect(await client.get('error')).toMatchObject({ code: 'token_limit' });
  });

  it('has so many turns at once, and the next one begins when one has ended', async () => {
    let atOnce = 0;
    let most = 0;
    const model: Model = {
      name: 'slow',
      async *answer() {
        most = Math.max(most, ++atOnce);
        await new Promise((resolve) => setTimeout(resolve, 20));
        atOnce--;
        yield { type: 'text', text: 'slow' };
        yield { type: 'end', cut: false };
      },
    };
    const { url } = await startChat({ model, maxTurns: 2, credentials: {} });
    const clients = await Promise.all(Array.from({ length: 5 }, () => RawClient.v2(url)));
    for (const client of clients) {
      client.send({ type: 'auth', api_key: 'the same key', org_id: 'organization' });
      client.send({ type: 'query', content: 'hello' });
    }
    for (const client of clients) await client.get('response');
    expect(most).toBe(2);
  });

  it('may have so many queries waiting', async () => {
    for (const protocol of ['', 'chat.v2']) {
      const { url } = await startChat({ maxWaiting: 2 });
      const client = await RawClient.open(url, protocol === '' ? [] : [protocol]);
      for (let n = 0; n < 6; n++) client.send({ type: 'query', content: 'count to=2 delayMs=30' });
      const { message } = await client.get('error');
      expect(message).toMatch(/2 .*wait already/);
      await client.get('response');
    }
  });
});

describe('a client', () => {
  it('is turned away with 1013 when so many are connected', async () => {
    const { url } = await startChat({ maxConnections: 1 });
    await RawClient.open(url);
    const socket = new WebSocket(url);
    onTestFinished(() => socket.terminate());
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1013);
  });

  it('is closed with 1009 when its message is too large', async () => {
    const { url } = await startChat({ maxMessageBytes: 1000 });
    const client = await RawClient.open(url);
    client.send({ type: 'query', content: 'x'.repeat(2000) });
    expect(await client.end()).toMatchObject({ code: 1009 });
  });

  it('may try so many credentials in a minute', async () => {
    const { url } = await startChat({ authsPerMinute: 1, credentials: {} });
    const client = await RawClient.open(url);
    client.send({ type: 'auth', api_key: 'key', org_id: 'org' });
    await client.get('auth_success');
    client.send({ type: 'auth', api_key: 'key', org_id: 'org' });
    expect((await client.get('auth_error')).message).toContain('Too many attempts');
  });
});

/** Has something said, and cuts the client. @returns how to come back. */
async function rememberThis(client: RawClient): Promise<{ session_id: string; resume_token?: string | undefined }> {
  const { session_id, resume_token } = await client.get('connection_established');
  client.send({ type: 'query', content: 'echo remember this' });
  await client.get('response');
  await cut(client);
  return { session_id, resume_token };
}

async function cut(client: RawClient): Promise<void> {
  client.socket.terminate();
  await client.end();
}

describe('clients that are away', () => {
  it('are not shut out by others who open and leave connections', async () => {
    const probe = await startProbe(() => true);
    const { url, chat } = await startChat({ maxConnections: 3, credentials: { probe } });
    const victim = await RawClient.v2(url);
    victim.send({ type: 'auth', api_key: 'the key of the victim', org_id: 'organization' });
    const { session_id, resume_token } = await rememberThis(victim);
    for (let n = 0; n < 12; n++) {
      const stranger = await RawClient.v2(url);
      await stranger.get('connection_established');
      if (n % 2 === 0) {
        stranger.send({ type: 'auth', api_key: 'the key of a stranger', org_id: 'organization' });
        await stranger.get('auth_success');
      }
      await cut(stranger);
    }
    expect(chat.stats.sessions).toBeLessThanOrEqual(4);
    const again = await RawClient.v2(url);
    again.send({ type: 'resume', session_id, resume_token, after: 0 });
    await again.get('resumed');
    expect((await again.get('history')).entries).toContainEqual(expect.objectContaining({ text: 'remember this' }));
  });

  it('with a conversation are kept rather than empty ones of the same address', async () => {
    const { url } = await startChat({ maxConnections: 3 });
    const { session_id, resume_token } = await rememberThis(await RawClient.v2(url));
    for (let n = 0; n < 12; n++) {
      const stranger = await RawClient.v2(url);
      await stranger.get('connection_established');
      await cut(stranger);
    }
    const again = await RawClient.v2(url);
    again.send({ type: 'resume', session_id, resume_token, after: 0 });
    expect(await again.get('resumed')).toMatchObject({ session_id });
  });

  it('are not waited for in any number', async () => {
    const { url, chat } = await startChat({ maxConnections: 2 });
    for (let n = 0; n < 6; n++) {
      const client = await RawClient.v2(url);
      await client.get('connection_established');
      await cut(client);
    }
    await RawClient.v2(url);
    expect(chat.stats.sessions).toBeLessThanOrEqual(4);
  });
});

describe('the guide', () => {
  it('has every limit with its default, and no other', () => {
    const page = readFileSync(new URL('../../../docs/guide/chat.md', import.meta.url), 'utf8');
    const table = page.slice(page.indexOf('| limit | default | of |'));
    const rows = [...table.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, name, value]) => [name!, Number(value)]);
    expect(rows.length).toBe(Object.keys(LIMITS).length);
    expect(Object.fromEntries(rows)).toEqual(LIMITS);
  });
});

describe('a tool', () => {
  it('that says nothing for too long is stopped, and one that tells its progress is not', async () => {
    const { url } = await startChat({ toolSilenceMs: 300 });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'count to=2 delayMs=2000' });
    expect(await client.get('tool_result')).toMatchObject({ is_error: true, text: expect.stringContaining('stopped') });
    client.send({ type: 'query', content: 'count to=8 delayMs=60' });
    expect(await client.get('tool_result')).toMatchObject({ is_error: false, text: 'Counted to 8.' });
  });

  it('does not run out of time while the person thinks', async () => {
    const { url } = await startChat({ toolSilenceMs: 100 });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'ask' });
    const { question } = await client.get('question');
    const askedAt = Date.now();
    await expect.poll(() => Date.now() - askedAt, { interval: 20 }).toBeGreaterThan(250);
    client.send({ type: 'answer', question, action: 'accept', content: { answer: 'at last' } });
    expect((await client.get('response')).message).toContain('at last');
  });
});
