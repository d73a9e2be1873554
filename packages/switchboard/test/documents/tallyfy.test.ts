/** Tallyfy, "MCP WebSocket Server": one test for each thing that it names, in its order, done with Switchboard. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { freePort, runModule } from '../support/blocks.ts';
import { root } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { terminal } from '../support/typed.ts';
import type { Open, Terminal } from '../support/typed.ts';
import { WireClient } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

interface Tallyfy {
  url: string;
  /** Whose key came with each request, and what was asked for. */
  seen: { key: string; path: string }[];
}

/** A stand-in for Tallyfy's API, which knows two people. */
async function startTallyfy(): Promise<Tallyfy> {
  const people: Record<string, string> = { 'key-of-ada': 'Ada Byron', 'key-of-bob': 'Bob Frost' };
  const seen: Tallyfy['seen'] = [];
  const api = createServer((request, response) => {
    const key = (request.headers.authorization ?? '').replace('Bearer ', '');
    seen.push({ key, path: request.url! });
    const name = people[key];
    const task = { title: `a task of ${name}`, status: 'active' };
    const data = request.url!.includes('/me/tasks') ? [{ id: 'task-1', ...task }] : { id: 1, full_name: name, ...task };
    response.writeHead(name === undefined ? 401 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(name === undefined ? { message: 'Unauthenticated.' } : { data }));
  }).listen(0, '127.0.0.1');
  await once(api, 'listening');
  onTestFinished(() => {
    api.closeAllConnections();
    api.close();
  });
  return { url: `http://127.0.0.1:${(api.address() as AddressInfo).port}/api`, seen };
}

interface Chat extends Open {
  here: Terminal;
  tallyfy: Tallyfy;
  url: string;
  connect(): Promise<WireClient>;
}

/** The chat with the Tallyfy server, where everybody brings credentials, as the document's server has it. */
async function chat({
  limits = {},
  flags = '--offline',
  env = {},
}: {
  limits?: Json;
  flags?: string;
  env?: Record<string, string | undefined>;
} = {}): Promise<Chat> {
  const [here, tallyfy] = [terminal(), await startTallyfy()];
  const config = {
    upstreams: {
      tallyfy: {
        command: 'mcp-switchboard-tallyfy',
        args: ['--base-url', tallyfy.url],
        env: { TALLYFY_API_KEY: '${caller.header:X-Tallyfy-Key}', TALLYFY_ORG_ID: '${caller.header:X-Tallyfy-Org}' },
      },
    },
    chat: {
      limits,
      credentials: {
        headers: { 'X-Tallyfy-Key': '${auth.api_key}', 'X-Tallyfy-Org': '${auth.org_id}' },
        probe: {
          url: `${tallyfy.url}/organizations/\${auth.org_id}/me`,
          headers: { Authorization: 'Bearer ${auth.api_key}' },
        },
      },
    },
  };
  writeFileSync(join(here.cwd, 'switchboard.json'), JSON.stringify(config));
  const opened = await here.open(`switchboard chat --port 0 ${flags} --config switchboard.json`, env);
  const url = opened.urls.find((each) => each.startsWith('ws'))!;
  return { ...opened, here, tallyfy, url, connect: () => WireClient.open(url, {}, []) };
}

const of = (client: WireClient, type: string): Promise<Json> => client.next((message) => message['type'] === type);

async function signedIn(to: Chat, name: 'ada' | 'bob' = 'ada'): Promise<WireClient> {
  const client = await to.connect();
  client.send({ type: 'auth', api_key: `key-of-${name}`, org_id: 'example' });
  await of(client, 'auth_success');
  return client;
}

async function ask(client: WireClient, content: string): Promise<string> {
  client.send({ type: 'query', content });
  return String((await of(client, 'response'))['message']);
}

describe('Tallyfy: features', () => {
  it('1. Multi-user support: multiple clients can connect simultaneously', async () => {
    const running = await chat();
    const [ada, bob] = [await signedIn(running, 'ada'), await signedIn(running, 'bob')];
    const answers = await Promise.all([ask(ada, 'get_my_tasks'), ask(bob, 'get_my_tasks')]);
    expect(answers[0]).toContain('a task of Ada Byron');
    expect(answers[1]).toContain('a task of Bob Frost');
  });

  it('2. Session management: each connection gets its own conversation history', async () => {
    const running = await chat();
    const clients = [
      await WireClient.open(running.url, {}, ['chat.v2']),
      await WireClient.open(running.url, {}, ['chat.v2']),
    ];
    for (const client of clients) {
      client.send({ type: 'auth', api_key: 'key-of-ada', org_id: 'example' });
      await of(client, 'auth_success');
    }
    await ask(clients[0]!, 'tools');
    for (const client of clients) client.send({ type: 'history' });
    expect((await of(clients[0]!, 'history'))['entries']).toHaveLength(2);
    expect((await of(clients[1]!, 'history'))['entries']).toEqual([]);
  });

  it('3. Real-time communication: the client is told at once that its query is processed', async () => {
    const client = await signedIn(await chat());
    client.received.length = 0;
    await ask(client, 'get_my_tasks');
    expect(client.received.map(({ type }) => type)).toContain('processing');
  });

  it('4. Shared MCP client: a single MCP client connection serves all users', async () => {
    const here = terminal();
    const { urls } = await here.open('switchboard serve --port 0 -- mcp-switchboard-demo');
    const url = urls.find((each) => each.startsWith('ws'))!;
    const { url: admin, token } = JSON.parse(
      readFileSync(join(here.cwd, 'switchboard', `${new URL(url).port}.json`), 'utf8'),
    ) as { url: string; token: string };
    const count = async (): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` };
      const { body } = await http(`${admin}/sessions`, { method: 'GET', headers });
      return (JSON.parse(body) as unknown[]).length;
    };
    const open = async (connections: string): Promise<WireClient[]> => {
      const config = { upstreams: { demo: { url } }, chat: { connections } };
      writeFileSync(join(here.cwd, `${connections}.json`), JSON.stringify(config));
      const opened = await here.open(`switchboard chat --offline --port 0 --config ${connections}.json`);
      const at = opened.urls.find((each) => each.startsWith('ws'))!;
      const clients = [await WireClient.open(at, {}, []), await WireClient.open(at, {}, [])];
      for (const client of clients) expect(await ask(client, 'add a=1 b=2')).toContain('3');
      return clients;
    };
    await open('shared');
    expect(await count()).toBe(1);
    await open('person');
    expect(await count()).toBe(3);
  });

  it('5. Automatic cleanup: inactive sessions are ended, by default after 60 minutes', async () => {
    const page = readFileSync(join(root, 'docs/guide/chat.md'), 'utf8');
    expect(page).toContain('| `idleTimeoutMs` | 3600000 |');
    const client = await (await chat({ limits: { idleTimeoutMs: 200, sweepIntervalMs: 50 } })).connect();
    expect(await of(client, 'info')).toMatchObject({ message: expect.any(String) });
    expect(await client.closed).toMatchObject({ code: 3008 });
  });
});

describe('Tallyfy: quick start', () => {
  it('6. Set up server environment variables: ANTHROPIC_API_KEY', async () => {
    const { printed } = await chat({ flags: '', env: { ANTHROPIC_API_KEY: 'your-anthropic-api-key' } });
    expect(printed).toContain('Model:   claude-');
    const without = await chat({ flags: '', env: { ANTHROPIC_API_KEY: '' } });
    expect(without.printed).toContain('offline, as ANTHROPIC_API_KEY is not set');
  });

  it('7. Start the MCP server in a separate terminal, and the chat in front of it', async () => {
    const [here, tallyfy] = [terminal(), await startTallyfy()];
    const env = { TALLYFY_API_KEY: 'key-of-ada', TALLYFY_ORG_ID: 'example' };
    const server = `mcp-switchboard-tallyfy --base-url ${tallyfy.url}`;
    const keys = '--env TALLYFY_API_KEY --env TALLYFY_ORG_ID';
    const { urls } = await here.open(`switchboard serve --port 0 ${keys} -- ${server}`, env);
    const config = { upstreams: { tallyfy: { url: urls.find((url) => url.startsWith('http')) } } };
    writeFileSync(join(here.cwd, 'chat.json'), JSON.stringify(config));
    const opened = await here.open('switchboard chat --offline --port 0 --config chat.json');
    const client = await WireClient.open(
      opened.urls.find((url) => url.startsWith('ws'))!,
      {},
      [],
    );
    expect(await ask(client, 'get_my_tasks')).toContain('a task of Ada Byron');
  });

  it('8. Start the WebSocket server', async () => {
    const { url, printed } = await chat();
    expect(printed).toContain('The chat is open');
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/chat$/);
  });

  it('9. Open the test client in a web browser: a ready-to-use chat interface', async () => {
    const { printed, url } = await chat();
    const page = url.replace('ws', 'http');
    expect(printed).toContain(page);
    const { status, headers, body } = await http(page, { method: 'GET' });
    expect([status, headers['content-type']]).toEqual([200, expect.stringContaining('text/html')]);
    expect(body).toMatch(/<script [^>]*src=/);
  });
});

describe('Tallyfy: WebSocket API', () => {
  it('10. Connect to ws://localhost:8765 and send a query as JSON', async () => {
    const [here, port] = [terminal(), await freePort()];
    await here.open(`switchboard chat --offline --host localhost --port ${port} -- mcp-switchboard-demo`);
    const client = await WireClient.open(`ws://localhost:${port}`, {}, []);
    client.send({ type: 'query', content: 'add a=1 b=2' });
    expect(await of(client, 'response')).toEqual({ type: 'response', message: expect.stringContaining('3') });
  });

  it('11. Authentication with API key and organization id: auth, auth_success', async () => {
    const running = await chat();
    const client = await running.connect();
    client.send({ type: 'query', content: 'get_my_tasks' });
    expect(await of(client, 'error')).toMatchObject({ message: expect.stringContaining('authenticate') });
    client.send({ type: 'auth', api_key: 'key-of-ada', org_id: 'example' });
    expect(await of(client, 'auth_success')).toMatchObject({ authenticated: true });
    expect(await ask(client, 'get_my_tasks')).toContain('Ada Byron');
  });

  it('12. auth_error: authentication failed', async () => {
    const client = await (await chat()).connect();
    for (const shown of [{ api_key: 'a guess', org_id: 'example' }, { api_key: 'only a key' }, {}]) {
      client.send({ type: 'auth', ...shown });
      expect(await of(client, 'auth_error')).toMatchObject({ message: expect.any(String) });
    }
  });

  it('13. ping, answered with pong', async () => {
    const client = await (await chat()).connect();
    client.send({ type: 'ping' });
    expect(await of(client, 'pong')).toEqual({ type: 'pong' });
  });

  it('14. connection_established: connection successful with session id', async () => {
    const running = await chat();
    const greetings = await Promise.all(
      [await running.connect(), await running.connect()].map((client) => of(client, 'connection_established')),
    );
    for (const greeting of greetings) {
      expect(greeting).toMatchObject({ session_id: expect.stringMatching(/^[0-9a-f-]{36}$/), authenticated: false });
    }
    expect(greetings[0]!['session_id']).not.toBe(greetings[1]!['session_id']);
  });

  it('15. processing, and then response', async () => {
    const client = await signedIn(await chat());
    client.received.length = 0;
    client.send({ type: 'query', content: 'tools' });
    const both = [await client.next(() => true), await client.next(() => true)];
    expect(both.map(({ type }) => type)).toEqual(['processing', 'response']);
  });

  it('16. info: informational messages', async () => {
    const client = await signedIn(await chat());
    client.send({ type: 'query', content: '' });
    expect(await of(client, 'info')).toMatchObject({ message: expect.any(String) });
  });

  it('17. error: error messages', async () => {
    const client = await signedIn(await chat());
    client.send({ type: 'no such type' });
    expect(await of(client, 'error')).toMatchObject({ message: expect.stringContaining('no such type') });
    client.send({ type: 'ping' });
    await of(client, 'pong');
  });

  it('18. The special command "clear" clears the conversation history', async () => {
    const running = await chat();
    const client = await WireClient.open(running.url, {}, ['chat.v2']);
    client.send({ type: 'auth', api_key: 'key-of-ada', org_id: 'example' });
    await of(client, 'auth_success');
    await ask(client, 'tools');
    client.send({ type: 'query', content: 'clear' });
    expect(await of(client, 'info')).toMatchObject({ message: expect.stringContaining('cleared') });
    client.send({ type: 'history' });
    expect((await of(client, 'history'))['entries']).toEqual([]);
  });

  it('19. The special command "quit" disconnects from the server', async () => {
    const client = await (await chat()).connect();
    client.send('quit');
    expect(await client.closed).toMatchObject({ code: 1000 });
  });
});

describe('Tallyfy: command line options', () => {
  it('20. --help, --host and --port', async () => {
    const [here, port] = [terminal(), await freePort()];
    const { stdout } = await here.run('switchboard chat --help');
    for (const option of ['--host', '--port', '--help']) expect(stdout).toContain(option);
    expect(stdout).toMatch(/default: 8765/);
    const { urls } = await here.open(
      `switchboard chat --offline --host localhost --port ${port} -- mcp-switchboard-demo`,
    );
    expect(urls).toContain(`ws://localhost:${port}/chat`);
  });

  it('21. --debug: enable debug logging', async () => {
    const running = await chat({ flags: '--offline --debug' });
    const client = await signedIn(running);
    await ask(client, 'get_my_tasks');
    await expect.poll(() => running.stderr()).toContain('connection.opened');
    expect(running.stderr()).not.toContain('key-of-ada');
  });
});

describe('Tallyfy: session management', () => {
  it('22. Per-user authentication and isolated credential storage', async () => {
    const running = await chat();
    const [ada, bob, nobody] = [
      await signedIn(running, 'ada'),
      await signedIn(running, 'bob'),
      await running.connect(),
    ];
    expect(await ask(bob, 'get_my_tasks')).toContain('Bob Frost');
    expect(await ask(ada, 'get_my_tasks')).toContain('Ada Byron');
    nobody.send({ type: 'query', content: 'get_my_tasks' });
    await of(nobody, 'error');
    bob.send({ type: 'auth', api_key: 'wrong', org_id: 'example' });
    await of(bob, 'auth_error');
    expect(await ask(bob, 'get_my_tasks')).toContain('Bob Frost');
  });
});

describe('Tallyfy: adding features', () => {
  it('23. New message types: a program handles messages of its own', async () => {
    const program = `
      import { once } from 'node:events';
      import { createChat } from 'mcp-switchboard-chat';
      import { WebSocket } from 'ws';
      const demo = { command: process.execPath, args: ['servers/demo/dist/main.js'] };
      const chat = createChat({ port: 3001, upstreams: { demo } });
      chat.onMessage('feedback', ({ stars }) => ({ type: 'feedback.thanks', stars }));
      const socket = new WebSocket(await chat.listen());
      await once(socket, 'message');
      socket.send(JSON.stringify({ type: 'feedback', stars: 5 }));
      console.log(String((await once(socket, 'message'))[0]));
      socket.close();
      await chat.close();
    `;
    expect(await runModule(program, 3001)).toBe('{"type":"feedback.thanks","stars":5}\n');
  });

  it('24. MCP extensions: another MCP server is an entry of the configuration', async () => {
    const here = terminal();
    const demo = { command: 'mcp-switchboard-demo' };
    writeFileSync(join(here.cwd, 'two.json'), JSON.stringify({ upstreams: { one: demo, other: demo } }));
    const { urls, printed } = await here.open('switchboard chat --offline --port 0 --config two.json');
    expect(printed).toContain('Servers: one, other');
    const client = await WireClient.open(
      urls.find((url) => url.startsWith('ws'))!,
      {},
      [],
    );
    const tools = await ask(client, 'tools');
    expect(tools).toMatch(/one__add|one.*add/s);
    expect(tools).toMatch(/other__add|other.*add/s);
  });
});

describe('Tallyfy: configuration', () => {
  it('25. TALLYFY_API_KEY and TALLYFY_ORG_ID, until a person signs in', async () => {
    const running = await chat({ env: { TALLYFY_API_KEY: 'key-of-bob', TALLYFY_ORG_ID: 'example' } });
    const client = await running.connect();
    expect(await ask(client, 'get_my_tasks')).toContain('a task of Bob Frost');
    client.send({ type: 'auth', api_key: 'key-of-ada', org_id: 'example' });
    await of(client, 'auth_success');
    expect(await ask(client, 'get_my_tasks')).toContain('a task of Ada Byron');
    expect(running.stderr()).not.toContain('key-of-bob');
  });

  it('26. MCP_SERVER_URL, by default http://127.0.0.1:9000/mcp/', async () => {
    const here = terminal();
    const { urls } = await here.open('switchboard serve --port 0 -- mcp-switchboard-demo');
    const MCP_SERVER_URL = urls.find((url) => url.startsWith('http'))!;
    const none = { TALLYFY_API_KEY: undefined, TALLYFY_ORG_ID: undefined };
    const opened = await here.open('switchboard chat --offline --port 0', { ...none, MCP_SERVER_URL });
    const client = await WireClient.open(
      opened.urls.find((url) => url.startsWith('ws'))!,
      {},
      [],
    );
    client.send({ type: 'auth', api_key: 'your-tallyfy-api-key', org_id: 'your-organization-id' });
    await of(client, 'auth_success');
    expect(await ask(client, 'add a=1 b=2')).toContain('3');
    const unset = await here.open('switchboard chat --offline --port 0', { ...none, MCP_SERVER_URL: undefined });
    expect(unset.stderr()).toContain('http://127.0.0.1:9000/mcp/');
  });
});

describe('Tallyfy: monitoring', () => {
  it('27. Connection logging and session statistics', async () => {
    const running = await chat();
    const client = await signedIn(running);
    await ask(client, 'tools');
    const sessions = await running.here.run('switchboard sessions --json');
    expect(JSON.parse(sessions.stdout)).toMatchObject([{ state: 'ready' }]);
    expect(await running.here.run('switchboard status')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is serving'),
    });
    client.send('quit');
    const logged = (): string[] =>
      running
        .stderr()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => String((JSON.parse(line) as Json)['msg']));
    await expect.poll(logged).toContain('chat.session.closed');
    expect(logged()).toEqual(expect.arrayContaining(['chat.session.opened', 'chat.auth', 'chat.turn']));
  });

  it('28. Health monitoring: ping/pong, and over HTTP', async () => {
    const running = await chat();
    const client = await running.connect();
    client.socket.ping();
    await once(client.socket, 'pong');
    client.send({ type: 'ping' });
    await of(client, 'pong');
    const base = running.url.replace('ws', 'http').replace('/chat', '');
    for (const path of ['/healthz', '/readyz']) expect((await http(base + path, { method: 'GET' })).status).toBe(200);
  });
});

describe('Tallyfy: error handling and security', () => {
  it('29. Graceful handling of client disconnections, and fallback responses for failed operations', async () => {
    const running = await chat();
    const [gone, stays] = [await signedIn(running), await signedIn(running, 'bob')];
    gone.send({ type: 'query', content: 'get_my_tasks' });
    gone.socket.terminate();
    expect(await ask(stays, 'get_task task_id=none')).toEqual(expect.any(String));
    expect(await ask(stays, 'get_my_tasks')).toContain('Bob Frost');
    expect(running.child.exitCode).toBeNull();
  });

  it('30. Input validation on all messages, and no credential that is kept, logged or told', async () => {
    const running = await chat();
    const client = await signedIn(running);
    for (const odd of [
      '[1,2',
      '[]',
      '123',
      '{"type":5}',
      '{"type":"auth","api_key":7}',
      '{"type":"query","content":{}}',
    ]) {
      client.send(odd);
      await client.next(({ type }) => ['error', 'auth_error', 'response', 'info'].includes(String(type)));
    }
    expect(await ask(client, 'get_my_tasks')).toContain('Ada Byron');
    client.send('quit');
    await client.closed;
    expect(JSON.stringify(client.received) + running.stderr()).not.toContain('key-of-ada');
    const again = await running.connect();
    again.send({ type: 'query', content: 'get_my_tasks' });
    expect(await of(again, 'error')).toMatchObject({ message: expect.stringContaining('authenticate') });
  });
});
