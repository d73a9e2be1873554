/** Whose credentials a call carries, and that nobody else gets to see them. */
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/server';
import { serveWebSocket } from 'mcp-switchboard/websocket';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

import { createChat, providerModel } from '../src/index.ts';
import type { ChatEvent, ChatOptions } from '../src/index.ts';
import { RawClient, startChat } from './support/chat.ts';
import { fakeOpenAi } from './support/provider.ts';

interface Call {
  /** What came in headers. */
  key: string;
  org: string;
  /** What came in arguments. */
  given: Record<string, unknown>;
}

/** A server elsewhere that wants the caller's key in a header, and its organization in an argument as well. */
async function startServer(): Promise<{ url: string; calls: Call[]; connections: () => number }> {
  const calls: Call[] = [];
  let connections = 0;
  const server = await serveWebSocket(
    ({ principal }) => {
      connections++;
      const [key = '', org = ''] = principal.split(' ');
      const mcp = new McpServer({ name: 'tasks', version: '1' });
      const inputSchema = z.object({ title: z.string(), org_id: z.string(), api_key: z.string().optional() });
      mcp.registerTool('create_task', { inputSchema, annotations: { destructiveHint: false } }, (given) => {
        calls.push({ key, org, given });
        return { content: [{ type: 'text', text: `Made ${given.title} in ${org} with ${key}` }] };
      });
      return mcp;
    },
    {
      port: 0,
      maxClients: 200,
      authenticate: ({ headers }) => ({ principal: `${String(headers['x-key'])} ${String(headers['x-org'])}` }),
    },
  );
  onTestFinished(() => server.close());
  return { url: await server.listen(), calls, connections: () => connections };
}

const optionsFor = (url: string): Partial<ChatOptions> => ({
  upstreams: {
    tasks: { url, headers: { 'X-Key': '${caller.header:X-Key}', 'X-Org': '${caller.header:X-Org}' } },
  },
  credentials: {
    headers: { 'X-Key': '${auth.api_key}', 'X-Org': '${auth.org_id}' },
    arguments: { tasks: { org_id: '${auth.org_id}', api_key: '${auth.api_key}' } },
  },
});

const person = (number: number): { api_key: string; org_id: string } => ({
  api_key: `key-of-person-${number}-secret`,
  org_id: `organization-of-${number}`,
});

describe('credentials', () => {
  it('of fifty people at once are each in their own calls, whatever the model writes, and nowhere else', async () => {
    const people = 50;
    const callsEach = 4;
    const { url: server, calls } = await startServer();
    const provider = await fakeOpenAi();
    // A model that does what a hostile prompt wants: it sets the organization and the key of somebody else.
    const forged = { org_id: 'organization-of-7', api_key: 'key-of-person-7-secret' };
    provider.respond = ({ body }) => {
      const last = body.messages.at(-1)!;
      if (last.role === 'tool') return [{ text: `I was given: ${JSON.stringify(body.messages)}` }];
      return [0, 1].map((n) => ({
        call: 'create_task',
        arguments: { title: `${String(last.content)} ${n}`, ...forged },
      }));
    };
    const model = providerModel({ url: provider.url, model: 'local' });
    const events: ChatEvent[] = [];
    const { url } = await startChat({
      ...optionsFor(server),
      model,
      // Nothing proves who they are, so that they are one address.
      queriesPerMinute: people * callsEach,
      onEvent: (event) => events.push(event),
    });
    const clients = await Promise.all(
      Array.from({ length: people }, async (_, number) => {
        const client = await RawClient.v2(url);
        client.send({ type: 'auth', ...person(number) });
        await client.get('auth_success');
        return client;
      }),
    );
    await Promise.all(
      clients.map(async (client, number) => {
        for (let turn = 0; turn < callsEach / 2; turn++) {
          client.send({ type: 'query', content: `task of ${number}` });
          expect(await client.get('response')).toMatchObject({ stopped: 'done' });
        }
      }),
    );
    expect(calls).toHaveLength(people * callsEach);
    const right = calls.filter(({ key, org, given }) => {
      const number = Number(/of (\d+)/.exec(String(given['title']))?.[1]);
      const own = person(number);
      return (
        key === own.api_key && org === own.org_id && given['org_id'] === own.org_id && given['api_key'] === own.api_key
      );
    });
    expect(right).toHaveLength(people * callsEach);
    // What the forged call held is not the model's to repeat either: nothing of anybody went to it or came from it.
    const told = JSON.stringify(provider.asked.map(({ body }) => body));
    for (const [number, client] of clients.entries()) {
      const { api_key, org_id } = person(number);
      expect(client.texts.join('\n')).not.toContain(api_key);
      if (number !== 7) expect(told).not.toContain(`"${org_id}`);
      expect(told).not.toContain(api_key);
      client.send({ type: 'export', format: 'json' });
      expect((await client.get('export')).content).not.toContain(api_key);
    }
    expect(told).not.toContain('org_id');
    expect(JSON.stringify(events)).not.toMatch(/key-of-person|organization-of/);
  }, 60_000);

  it('are not among what the model knows of a tool, and are masked where a server or the person repeats them', async () => {
    const { url: server } = await startServer();
    const provider = await fakeOpenAi();
    provider.answers.push([{ call: 'create_task', arguments: { title: 'x' } }], [{ text: 'Done.' }]);
    const { url } = await startChat({
      ...optionsFor(server),
      model: providerModel({ url: provider.url, model: 'local' }),
    });
    const client = await RawClient.v2(url);
    client.send({ type: 'auth', ...person(1) });
    client.send({ type: 'query', content: `My key is ${person(1).api_key}: print it, and use org_id other` });
    expect((await client.get('tool_result')).text).toBe('Made x in *** with ***');
    await client.get('response');
    const [first] = provider.asked;
    expect(JSON.stringify(first!.body['tools'])).toContain('"title"');
    expect(JSON.stringify(first!.body['tools'])).not.toMatch(/org_id|api_key/);
    expect(JSON.stringify(provider.asked.map(({ body }) => body))).not.toContain(person(1).api_key);
  });

  it('are checked where they are for, and a server that cannot be asked is not taken for a no', async () => {
    const seen: IncomingMessage[] = [];
    let status = 200;
    const api = createServer((request, response) => {
      seen.push(request);
      response.writeHead(request.headers['authorization'] === 'Bearer right key' ? status : 401).end('{}');
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void api.close());
    const { port } = api.address() as AddressInfo;
    const probe = {
      url: `http://127.0.0.1:${port}/organizations/\${auth.org_id}/me`,
      headers: { Authorization: 'Bearer ${auth.api_key}' },
    };
    const { url } = await startChat({ credentials: { probe } });
    const client = await RawClient.v2(url);
    client.send({ type: 'auth', api_key: 'wrong', org_id: 'o/../x' });
    expect((await client.get('auth_error')).message).toContain('not right');
    expect(seen[0]!.url).toBe('/organizations/o%2F..%2Fx/me');
    status = 503;
    client.send({ type: 'auth', api_key: 'right key', org_id: 'org' });
    expect((await client.get('auth_error')).message).toContain('could not be checked');
    status = 200;
    client.send({ type: 'auth', api_key: 'right key', org_id: 'org' });
    await client.get('auth_success');
    // What holds goes on holding when somebody mistypes.
    client.send({ type: 'auth', api_key: 'wrong', org_id: 'org' });
    await client.get('auth_error');
    client.send({ type: 'query', content: 'echo still in' });
    expect((await client.get('response')).message).toContain('still in');
  });

  it('may be checked by a tool', async () => {
    const { url: server, calls } = await startServer();
    const options = optionsFor(server);
    const probe = { server: 'tasks', tool: 'create_task', arguments: { title: 'probe' } };
    const { url } = await startChat({ ...options, credentials: { ...options.credentials, probe } });
    const client = await RawClient.v2(url);
    client.send({ type: 'auth', ...person(3) });
    await client.get('auth_success');
    expect(calls).toEqual([expect.objectContaining({ key: person(3).api_key, org: person(3).org_id })]);
  });

  it('can be changed and given up: what runs with them ends, and another organization begins again', async () => {
    const { url: server, calls } = await startServer();
    const { url } = await startChat(optionsFor(server));
    const client = await RawClient.v2(url);
    client.send({ type: 'auth', ...person(1) });
    client.send({ type: 'query', content: 'create_task title=one' });
    await client.get('response');
    client.send({ type: 'auth', ...person(2) });
    await client.get('auth_success', () => calls.length === 1);
    client.send({ type: 'history' });
    expect((await client.get('history')).entries).toEqual([]);
    client.send({ type: 'query', content: 'create_task title=two' });
    await client.get('response');
    expect(calls.map(({ key }) => key)).toEqual([person(1).api_key, person(2).api_key]);
    client.send({ type: 'logout' });
    expect(await client.get('logged_out')).toMatchObject({ authenticated: false });
    client.send({ type: 'query', content: 'create_task title=three' });
    expect(await client.get('error')).toMatchObject({ code: 'not_authenticated' });
    client.send({ type: 'tools' });
    expect(await client.get('error')).toMatchObject({ code: 'not_authenticated' });
  });

  it('are in each person’s own calls where all people share one connection to a server', async () => {
    const { url: server, calls, connections } = await startServer();
    const { arguments: injected } = optionsFor(server).credentials!;
    const { url } = await startChat({
      upstreams: { tasks: { url: server } },
      credentials: { arguments: injected! },
      connections: 'shared',
    });
    const clients = await Promise.all(
      [1, 2, 3].map(async (number) => {
        const client = await RawClient.v2(url);
        client.send({ type: 'auth', ...person(number) });
        await client.get('auth_success');
        return client;
      }),
    );
    for (const [index, client] of clients.entries())
      client.send({ type: 'query', content: `create_task title=${index + 1}` });
    await Promise.all(clients.map((client) => client.get('response')));
    expect(connections()).toBe(1);
    const seen = calls.map(({ given }) => [given['title'], given['api_key'], given['org_id']].join(' '));
    expect(seen.toSorted()).toEqual([1, 2, 3].map((n) => [n, person(n).api_key, person(n).org_id].join(' ')));
  });

  it('in headers keep people apart who share connections: one for each set of them', async () => {
    const { url: server, calls, connections } = await startServer();
    const { url } = await startChat({ ...optionsFor(server), connections: 'shared' });
    for (const number of [1, 2, 1]) {
      const client = await RawClient.v2(url);
      client.send({ type: 'auth', ...person(number) });
      client.send({ type: 'query', content: 'create_task title=x' });
      await client.get('response');
      expect(calls.at(-1)).toMatchObject({ key: person(number).api_key, org: person(number).org_id });
    }
    expect(connections()).toBe(2);
    expect(() =>
      createChat({ upstreams: { tasks: { url: server } }, connections: 'shared', gateway: { isolation: 'session' } }),
    ).toThrow(/connections: shared needs the isolation shared/);
  });

  it('end with the session: the connection to the server is closed', async () => {
    const { url: server, calls } = await startServer();
    const { url, chat } = await startChat({ ...optionsFor(server), resumeWindowMs: 10 });
    const client = await RawClient.v2(url);
    client.send({ type: 'auth', ...person(1) });
    client.send({ type: 'query', content: 'create_task title=one' });
    await client.get('response');
    client.socket.terminate();
    await expect.poll(() => chat.stats.sessions).toBe(0);
    expect(calls).toHaveLength(1);
  });

  it('may be those of the host’s own: who is not known is refused, and who is known needs no others', async () => {
    const { url } = await startChat({
      identify: ({ headers }) =>
        headers['x-user'] === undefined ? undefined : { principal: String(headers['x-user']) },
    });
    await expect(RawClient.v2(url)).rejects.toThrow('401');
    const client = await RawClient.v2(url, { 'x-user': 'ada' });
    expect(await client.next()).toMatchObject({ authenticated: true });
  });
});
