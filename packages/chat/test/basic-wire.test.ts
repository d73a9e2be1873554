/** The first level of the wire, spoken by a client that knows docs/reference/chat-protocol.md and nothing else. */
import { describe, expect, it } from 'vitest';

import { RawClient, startChat } from './support/chat.ts';

const CREDENTIALS = { headers: { 'X-Key': '${auth.api_key}' } };
const AUTH = { type: 'auth', api_key: 'your-tallyfy-api-key', org_id: 'your-organization-id' };

describe('a client that offers no subprotocol', () => {
  it('is greeted, authenticates, asks and is answered, with the names and fields of the document in their order', async () => {
    const { url } = await startChat({ credentials: CREDENTIALS });
    const client = await RawClient.open(url);
    expect(client.socket.protocol).toBe('');
    await client.next();
    client.send(AUTH);
    await client.next();
    client.send({ type: 'query', content: 'add a=1 b=2' });
    await client.next();
    await client.next();
    client.send({ type: 'ping' });
    await client.next();
    const [greeting = '', ...rest] = client.texts;
    expect(greeting).toMatch(
      /^\{"type":"connection_established","session_id":"[0-9a-f-]{36}","message":"[^"]+","authenticated":false\}$/,
    );
    expect(rest).toEqual([
      '{"type":"auth_success","message":"Authentication successful. You can now send queries.","authenticated":true}',
      '{"type":"processing","message":"Processing your query..."}',
      '{"type":"response","message":"Done: `add` says:\\n\\n3"}',
      '{"type":"pong"}',
    ]);
  });

  it('is told to authenticate before it asks, and that both fields are needed', async () => {
    const { url } = await startChat({ credentials: CREDENTIALS });
    const client = await RawClient.open(url);
    client.send({ type: 'query', content: 'tools' });
    client.send({ type: 'auth', api_key: 'only-one' });
    client.send({ type: 'auth', api_key: 'k', org_id: ' ' });
    await client.get('auth_error');
    await client.get('auth_error');
    expect(client.texts.slice(1)).toEqual([
      '{"type":"error","message":"Please authenticate first by sending your API key and org ID"}',
      '{"type":"auth_error","message":"Both API key and org ID are required"}',
      '{"type":"auth_error","message":"Both API key and org ID are required"}',
    ]);
  });

  it('needs no credentials where the servers need none, and is told that those it shows mean nothing', async () => {
    const { url } = await startChat();
    const client = await RawClient.open(url);
    expect(await client.next()).toMatchObject({ type: 'connection_established', authenticated: true });
    client.send(AUTH);
    expect(await client.next()).toEqual({
      type: 'auth_error',
      message: 'No credentials are needed here, and yours were not kept or used. Send a query.',
    });
    client.send('echo by hand');
    expect(await client.get('response')).toEqual({ type: 'response', message: 'Done: `echo` says:\n\nby hand' });
  });

  it('clears and quits without authentication, in any case of letters', async () => {
    const { url } = await startChat({ credentials: CREDENTIALS });
    const client = await RawClient.open(url);
    client.send({ type: 'query', content: 'Clear' });
    client.send({ content: 'clear' });
    client.send({ type: 'query', content: 'QUIT' });
    expect(await client.end()).toMatchObject({ code: 1000 });
    expect(client.texts.slice(1)).toEqual([
      '{"type":"info","message":"Conversation history cleared."}',
      '{"type":"info","message":"Conversation history cleared."}',
      '{"type":"info","message":"Goodbye!"}',
    ]);
  });

  it('is answered one query after the other, in their order', async () => {
    const { url } = await startChat();
    const client = await RawClient.open(url);
    client.send({ type: 'query', content: 'count to=3 delayMs=20' });
    client.send({ type: 'query', content: 'echo second' });
    await client.get('response');
    await client.get('response');
    expect(client.received.map(({ type }) => type)).toEqual([
      'connection_established',
      'processing',
      'response',
      'processing',
      'response',
    ]);
    expect(client.texts.at(-1)).toContain('second');
  });

  it('is told what is wrong with a message, and goes on', async () => {
    const { url } = await startChat();
    const client = await RawClient.open(url);
    await client.next();
    const sent = ['{"type":"logout"}', '{"type":"nonsense"}', '[1]', '123', '{"type":"query","content":5}', '{}'];
    for (const text of sent) client.send(text);
    client.send({ type: 'query', content: '  ' });
    client.send({ type: 'ping' });
    await client.get('pong');
    await client.get('info');
    expect(client.received.slice(1)).toEqual(
      expect.arrayContaining([
        { type: 'error', message: 'Unknown message type: logout' },
        { type: 'error', message: 'Unknown message type: nonsense' },
        { type: 'error', message: 'Error processing message: expected a JSON object with a type' },
        { type: 'error', message: expect.stringContaining('Error processing message: content: ') as string },
        { type: 'info', message: 'Please provide a query' },
      ]),
    );
  });

  it('gets nothing but the types and fields of the first level, whatever the tools do', async () => {
    const { url } = await startChat();
    const client = await RawClient.open(url);
    const queries = ['count to=2 delayMs=1', 'ask', 'crash', 'enable_extra on=true', 'nothing known', 'tools'];
    for (const content of queries) client.send({ type: 'query', content });
    await client.get('info');
    client.send('no');
    await expect
      .poll(() => client.received.filter(({ type }) => type === 'response').length, { timeout: 20_000 })
      .toBe(queries.length);
    const fields = new Set(client.received.map((message) => Object.keys(message).join()));
    expect([...fields].toSorted()).toEqual(['type,message', 'type,session_id,message,authenticated']);
    const types = new Set(client.received.map(({ type }) => type));
    expect([...types].toSorted()).toEqual(['connection_established', 'info', 'processing', 'response']);
    const answers = client.received.filter(({ type }) => type === 'response').map((message) => JSON.stringify(message));
    expect(answers[1]).toContain('The user dismissed the question');
    expect(answers[2]).toContain('did not approve');
  });

  it('is told, and let go with 3008, when it has said nothing for the idle time; a ping does not count', async () => {
    const { url, chat } = await startChat({ idleTimeoutMs: 300, sweepIntervalMs: 20 });
    const client = await RawClient.open(url);
    const pinger = setInterval(() => client.send({ type: 'ping' }), 20);
    const { code } = await client.end();
    clearInterval(pinger);
    expect(code).toBe(3008);
    expect(client.received.at(-1)).toMatchObject({
      type: 'info',
      message: expect.stringContaining('Nothing was said'),
    });
    await expect.poll(() => chat.stats.sessions).toBe(0);
  });

  it('may come from a page of this machine, and not from a stranger’s', async () => {
    const { url } = await startChat({ allowedOrigins: ['null'] });
    for (const origin of ['http://localhost:3000', 'null']) {
      const client = await RawClient.open(url, [], { origin });
      expect(await client.next()).toMatchObject({ type: 'connection_established' });
    }
    await expect(RawClient.open(url, [], { origin: 'https://evil.example' })).rejects.toThrow('403');
  });
});
