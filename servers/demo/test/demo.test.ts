import { describe, expect, it } from 'vitest';
import { flavours, open } from './support/session.ts';

describe.each(flavours)('through %s, the demo server', { timeout: 20_000 }, (flavour) => {
  it('lists its tools, each with a title, a description and annotations', async () => {
    const { client, instructions } = await open(flavour);
    const { tools } = await client.listTools();
    const names = ['echo', 'add', 'count', 'note_add', 'note_list', 'ask', 'log', 'whoami', 'crash', 'enable_extra'];
    expect(tools.map(({ name }) => name)).toEqual(names);
    for (const tool of tools) {
      expect(tool).toMatchObject({
        title: expect.any(String),
        description: expect.any(String),
        annotations: { readOnlyHint: expect.any(Boolean), openWorldHint: false },
        inputSchema: { type: 'object' },
      });
    }
    expect(tools.find(({ name }) => name === 'crash')?.annotations?.destructiveHint).toBe(true);
    expect(instructions).toMatch(/one of everything/);
  });

  it('echoes a text and adds numbers', async () => {
    const { call } = await open(flavour);
    expect(await call('echo', { text: 'hello' })).toEqual({ text: 'hello', data: undefined, isError: false });
    expect(await call('add', { a: 1.5, b: 2 })).toEqual({ text: '3.5', data: { sum: 3.5 }, isError: false });
  });

  it('refuses wrong arguments with an error result', async () => {
    const { call } = await open(flavour);
    expect(await call('count', { to: 1001 })).toMatchObject({ isError: true, text: expect.stringContaining('1000') });
  });

  it('counts with a progress notification and a message for each step, in order', async () => {
    const { call, inbox } = await open(flavour);
    const result = await call('count', { to: 3, delayMs: 1 }, { onprogress: () => {} });
    expect(result).toMatchObject({ text: 'Counted to 3.', data: { counted: 3 } });
    expect(inbox.rest('notifications/progress').map(({ params }) => params)).toMatchObject([
      { progress: 1, total: 3, message: 'Counted 1 of 3' },
      { progress: 2, total: 3, message: 'Counted 2 of 3' },
      { progress: 3, total: 3, message: 'Counted 3 of 3' },
    ]);
  });

  it('sends no progress to a caller that gave no token', async () => {
    const { call, inbox } = await open(flavour);
    await call('count', { to: 2, delayMs: 0 });
    expect(inbox.rest('notifications/progress')).toEqual([]);
  });

  it('stops counting when cancelled', async () => {
    const { call, inbox } = await open(flavour);
    const cancel = new AbortController();
    const counting = call('count', { to: 1_000, delayMs: 10 }, { signal: cancel.signal, onprogress: () => {} });
    const { progressToken } = await inbox.next('notifications/progress');
    cancel.abort('enough');
    await expect(counting).rejects.toThrow('enough');
    // The server reads in order: with this answer it has read the cancel, and whatever it had sent is here.
    await call('echo', { text: 'read' });
    const before = progressOf(progressToken);
    // As long as ten steps of the first count would have taken.
    await call('count', { to: 10, delayMs: 10 });
    expect(progressOf(progressToken)).toEqual(before);

    function progressOf(token: unknown): unknown[] {
      return inbox.rest('notifications/progress').filter(({ params }) => params['progressToken'] === token);
    }
  });

  it.each([
    [
      { action: 'accept', content: { answer: 'Blue' } } as const,
      'The user answered: Blue',
      { action: 'accept', answer: 'Blue' },
    ],
    [{ action: 'decline' } as const, 'The user declined to answer.', { action: 'decline' }],
    [{ action: 'cancel' } as const, 'The user dismissed the question.', { action: 'cancel' }],
  ])('asks the user, who does %j', async (answer, text, data) => {
    const asked: string[] = [];
    const { call } = await open(flavour, {
      answer: (message) => {
        asked.push(message);
        return answer;
      },
    });
    expect(await call('ask', { question: 'Which colour?' })).toEqual({ text, data, isError: false });
    expect(asked).toEqual(['Which colour?']);
  });

  it('cannot ask a client that takes no questions', async () => {
    const { call } = await open(flavour);
    const failure = await call('ask').then(({ isError, text }) => (isError ? text : undefined), String);
    expect(failure).toMatch(/capabilit/);
  });

  it('tells its process, its era and its client', async () => {
    const { call, pid } = await open(flavour);
    const modern = flavour === 'SDK v2 modern';
    expect(await call('whoami')).toMatchObject({
      data: {
        pid,
        startedAt: expect.any(String),
        protocol: modern ? { era: 'modern', version: '2026-07-28' } : { era: 'legacy', version: '2025-11-25' },
        client: { name: 'demo-test', version: '1.2.3' },
      },
    });
  });

  it('sends log messages of the level the client wants', async () => {
    const { call, inbox, setLogLevel } = await open(flavour);
    await setLogLevel('error');
    await call('log', { level: 'info', text: 'quiet' });
    await call('log', { level: 'critical', text: 'loud' });
    expect(await inbox.next('notifications/message')).toMatchObject({ level: 'critical', data: 'loud' });
  });

  it('tells that the tool list changed when the extra tool comes and goes', async () => {
    const { call, client, inbox, listenToTools } = await open(flavour);
    const changed = 'notifications/tools/list_changed';
    const hasExtra = async (): Promise<boolean> =>
      (await client.listTools()).tools.some(({ name }) => name === 'extra');
    await listenToTools();
    await call('enable_extra', { on: true });
    await inbox.next(changed);
    expect(await hasExtra()).toBe(true);
    expect(await call('extra')).toMatchObject({ text: 'The extra tool is on.' });
    await call('enable_extra', { on: true });
    expect(inbox.rest(changed)).toEqual([]);
    await call('enable_extra', { on: false });
    await inbox.next(changed);
    expect(await hasExtra()).toBe(false);
  });

  it('gives a prompt in a tone that it completes', async () => {
    const { client } = await open(flavour);
    const ref = { type: 'ref/prompt', name: 'greet' } as const;
    const { completion } = await client.complete({ ref, argument: { name: 'tone', value: 'f' } });
    expect(completion.values).toEqual(['formal']);
    const { messages } = await client.getPrompt({ name: 'greet', arguments: { name: 'Ada', tone: 'formal' } });
    expect(messages).toMatchObject([{ role: 'user', content: { text: 'Greet Ada in a formal tone.' } }]);
  });

  it('dies without an answer when it is told to crash', async () => {
    const { call } = await open(flavour);
    await expect(call('crash')).rejects.toThrow('Connection closed');
  });

  it('ends when its client closes', async () => {
    const { close, pid, subscribe } = await open(flavour);
    await subscribe('demo://clock');
    await close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
