/** What operators ask of a chat, over HTTP. */
import { describe, expect, it } from 'vitest';

import { RawClient, startChat } from './support/chat.ts';
import type { Running } from './support/chat.ts';

interface Operated extends Running {
  http: string;
  ask(method: string, path: string): Promise<{ status: number; body: unknown }>;
}

async function operate(options: Parameters<typeof startChat>[0] = {}): Promise<Operated> {
  const running = await startChat(options);
  const http = running.url.replace(/^ws/, 'http').replace(/\/chat$/, '');
  return {
    ...running,
    http,
    ask: async (method, path) => {
      const { url, token } = running.chat.admin!;
      const response = await fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
      return { status: response.status, body: await response.json() };
    },
  };
}

describe('a chat', () => {
  it('answers whether it lives and is ready, and with its figures', async () => {
    const { url, http } = await operate({ gateway: { metrics: true } });
    expect(await (await fetch(`${http}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${http}/status`)).json()).toMatchObject({ status: 'ok', ready: true });
    expect(await (await fetch(`${http}/readyz`)).json()).toMatchObject({
      status: 'ready',
      upstreams: [{ upstream: 'demo' }],
    });
    const client = await RawClient.v2(url);
    client.send({ type: 'join', name: 'Ada' });
    client.send({ type: 'query', content: 'echo counted' });
    await client.get('response');
    const text = await (await fetch(`${http}/metrics`)).text();
    expect(text).toContain('\nswitchboard_chat_sessions{state="connected"} 1\n');
    expect(text).toContain('\nswitchboard_chat_rooms 1\n');
    expect(text).toContain('\nswitchboard_chat_turns_total{stopped="done"} 1\n');
    expect(text).toMatch(/\nswitchboard_chat_tokens_total\{kind="input"\} [1-9]\d*\n/);
    expect(text).toMatch(/\nswitchboard_requests_total\{.*method="tools\/call".*\} 1\n/);
    for (const line of text.split('\n').filter((each) => each !== ''))
      expect(line).toMatch(/^(#|\w+(\{.*\})? [\d.e+-]+$)/);
    expect(text).not.toContain('counted');
  });

  it('lists the sessions of people, and not its own clients of servers', async () => {
    const { url, ask } = await operate();
    const here = await RawClient.v2(url, { 'user-agent': 'a test' });
    const { session_id: id } = await here.get('connection_established');
    here.send({ type: 'query', content: 'echo here' });
    await here.get('response');
    const away = await RawClient.v2(url);
    away.send({ type: 'query', content: 'echo away' });
    await away.get('response');
    away.socket.terminate();
    await expect
      .poll(async () => (await ask('GET', '/sessions')).body)
      .toEqual([
        expect.objectContaining({
          id,
          state: 'ready',
          version: 'chat.v2',
          address: '127.0.0.1',
          userAgent: 'a test',
          upstream: 'demo',
          inFlight: 0,
        }),
        expect.objectContaining({ state: 'away' }),
      ]);
    expect((await ask('GET', '/status')).body).toMatchObject({ state: 'serving', connections: 2 });
    expect((await ask('GET', '/upstreams')).body).toMatchObject([{ name: 'demo', state: 'ready' }]);
  });

  it('lets an operator end a session, which is told and does not come back', async () => {
    const { url, chat, ask } = await operate();
    const client = await RawClient.v2(url);
    const { session_id, resume_token } = await client.get('connection_established');
    expect(await ask('DELETE', `/sessions/${session_id}?reason=enough`)).toMatchObject({ status: 200 });
    expect(await client.get('info')).toMatchObject({ event: 'goodbye', message: expect.stringContaining('enough') });
    expect(await client.end()).toMatchObject({ code: 1008 });
    expect(chat.stats.sessions).toBe(0);
    expect((await ask('DELETE', `/sessions/${session_id}`)).status).toBe(404);
    const again = await RawClient.v2(url);
    again.send({ type: 'resume', session_id, resume_token, after: 0 });
    expect(await again.get('error')).toMatchObject({ code: 'not_found' });
  });

  it('shows its events beside those of the gateway, and says nothing of what people say', async () => {
    const { url, chat } = await operate();
    const { url: admin, token } = chat.admin!;
    const watching = await fetch(`${admin}/events`, { headers: { authorization: `Bearer ${token}` } });
    const reader = watching.body!.pipeThrough(new TextDecoderStream()).getReader();
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'echo private words' });
    await client.get('response');
    let text = '';
    while (!text.includes('event: chat.turn')) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
    }
    await reader.cancel();
    expect(text).toContain('event: chat.session.opened');
    expect(text).toContain('event: request.ended');
    expect(text).not.toContain('private words');
  });

  it('tells operators alone, and only on this machine', async () => {
    const { http, url } = await operate();
    expect((await fetch(`${http}/admin/sessions`)).status).toBe(401);
    expect((await fetch(`${http}/admin/sessions`, { headers: { authorization: 'Bearer guessed' } })).status).toBe(401);
    expect((await fetch(`${http}/healthz`, { headers: { origin: 'https://evil.example' } })).status).toBe(403);
    expect((await fetch(`${http}/mcp`, { method: 'POST' })).status).toBe(404);
    // The address without a path is the chat as well.
    const client = await RawClient.open(url.replace(/chat$/, ''));
    expect(await client.next()).toMatchObject({ type: 'connection_established' });
  });
});
