/** A chat that is shut down without a turn that is lost: what is there goes on at another node, or in the next process. */
import { openStore } from 'mcp-switchboard';
import type { SharedStore } from 'mcp-switchboard';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { RedisServer } from '../../switchboard/test/support/redis.ts';
import type { ChatOptions } from '../src/index.ts';
import type { Resume } from '../src/protocol/client-messages.ts';
import { RawClient, startChat } from './support/chat.ts';
import type { Running } from './support/chat.ts';

const CLUSTER_KEY = 'cluster-key-of-the-tests-0123456789abcdef';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

let prefixes = 0;
const newStore = (): string => `${redis.url}/?prefix=drain${++prefixes}`;

function startNode(store: string, nodeName: string, options: Partial<ChatOptions> = {}): Promise<Running> {
  const gateway = { store, nodeName, peerListen: '127.0.0.1:0', clusterKey: CLUSTER_KEY };
  return startChat({ retentionHours: 1, gateway, ...options });
}

interface Person {
  client: RawClient;
  /** What brings the client back. */
  resume: Resume;
}

async function connect(url: string): Promise<Person> {
  const client = await RawClient.v2(url);
  const { session_id, resume_token = '' } = await client.get('connection_established');
  return { client, resume: { type: 'resume', session_id, resume_token, after: 0 } };
}

async function enter(url: string, name: string): Promise<Person> {
  const person = await connect(url);
  person.client.send({ type: 'join', room: 'planning', name });
  const { resume_token = person.resume.resume_token } = await person.client.get('joined');
  return { ...person, resume: { ...person.resume, resume_token } };
}

async function comeBack(url: string, { resume }: Person): Promise<RawClient> {
  const client = await RawClient.v2(url);
  client.send(resume);
  return client;
}

/** Asks something that the model answers once the person has said `green`. @returns says it. */
async function askForColour(client: RawClient, mention = ''): Promise<() => void> {
  client.send({ type: 'query', content: `${mention}ask question="Which colour?"` });
  const { question } = await client.get('question');
  return () => client.send({ type: 'answer', question, action: 'accept', content: { answer: 'green' } });
}

it('a node that is drained from another one finishes its turns, leaves its rooms and conversations to the others, and ends', async () => {
  const store = newStore();
  const a = await startNode(store, 'a');
  const b = await startNode(store, 'b');
  const ada = await enter(a.url, 'Ada');
  const bob = await enter(b.url, 'Bob');
  const quiet = await connect(a.url);
  quiet.client.send({ type: 'query', content: 'echo for later' });
  await quiet.client.get('response');
  const front = await connect(a.url);
  const elsewhere = await connect(b.url);
  elsewhere.client.send({ type: 'join', room: 'other', name: 'Eve' });
  await elsewhere.client.get('joined');
  front.client.send({ type: 'join', room: 'other', name: 'Fay' });
  const { resume_token = '' } = await front.client.get('joined');
  const answer = await askForColour(ada.client, '@assistant ');

  const { url, token } = b.chat.admin!;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const asked = await fetch(`${url}/drain?node=a`, { method: 'POST', headers, body: '{}' });
  expect(asked.status).toBeLessThan(300);
  // What nobody waits for goes at once; a client whose session is at another node only connects there.
  expect((await quiet.client.end()).code).toBe(1001);
  expect((await front.client.end()).code).toBe(1001);
  const ready = await fetch(a.url.replace('ws', 'http').replace('/chat', '/readyz'));
  expect(ready.status).toBe(503);
  const late = await RawClient.v2(a.url);
  expect((await late.end()).code).toBe(1001);
  // Whoever has gone is at another node at once, while this one still finishes what runs.
  const own = await comeBack(b.url, quiet);
  await own.get('resumed');
  expect((await own.get('history')).entries.map(({ kind }) => kind)).toEqual(['person', 'tool', 'model']);
  // Nothing new is begun, but people hear each other, and whoever joins is in the same room.
  ada.client.send({ type: 'query', content: '@assistant echo more', id: 'too late' });
  expect(await ada.client.get('error')).toMatchObject({ code: 'unavailable', id: 'too late' });
  const cyd = await enter(b.url, 'Cyd');
  ada.client.send({ type: 'query', content: 'hello' });
  expect((await bob.client.get('said', ({ entry }) => entry.text === 'hello')).entry.seq).toBe(2);
  answer();
  for (const { client } of [ada, bob, cyd]) {
    expect((await client.get('response')).message).toContain('green');
    expect((await client.end()).code).toBe(1001);
  }
  await a.chat.closed;
  expect(a.chat.stats).toEqual({ sessions: 0, rooms: 0 });
  await expect(fetch(a.url.replace('ws', 'http'))).rejects.toThrow();

  const back = await comeBack(b.url, bob);
  expect(await back.get('resumed')).toMatchObject({ room: 'planning' });
  const { entries } = await back.get('history');
  expect(entries.map(({ kind }) => kind)).toEqual(['person', 'person', 'tool', 'model']);
  expect(entries.at(-1)).toMatchObject({ stopped: 'done', text: expect.stringContaining('green') });
  expect((await back.get('presence')).people.map(({ name }) => name)).toEqual(['Ada', 'Bob', 'Cyd']);
  const adaBack = await comeBack(b.url, ada);
  expect(await adaBack.get('resumed')).toMatchObject({ room: 'planning' });
  adaBack.send({ type: 'query', content: 'all here?' });
  expect((await back.get('said')).entry).toMatchObject({ from: 'Ada', text: 'all here?', seq: 5 });
  const frontBack = await comeBack(b.url, { ...front, resume: { ...front.resume, resume_token } });
  expect(await frontBack.get('resumed')).toMatchObject({ room: 'other' });
  expect(b.chat.stats).toEqual({ sessions: 5, rooms: 2 });
});

/** A store in the memory of the test, for one chat after the other. */
async function keptStore(): Promise<() => SharedStore> {
  const store = await openStore('memory');
  onTestFinished(() => store.close());
  return () => ({ ...store, close: async () => {} });
}

it('an answer that takes longer than there is time is known as interrupted in the next process, and people keep their places', async () => {
  const open = await keptStore();
  const options = { retentionHours: 1 };
  const one = await startChat({ ...options, gateway: { stateStore: open() } });
  const ada = await enter(one.url, 'Ada');
  const bob = await enter(one.url, 'Bob');
  const cyd = await connect(one.url);
  await askForColour(ada.client, '@assistant ');
  const answer = await askForColour(cyd.client);
  const drained = one.chat.drain({ timeoutMs: 2000 });
  answer();
  expect((await cyd.client.get('response')).message).toContain('green');
  for (const { client } of [cyd, ada, bob]) expect((await client.end()).code).toBe(1001);
  await drained;
  await one.chat.closed;

  const two = await startChat({ ...options, gateway: { stateStore: open() } });
  const bobBack = await comeBack(two.url, bob);
  expect(await bobBack.get('resumed')).toMatchObject({ room: 'planning' });
  expect((await bobBack.get('history')).entries.at(-1)).toMatchObject({ kind: 'model', stopped: 'interrupted' });
  expect((await bobBack.get('presence')).people.map(({ name }) => name)).toEqual(['Ada', 'Bob']);
  const cydBack = await comeBack(two.url, cyd);
  expect((await cydBack.get('history')).entries.at(-1)).toMatchObject({ kind: 'model', stopped: 'done' });
});

it('a chat of one process ends at once where nobody waits for an answer, and a client that speaks no chat.v2 gets the ones it has asked for', async () => {
  const { url, chat } = await startChat();
  const simple = await RawClient.open(url);
  await simple.get('connection_established');
  simple.send({ type: 'query', content: 'count to=2 delayMs=100' });
  await simple.get('processing');
  simple.send({ type: 'query', content: 'echo asked before' });
  const idle = await connect(url);
  idle.client.send({ type: 'tools' });
  await idle.client.get('tools');
  const drained = chat.drain();
  expect((await idle.client.end()).code).toBe(1001);
  expect((await simple.get('response')).message).toContain('2');
  expect((await simple.get('response')).message).toContain('asked before');
  expect((await simple.end()).code).toBe(1001);
  await drained;
  expect(chat.stats.sessions).toBe(0);
});
