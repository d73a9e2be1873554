/** `switchboard chat` as the built command: what it takes from the environment, and the commands for operators beside it. */
import type { ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { file, folder, run, start } from '../support/command.ts';
import type { Environment } from '../support/command.ts';
import { servers, startGateway } from '../support/gateway.ts';

interface Chatting {
  child: ChildProcess;
  host: string;
  banner: string;
  stderr(): string;
}

/** No variable of this machine takes part. */
const NOTHING: Environment = {
  ANTHROPIC_API_KEY: undefined,
  MCP_SERVER_URL: undefined,
  TALLYFY_API_KEY: undefined,
  TALLYFY_ORG_ID: undefined,
  SWITCHBOARD_ADMIN_TOKEN: undefined,
};

async function chat(args: readonly string[], env: Environment = {}): Promise<Chatting> {
  const child = start(['chat', '--port', '0', ...args], { ...NOTHING, XDG_RUNTIME_DIR: folder(), ...env });
  let [banner, errors] = ['', ''];
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  for await (const line of createInterface({ input: child.stdout! })) {
    banner += `${line}\n`;
    if (line.startsWith('Ctrl-C')) break;
  }
  const host = /ws:\/\/(127\.0\.0\.1:\d+)/.exec(banner)?.[1] ?? '';
  expect(host, errors).not.toBe('');
  return { child, host, banner, stderr: () => errors };
}

/** Sends messages one after the other, each once there is an answer to the one before, as a client of the document would. */
async function talk(url: string, messages: readonly (object | string)[]): Promise<Record<string, unknown>[]> {
  const socket = new WebSocket(url);
  onTestFinished(() => socket.terminate());
  const answers: Record<string, unknown>[] = [];
  const incoming = on(socket, 'message');
  const next = async (): Promise<void> => {
    for (;;) {
      const { value } = (await incoming.next()) as { value: [Buffer] };
      const answer = JSON.parse(value[0].toString()) as Record<string, unknown>;
      answers.push(answer);
      if (answer['type'] !== 'processing') return;
    }
  };
  await next();
  for (const message of messages) {
    socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    await next();
  }
  socket.close();
  return answers;
}

const demo = ['--', servers.demo.command, ...servers.demo.args];

describe('the chat', { timeout: 60_000 }, () => {
  it('is at the address without a path as well, and a browser is led to its page', async () => {
    const { host } = await chat(demo);
    for (const path of ['', '/', '/chat']) {
      const [greeting, answer] = await talk(`ws://${host}${path}`, [{ type: 'query', content: 'add a=1 b=2' }]);
      expect(greeting).toMatchObject({ type: 'connection_established' });
      expect(answer).toMatchObject({ type: 'processing' });
    }
    const page = await fetch(`http://${host}/`, { redirect: 'manual' });
    expect([page.status, page.headers.get('location')]).toEqual([302, '/chat']);
    expect(await (await fetch(`http://${host}/chat`)).text()).toContain('<html');
  });

  it('serves the server at MCP_SERVER_URL where none is named, and each person signs in to it', async () => {
    const { http } = await startGateway({ upstreams: { demo: servers.demo } });
    const { host, stderr } = await chat([], { MCP_SERVER_URL: http });
    expect(stderr()).toContain(`no server is named, so this is for the one at ${http}`);
    const answers = await talk(`ws://${host}`, [
      { type: 'query', content: 'echo too soon' },
      { type: 'auth', api_key: 'a key', org_id: 'an organization' },
      { type: 'query', content: 'echo through HTTP' },
    ]);
    expect(answers.map(({ type }) => type)).toEqual([
      'connection_established',
      'error',
      'auth_success',
      'processing',
      'response',
    ]);
    expect(answers.at(-1)!['message']).toContain('through HTTP');
  });

  it('has the address of the document where the variable is not set, and starts without that server', async () => {
    const { stderr, banner } = await chat([]);
    expect(stderr()).toContain('http://127.0.0.1:9000/mcp/');
    expect(banner).toContain('Servers: default');
  });

  it('uses TALLYFY_API_KEY and TALLYFY_ORG_ID until a person signs in', async () => {
    const { http } = await startGateway({ upstreams: { demo: servers.demo } });
    const { host, stderr } = await chat([], {
      MCP_SERVER_URL: http,
      TALLYFY_API_KEY: 'the-key-of-the-host',
      TALLYFY_ORG_ID: 'the-organization',
    });
    const [greeting, , answer] = await talk(`ws://${host}`, [{ type: 'query', content: 'echo the-key-of-the-host?' }]);
    expect(greeting).toMatchObject({ authenticated: true });
    expect(answer!['message']).toContain('***?');
    expect(stderr()).not.toContain('the-key-of-the-host');
    const half = await chat([], { MCP_SERVER_URL: http, TALLYFY_API_KEY: 'the-key-of-the-host' });
    expect(half.stderr()).toContain('TALLYFY_API_KEY is not used, as TALLYFY_ORG_ID is not set');
  });

  it('refuses such variables in a sentence where everybody must sign in, and beyond this machine', async () => {
    const variables = { ...NOTHING, TALLYFY_API_KEY: 'the-key-of-the-host', TALLYFY_ORG_ID: 'o' };
    const config = (credentials: object): string => file({ upstreams: { x: { command: 'x' } }, chat: { credentials } });
    const required = await run(['chat', '--port', '0', '--config', config({ required: true })], { env: variables });
    expect(required.code).toBe(3);
    expect(required.stderr).toContain('everybody must sign in, but TALLYFY_API_KEY and TALLYFY_ORG_ID are set');
    const probe = { url: 'https://example.com/${auth.org_id}' };
    const open = await run(['chat', '--port', '0', '--host', '0.0.0.0', '--config', config({ probe })], {
      env: variables,
    });
    expect(open.stderr).toContain('--insecure');
    expect(required.stderr + open.stderr).not.toContain('the-key-of-the-host');
  });

  it('logs what the level debug logs with --debug', async () => {
    const { host, stderr } = await chat(['--debug', ...demo]);
    await talk(`ws://${host}`, [{ type: 'query', content: 'echo x' }, 'echo y']);
    await expect.poll(stderr).toContain('"msg":"connection.opened"');
    const lines = stderr().split('\n').slice(0, -1);
    expect(lines.map((line) => typeof (JSON.parse(line) as { level: unknown }).level)).not.toContain('string');
  });

  it.each(['SIGTERM', 'switchboard drain'])('answers what was asked and then ends, after %s', async (how) => {
    const XDG_RUNTIME_DIR = folder();
    const { child, host, stderr } = await chat(['--offline', ...demo], { XDG_RUNTIME_DIR });
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const socket = new WebSocket(`ws://${host}`, ['chat.v2']);
    onTestFinished(() => socket.terminate());
    socket.on('error', () => {});
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    const incoming = on(socket, 'message');
    const get = async (type: string): Promise<Record<string, unknown>> => {
      for (;;) {
        const { value } = (await incoming.next()) as { value: [Buffer] };
        const message = JSON.parse(value[0].toString()) as Record<string, unknown>;
        if (message['type'] === type) return message;
      }
    };
    await get('connection_established');
    socket.send(JSON.stringify({ type: 'query', content: 'ask question="Which colour?"' }));
    const { question } = await get('question');
    if (how === 'SIGTERM') child.kill('SIGTERM');
    else expect((await run(['drain'], { env: { ...NOTHING, XDG_RUNTIME_DIR } })).code).toBe(0);
    await expect.poll(async () => (await fetch(`http://${host}/readyz`)).status, { timeout: 5000 }).toBe(503);
    socket.send(JSON.stringify({ type: 'answer', question, action: 'accept', content: { answer: 'green' } }));
    expect((await get('response'))['message']).toContain('green');
    expect(await closed).toBe(1001);
    expect(await exit, stderr()).toBe(0);
  });

  it('is found by the commands for operators, which show and end its sessions', async () => {
    const XDG_RUNTIME_DIR = folder();
    const { host } = await chat(demo, { XDG_RUNTIME_DIR });
    const switchboard = (...words: string[]): ReturnType<typeof run> =>
      run(words, { env: { ...NOTHING, XDG_RUNTIME_DIR } });
    const socket = new WebSocket(`ws://${host}`);
    onTestFinished(() => socket.terminate());
    const [data] = (await once(socket, 'message')) as [Buffer];
    const { session_id: id } = JSON.parse(data.toString()) as { session_id: string };
    expect((await switchboard('status')).stdout).toContain('is serving');
    const sessions = await switchboard('sessions', '--json');
    expect(JSON.parse(sessions.stdout)).toMatchObject([{ id, state: 'ready', upstream: 'default' }]);
    const closed = once(socket, 'close') as Promise<[number]>;
    expect(await switchboard('kick', id)).toMatchObject({ code: 0, stdout: expect.stringContaining('was ended') });
    expect((await closed)[0]).toBe(1008);
    expect((await switchboard('sessions')).stdout).toContain('no clients');
  });
});
