/** Messages that a program adds to those of the chat, at the server and in the typed client. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { ChatClient } from '../src/client.ts';
import type { ClientSocket } from '../src/client.ts';
import type { ChatEvent } from '../src/index.ts';
import { RawClient, startChat } from './support/chat.ts';

const received = (client: RawClient): string[] => client.received.map(({ type }) => type as string);

describe('a message of one’s own', () => {
  it.each(['', 'chat.v2'])('is handled and answered, also for a client of %j', async (protocol) => {
    const { url, chat } = await startChat();
    chat.onMessage('feedback', ({ stars }, { session, principal, send }) => {
      send({ type: 'feedback.noted' });
      return { type: 'feedback.thanks', stars, session, principal };
    });
    const client = await RawClient.open(url, protocol === '' ? [] : [protocol]);
    const { session_id: session } = await client.get('connection_established');
    client.send({ type: 'query', content: 'echo first' });
    await client.get('response');
    client.send({ type: 'feedback', stars: 5 });
    await expect.poll(() => received(client)).toContain('feedback.thanks');
    expect(client.texts.at(-1)).toBe(
      JSON.stringify({ type: 'feedback.thanks', stars: 5, session, principal: 'anonymous' }),
    );
    expect(received(client).at(-2)).toBe('feedback.noted');
    client.send({ type: 'feedbacks' });
    expect((await client.get('error')).message).toBe('Unknown message type: feedbacks');
  });

  it('is only for people who have signed in, where that is needed', async () => {
    const { url, chat } = await startChat({ credentials: {} });
    chat.onMessage('feedback', () => ({ type: 'feedback.thanks' }));
    const client = await RawClient.v2(url);
    client.send({ type: 'feedback' });
    expect(await client.get('error')).toMatchObject({ code: 'not_authenticated' });
    client.send({ type: 'auth', api_key: 'k', org_id: 'o' });
    client.send({ type: 'feedback' });
    await expect.poll(() => received(client)).toContain('feedback.thanks');
  });

  it('whose handler throws is an error with a reference, and the session goes on', async () => {
    const events: ChatEvent[] = [];
    const { url, chat } = await startChat({ onEvent: (event) => events.push(event) });
    chat.onMessage('feedback', async () => {
      throw new Error('the database of feedback is gone');
    });
    const client = await RawClient.v2(url);
    client.send({ type: 'feedback' });
    const { message, code } = await client.get('error');
    expect(code).toBe('internal');
    expect(message).not.toContain('database');
    const failed = events.find(({ type }) => type === 'failed') as ChatEvent & { type: 'failed' };
    expect(message).toContain(failed.reference);
    client.send({ type: 'query', content: 'echo on' });
    await client.get('response');
  });

  it('is bounded as every message that waits', async () => {
    const { url, chat } = await startChat({ maxWaiting: 2 });
    let release = (): void => {};
    chat.onMessage('slow', () => new Promise<void>((resolve) => (release = resolve)));
    const client = await RawClient.v2(url);
    for (let n = 0; n < 6; n++) client.send({ type: 'slow' });
    expect(await client.get('error')).toMatchObject({ code: 'too_many_turns' });
    release();
  });

  it.each(['query', 'response', 'approval_request', '', 'x'.repeat(65), '__proto__ x'])(
    'cannot have the type %j',
    async (type) => {
      const { chat } = await startChat();
      expect(() => chat.onMessage(type, () => {})).toThrow(/SWB_CONFIG_INVALID|onMessage/);
    },
  );

  it('is sent and taken by the typed client', async () => {
    const { url, chat } = await startChat();
    chat.onMessage('feedback', ({ stars }) => ({ type: 'feedback.thanks', stars }));
    const client = new ChatClient(url, {
      open: (to, protocols) => new WebSocket(to, protocols) as unknown as ClientSocket,
    });
    onTestFinished(() => client.close());
    await client.next('connection_established');
    const stars: unknown[] = [];
    const stop = client.onMessage('feedback.thanks', (message) => stars.push(message['stars']));
    client.send({ type: 'feedback', stars: 4 });
    await client.ask('echo done');
    await expect.poll(() => stars).toEqual([4]);
    stop();
    client.send({ type: 'feedback', stars: 3 });
    await client.ask('echo done');
    expect(stars).toEqual([4]);
  });
});
