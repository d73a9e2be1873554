/** A chat on several nodes: whoever connects at any of them is in the same rooms. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { openStore } from 'mcp-switchboard';
import { createDemoServer } from 'mcp-switchboard-demo';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { cli, servers } from '../../switchboard/test/support/gateway.ts';
import { freePort } from '../../switchboard/test/support/port.ts';
import { RedisServer } from '../../switchboard/test/support/redis.ts';
import { ChatClient } from '../src/client.ts';
import type { ClientSocket } from '../src/client.ts';
import type { ChatOptions } from '../src/index.ts';
import type { ServerMessage } from '../src/protocol.ts';
import { RawClient, startChat } from './support/chat.ts';
import type { Running } from './support/chat.ts';
import { startProbe } from './support/probe.ts';

const CLUSTER_KEY = 'cluster-key-of-the-tests-0123456789abcdef';

let redis: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

const newStore = (): string => `${redis.url}/?prefix=nodes${++prefixes}`;

function startNode(store: string, options: Partial<ChatOptions> = {}): Promise<Running> {
  return startChat({ gateway: { store, peerListen: '127.0.0.1:0', clusterKey: CLUSTER_KEY }, ...options });
}

/** A node in a process of its own, which can be killed. */
async function spawnNode(store: string): Promise<{ child: ChildProcess; url: string }> {
  const port = await freePort();
  const { command, args } = servers.demo;
  const flags = ['--offline', '--port', String(port), '--retention-hours', '1', '--log-level', 'silent'];
  const cluster = ['--store', store, '--peer-listen', '127.0.0.1:0'];
  const env = { ...process.env, SWITCHBOARD_CLUSTER_KEY: CLUSTER_KEY };
  const child = spawn(process.execPath, [cli, 'chat', ...flags, ...cluster, '--', command, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    let text = '';
    child.once('exit', (code) => reject(new Error(`the node ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Ctrl-C')) resolve();
    });
  });
  return { child, url: `ws://127.0.0.1:${port}/chat` };
}

async function enter(url: string, name: string, room = 'planning'): Promise<RawClient> {
  const client = await RawClient.v2(url);
  client.send({ type: 'join', room, name });
  await client.get('joined');
  return client;
}

/** What everybody in a room gets, in its order. */
const heard = (client: RawClient): string[] =>
  client.received.flatMap((message) => {
    if (message.type === 'said') return [`${message.entry.seq} said`];
    if (message.type === 'response' || message.type === 'tool_result') return [`${message.seq} ${message.type}`];
    return message.type === 'delta' ? [`delta ${message.text}`] : [];
  });

const inRedis = async (store: string): Promise<string> => {
  const prefix = new URL(store).searchParams.get('prefix')!;
  const keys = (await redis.ask('KEYS', `${prefix}*`)).split('\r\n').filter((line) => line.startsWith(prefix));
  const commands = { list: ['LRANGE', '0', '-1'], hash: ['HGETALL'], zset: ['ZRANGE', '0', '-1'], string: ['GET'] };
  const values = keys.map(async (key) => {
    const type = (await redis.ask('TYPE', key)).trim().slice(1) as keyof typeof commands;
    const [command = '', ...rest] = commands[type] ?? ['GET'];
    return `${key} ${await redis.ask(command, key, ...rest)}`;
  });
  return (await Promise.all(values)).join('\n');
};

describe('a room of people at two nodes', () => {
  it('has one order for all, each message once, and a question for whoever asked, wherever that is', async () => {
    const store = newStore();
    const a = await startNode(store);
    const b = await startNode(store);
    const ada = await enter(a.url, 'Ada');
    const bob = await RawClient.v2(b.url);
    // What is sent behind the join is said in the room.
    bob.send({ type: 'join', room: 'planning', name: 'Bob' });
    bob.send({ type: 'query', content: 'hello' });
    const { resume_token } = await bob.get('joined');
    expect(resume_token).toBeDefined();
    expect((await ada.get('said')).entry).toMatchObject({ from: 'Bob', text: 'hello' });
    for (let nth = 1; nth <= 5; nth++) {
      ada.send({ type: 'query', content: `Ada ${nth}` });
      bob.send({ type: 'query', content: `Bob ${nth}` });
    }
    bob.send({ type: 'query', content: '@assistant ask question="Which colour?"' });
    const { question } = await bob.get('question');
    bob.send({ type: 'answer', question, action: 'accept', content: { answer: 'green' } });
    for (const client of [ada, bob]) expect((await client.get('response')).message).toContain('green');
    expect(heard(bob)).toEqual(heard(ada));
    expect(heard(ada).filter((line) => line.endsWith('said'))).toEqual(
      Array.from({ length: 12 }, (_, index) => `${index + 1} said`),
    );
    expect(ada.received.map(({ type }) => type)).not.toContain('question');
    // Each session is at one node.
    expect([a.chat.stats, b.chat.stats]).toEqual([
      { sessions: 2, rooms: 1 },
      { sessions: 0, rooms: 0 },
    ]);
    bob.send({ type: 'typing', active: true });
    await ada.get('presence', ({ people }) => people[1]?.typing === true);
    expect(ada.allAreKnown && bob.allAreKnown).toBe(true);
  });

  it('takes a person back who was cut, at any node, and moves a person to a room that is elsewhere', async () => {
    const store = newStore();
    const a = await startNode(store);
    const b = await startNode(store);
    const ada = await enter(a.url, 'Ada');
    const cyd = await enter(b.url, 'Cyd', 'other');
    const bob = await RawClient.v2(b.url);
    const { session_id } = await bob.get('connection_established');
    bob.send({ type: 'query', content: 'echo of my own' });
    await bob.get('response');
    bob.send({ type: 'join', room: 'planning', name: 'Bob' });
    const { resume_token } = await bob.get('joined');
    bob.socket.terminate();
    await ada.get('presence', ({ people }) => people[1]?.connected === false);
    ada.send({ type: 'query', content: 'Bob?' });
    await ada.get('said');
    const second = await RawClient.v2(b.url);
    second.send({ type: 'resume', session_id, resume_token, after: 0 });
    const resumed = await second.get('resumed');
    expect(resumed).toMatchObject({ room: 'planning', session_id });
    // The node that has the room is as good as any.
    const again = await RawClient.v2(a.url);
    again.send({ type: 'resume', session_id, resume_token: resumed.resume_token, after: 0 });
    expect(await again.get('resumed')).toMatchObject({ room: 'planning', session_id });
    expect((await second.end()).code).toBe(1000);
    expect((await again.get('history')).entries).toMatchObject([{ text: 'Bob?' }]);
    await ada.get('presence', ({ people }) => people[1]?.connected === true);
    // The own conversation has come along.
    again.send({ type: 'leave' });
    await again.get('left');
    expect((await again.get('history')).entries.map(({ kind }) => kind)).toEqual(['person', 'tool', 'model']);
    again.send({ type: 'join', room: 'other', name: 'Bob' });
    await again.get('joined');
    again.send({ type: 'query', content: 'here' });
    expect((await cyd.get('said')).entry).toMatchObject({ from: 'Bob', text: 'here' });
    expect([a.chat.stats.sessions, b.chat.stats.sessions]).toEqual([1, 2]);
    // A token that is made up is good at no node.
    const thief = await RawClient.v2(a.url);
    const node = resume_token!.split('.')[0]!;
    thief.send({ type: 'resume', session_id, resume_token: `${node}.guessed`, after: 0 });
    expect(await thief.get('error')).toMatchObject({ code: 'not_found' });
    thief.send({ type: 'query', content: 'echo on' });
    await thief.get('response');
  });

  it('is refused as at one node, and leaves nothing in the store but who has what: no credentials, nothing that was said', async () => {
    const store = newStore();
    const probe = await startProbe((key, organization) => key.startsWith(`secret of ${organization}`));
    const credentials = { headers: { 'X-Key': '${auth.api_key}' }, probe };
    const a = await startNode(store, { credentials, maxPeople: 2 });
    const b = await startNode(store, { credentials, maxPeople: 2 });
    const signIn = async (url: string, org_id: string): Promise<RawClient> => {
      const client = await RawClient.v2(url);
      client.send({ type: 'auth', api_key: `secret of ${org_id}`, org_id });
      await client.get('auth_success');
      return client;
    };
    const ada = await signIn(a.url, 'first-organization');
    ada.send({ type: 'join', room: 'planning', name: 'Ada' });
    await ada.get('joined');
    const bob = await signIn(b.url, 'first-organization');
    bob.send({ type: 'join', room: 'planning', name: 'ada' });
    expect(await bob.get('error')).toMatchObject({ code: 'forbidden' });
    bob.send({ type: 'join', room: 'planning', name: 'Bob' });
    await bob.get('joined');
    bob.send({ type: 'query', content: '@assistant echo only for us' });
    expect((await ada.get('response')).message).toContain('only for us');
    const eve = await signIn(b.url, 'other-organization');
    eve.send({ type: 'join', room: 'planning', name: 'Eve' });
    expect((await eve.get('presence')).people).toHaveLength(1);
    const cyd = await signIn(b.url, 'first-organization');
    cyd.send({ type: 'join', room: 'planning', name: 'Cyd' });
    expect(await cyd.get('error')).toMatchObject({ code: 'full' });
    bob.send({ type: 'tools' });
    await bob.get('tools');
    const stored = await inRedis(store);
    expect(stored).toContain('owner program');
    expect(stored).not.toMatch(/secret of|-organization|only for us|planning|chat token|chat room|entries:/);
    bob.send({ type: 'leave' });
    await bob.get('left');
    for (const client of [ada, eve]) {
      client.send({ type: 'leave' });
      await client.get('left');
    }
    await expect.poll(() => inRedis(store)).not.toContain('owner program');
  });
});

describe('a node that the others took for gone', () => {
  it('ends its sessions and keeps nothing more; the room goes on at another', async () => {
    const store = newStore();
    const a = await startNode(store, { retentionHours: 1 });
    const b = await startNode(store, { retentionHours: 1 });
    const ada = await RawClient.v2(a.url);
    const { session_id, resume_token = '' } = await ada.get('connection_established');
    ada.send({ type: 'join', room: 'planning', name: 'Ada' });
    await ada.get('joined');
    ada.send({ type: 'query', content: 'echo before' });
    await ada.get('response');
    // As if it had hung: its lease is over, and another has taken what is written under it.
    const leases = await openStore(store);
    const [node = ''] = resume_token.split('.');
    await leases.leases.release((await leases.leases.holder(`node ${node}`))!);
    await leases.leases.acquire(`node ${node}`, 'another', 60_000);
    await leases.close();
    expect((await ada.end()).code).toBe(1001);
    expect(a.chat.stats).toEqual({ sessions: 0, rooms: 0 });
    const again = await RawClient.v2(b.url);
    again.send({ type: 'resume', session_id, resume_token, after: 0 });
    expect(await again.get('resumed')).toMatchObject({ room: 'planning' });
    expect((await again.get('history')).entries.map(({ kind }) => kind)).toEqual(['person', 'tool', 'model']);
    // It is another node now, at which people come in as before.
    const bob = await enter(a.url, 'Bob');
    again.send({ type: 'query', content: 'Bob?' });
    expect((await bob.get('said')).entry).toMatchObject({ seq: 4, text: 'Bob?' });
  });
});

describe('a node that is killed', () => {
  it('leaves its rooms to the others: its people find them elsewhere, with an answer that was interrupted', async () => {
    const store = newStore();
    const options = { retentionHours: 1, upstreams: { demo: { server: () => createDemoServer() } } };
    const a = await startNode(store, options);
    const b = await startNode(store, options);
    const killed = await spawnNode(store);
    const cyd = await RawClient.v2(killed.url);
    const { session_id, resume_token } = await cyd.get('connection_established');
    cyd.send({ type: 'join', room: 'planning', name: 'Cyd' });
    await cyd.get('joined');
    // A real client, behind a balancer that sends each connection to the next node.
    const urls = [a.url, b.url];
    let opened = 0;
    const open = (_: string, protocols: string[]): ClientSocket =>
      new WebSocket(urls[opened++ % urls.length]!, protocols) as unknown as ClientSocket;
    const received: ServerMessage[] = [];
    const ada = new ChatClient('ws://balancer', { open, retryMs: 10, onMessage: (message) => received.push(message) });
    onTestFinished(() => ada.close());
    await ada.next('connection_established');
    ada.send({ type: 'join', room: 'planning', name: 'Ada' });
    await ada.next('joined');
    cyd.send({ type: 'query', content: '@assistant echo before' });
    await ada.next('response');
    const interrupted = ada.ask('@assistant count to=1000 delayMs=1000');
    const { turn } = await ada.next('tool_call');
    // What was said is written behind.
    await expect.poll(async () => (await inRedis(store)).split('\r\nt').length).toBeGreaterThan(6);
    const back = ada.next('resumed');
    const there = ada.next('presence');
    killed.child.kill('SIGKILL');
    expect(await back).toMatchObject({ room: 'planning' });
    expect(await interrupted).toMatchObject({ turn, stopped: 'interrupted', message: '' });
    expect((await there).people.map(({ name, connected }) => [name, connected])).toEqual([
      ['Cyd', false],
      ['Ada', true],
    ]);
    const cydAgain = await RawClient.v2(a.url);
    cydAgain.send({ type: 'resume', session_id, resume_token, after: 0 });
    await cydAgain.get('resumed');
    await cydAgain.get('presence', ({ people }) => people.length === 2 && people.every(({ connected }) => connected));
    const answer = ada.next('response');
    cydAgain.send({ type: 'query', content: '@assistant echo after' });
    expect((await answer).message).toContain('after');
    expect(received.filter(({ type }) => type === 'error')).toEqual([]);
  });
});
