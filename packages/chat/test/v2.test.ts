/** What `chat.v2` adds, spoken by hand. */
import { createDemoServer } from 'mcp-switchboard-demo';
import { describe, expect, it } from 'vitest';

import { RawClient, startChat } from './support/chat.ts';
import type { Entry } from '../src/protocol.ts';

describe('a client of chat.v2', () => {
  it('sees a turn as it happens, and every message of it is in the document', async () => {
    const { url } = await startChat();
    const client = await RawClient.v2(url);
    expect(client.socket.protocol).toBe('chat.v2');
    const established = await client.get('connection_established');
    expect(established).toMatchObject({
      protocol: 'chat.v2',
      model: 'offline',
      mention: 'assistant',
      authenticated: true,
    });
    client.send({ type: 'query', content: 'count to=2 delayMs=1', id: 'q1' });
    const response = await client.get('response');
    const kinds = client.received.slice(1).map(({ type }) => type);
    expect(kinds.filter((type, index) => type !== kinds[index - 1])).toEqual([
      'said',
      'processing',
      'tool_call',
      'tool_progress',
      'tool_result',
      'delta',
      'response',
    ]);
    const said = client.received.flatMap((message) => (message.type === 'delta' ? [message.text] : [])).join('');
    expect(said).toBe(response.message);
    expect(response).toMatchObject({ seq: 3, stopped: 'done', usage: { output_tokens: expect.any(Number) as number } });
    expect(client.received).toContainEqual(expect.objectContaining({ type: 'processing', id: 'q1', from: 'you' }));
    expect(client.received).toContainEqual(
      expect.objectContaining({ type: 'tool_progress', progress: 2, total: 2, message: 'Counted 2 of 2' }),
    );
    expect(client.allAreKnown).toBe(true);
  });

  it('cancels a turn in the middle of a tool, which is told, and asks again', async () => {
    const { url } = await startChat();
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'count to=1000 delayMs=1000' });
    const { turn } = await client.get('tool_call');
    client.send({ type: 'cancel', turn });
    expect(await client.get('response')).toMatchObject({ turn, stopped: 'cancelled' });
    client.send({ type: 'cancel', turn });
    expect(await client.get('error')).toMatchObject({ code: 'not_found' });
    client.send({ type: 'query', content: 'echo again' });
    expect((await client.get('response')).message).toContain('again');
  });

  it('runs the calls of one answer at the same time', async () => {
    const { url } = await startChat();
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'count to=3 delayMs=50\necho quick' });
    await client.get('response');
    const order = client.received.flatMap((message) => (message.type === 'tool_result' ? [message.name] : []));
    expect(order).toEqual(['echo', 'count']);
  });

  it('is asked what a tool wants to know, and the answer goes to the tool', async () => {
    const { url } = await startChat();
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'ask question="Which colour?"' });
    const question = await client.get('question');
    expect(question).toMatchObject({ server: 'demo', message: 'Which colour?', schema: { type: 'object' } });
    client.send({ type: 'answer', question: question.question, action: 'accept', content: { answer: 'green' } });
    expect(await client.get('closed')).toEqual({ type: 'closed', id: question.question, reason: 'answered' });
    expect((await client.get('response')).message).toContain('The user answered: green');
    client.send({ type: 'answer', question: question.question, action: 'decline' });
    expect(await client.get('error')).toMatchObject({ code: 'not_found' });
  });

  it('is asked before a destructive tool runs, and a no keeps it from running', async () => {
    const { url } = await startChat();
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'crash code=7' });
    const request = await client.get('approval_request');
    expect(request).toMatchObject({ name: 'crash', arguments: { code: 7 } });
    client.send({ type: 'approval', approval: request.approval, approved: false });
    expect(await client.get('tool_result')).toMatchObject({ is_error: true, text: expect.stringContaining('approve') });
  });

  it('is not kept waiting for ever: a question ends after its time, and the tool is told', async () => {
    const { url } = await startChat({ questionTimeoutMs: 30 });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'ask' });
    const { question } = await client.get('question');
    expect(await client.get('closed')).toEqual({ type: 'closed', id: question, reason: 'timeout' });
    expect((await client.get('response')).message).toContain('dismissed');
  });

  it('is told the tools, and told again when they change', async () => {
    const { url } = await startChat();
    const client = await RawClient.v2(url);
    client.send({ type: 'tools' });
    const { tools } = await client.get('tools');
    expect(tools).toContainEqual(expect.objectContaining({ name: 'add', destructive: false }));
    expect(tools).toContainEqual(expect.objectContaining({ name: 'crash', destructive: true }));
    expect(tools.map(({ name }) => name)).not.toContain('extra');
    client.send({ type: 'query', content: 'enable_extra on=true' });
    const after = await client.get('tools');
    expect(after.tools.map(({ name }) => name)).toContain('extra');
    client.send({ type: 'query', content: 'extra' });
    expect((await client.get('response', ({ message }) => message.includes('extra tool is on'))).stopped).toBe('done');
  });

  it('has the names of several servers before the names of their tools', async () => {
    const server = (): ReturnType<typeof createDemoServer> => createDemoServer();
    const { url } = await startChat({ upstreams: { one: { server }, 'two.x': { server } } });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'two_x__add a=2 b=3' });
    expect((await client.get('response')).message).toBe('Done: `two_x__add` says:\n\n5');
  });

  it('goes on without a server that cannot be started', async () => {
    const { url } = await startChat({
      upstreams: { demo: { server: () => createDemoServer() }, broken: { command: '/does/not/exist' } },
    });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'demo__echo still here' });
    expect((await client.get('response')).message).toContain('still here');
  });

  it('has all of a long result, of which the model gets the beginning', async () => {
    const { url } = await startChat({ maxResultCharacters: 100 });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: `echo ${'x'.repeat(5000)}` });
    expect(await client.get('tool_result')).toMatchObject({ truncated: true, text: 'x'.repeat(5000) });
    const { message } = await client.get('response');
    expect(message).toContain('4900 more characters were left out');
    expect(message.length).toBeLessThan(300);
  });

  it('exports the conversation, as Markdown and as JSON', async () => {
    const { url } = await startChat();
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'echo ```' });
    await client.get('response');
    client.send({ type: 'export', format: 'markdown' });
    const markdown = await client.get('export');
    expect(markdown.filename).toMatch(/^chat-[\d-]+\.md$/);
    expect(markdown.content).toMatch(/^# Chat/);
    expect(markdown.content).toContain('````\n```\n````');
    client.send({ type: 'export', format: 'json' });
    const { entries } = JSON.parse((await client.get('export')).content) as { entries: Entry[] };
    expect(entries.map(({ kind }) => kind)).toEqual(['person', 'tool', 'model']);
  });

  it('pages through older entries', async () => {
    const { url } = await startChat();
    const client = await RawClient.v2(url);
    for (const text of ['one', 'two', 'three']) {
      client.send({ type: 'query', content: `echo ${text}` });
      await client.get('response');
    }
    client.send({ type: 'history', limit: 2 });
    const last = await client.get('history');
    expect([last.entries.map(({ seq }) => seq), last.more]).toEqual([[8, 9], true]);
    client.send({ type: 'history', before: 4 });
    const first = await client.get('history');
    expect([first.entries.map(({ seq }) => seq), first.more]).toEqual([[1, 2, 3], false]);
  });
});

describe('after a cut', () => {
  it('a client gets what it missed, what runs and what is asked, and answers it', async () => {
    const { url, chat } = await startChat();
    const before = await RawClient.v2(url);
    const { session_id, resume_token } = await before.get('connection_established');
    before.send({ type: 'query', content: 'echo first' });
    const { seq } = await before.get('response');
    before.send({ type: 'query', content: 'ask' });
    const asked = await before.get('question');
    before.socket.terminate();
    await before.end();
    const after = await RawClient.v2(url);
    await after.get('connection_established');
    after.send({ type: 'resume', session_id, resume_token, after: seq });
    expect(await after.next()).toMatchObject({ type: 'resumed', session_id });
    expect(await after.next()).toMatchObject({ type: 'history', entries: [{ kind: 'person', text: 'ask' }] });
    expect(await after.next()).toMatchObject({ type: 'processing' });
    expect(await after.next()).toMatchObject({ type: 'tool_call', name: 'ask' });
    expect(await after.next()).toEqual(asked);
    after.send({ type: 'answer', question: asked.question, action: 'decline' });
    expect((await after.get('response')).message).toContain('declined');
    expect(chat.stats.sessions).toBe(1);
    expect(after.allAreKnown).toBe(true);
  });

  it('a token is good once, and only for its session', async () => {
    const { url } = await startChat();
    const first = await RawClient.v2(url);
    const { session_id, resume_token } = await first.get('connection_established');
    const thief = await RawClient.v2(url);
    thief.send({ type: 'resume', session_id, resume_token: 'guessed', after: 0 });
    expect(await thief.get('error')).toMatchObject({ code: 'not_found' });
    thief.send({ type: 'resume', session_id, resume_token, after: 0 });
    expect(await thief.get('error')).toMatchObject({ code: 'invalid_message' });
    const second = await RawClient.v2(url);
    second.send({ type: 'resume', session_id, resume_token, after: 0 });
    await second.get('resumed');
    expect(await first.end()).toMatchObject({ code: 1000 });
    const third = await RawClient.v2(url);
    third.send({ type: 'resume', session_id, resume_token, after: 0 });
    expect(await third.get('error')).toMatchObject({ code: 'not_found' });
  });

  it('a session ends when its client does not come back in time', async () => {
    const { url, chat } = await startChat({ resumeWindowMs: 20 });
    const client = await RawClient.v2(url);
    await client.next();
    client.socket.terminate();
    await expect.poll(() => chat.stats.sessions).toBe(0);
  });
});
