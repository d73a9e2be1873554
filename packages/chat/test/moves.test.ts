/** What becomes of a session or a room where something fails while it changes its node, its process or its socket. */
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { SwitchboardError, openStore } from 'mcp-switchboard';
import type { Facts, LineHandlers, Peers, SharedStore } from 'mcp-switchboard';
import type { WebSocketClient } from 'mcp-switchboard/websocket';
import { expect, it, onTestFinished } from 'vitest';

import { KeptLog } from '../src/kept/kept-log.ts';
import type { KeptPerson, OpenRoom, Retention } from '../src/kept/retention.ts';
import { Vault } from '../src/kept/vault.ts';
import { ClientSocket } from '../src/nodes/client-socket.ts';
import type { Entry } from '../src/protocol.ts';
import { Rooms } from '../src/rooms.ts';
import type { Guest, Ownership } from '../src/rooms.ts';
import { RawClient, startChat } from './support/chat.ts';

const said = (seq: number, text: string): Entry => ({
  kind: 'person',
  seq,
  at: new Date(0).toISOString(),
  from: 'Ada',
  text,
});

async function newStore(): Promise<SharedStore> {
  const store = await openStore('memory');
  onTestFinished(() => store.close());
  return store;
}

it('a conversation that was cleared after a move does not come back', async () => {
  const store = await newStore();
  const vault = new Vault(randomBytes(32));
  const logOf = (earlier: readonly Entry[] = []): KeptLog =>
    new KeptLog({ store, vault, name: 'chat of Ada', keep: {}, maxBytes: 10_000, earlier, onBegin() {} });
  const before = logOf();
  before.add(said(1, 'first'));
  await before.leave();
  const moved = logOf([said(1, 'first')]);
  moved.clear(1);
  await moved.leave();
  expect(await logOf().recall()).toEqual({ entries: [], seq: 1, unread: 0 });
});

const newGuest = (id: string): Guest => ({
  id,
  isConnected: true,
  isEnded: false,
  idle: Promise.resolve(),
  send() {},
  end() {},
});

it('the people of a room that another node has are not written any more while those who are here go', async () => {
  let owner: Ownership | undefined;
  const saved: string[][] = [];
  const archive = { add() {}, begin() {}, clear() {} };
  const save = (people: readonly KeptPerson[]): void => void saved.push(people.map(({ session }) => session));
  const kept: OpenRoom = { archive, entries: [], seq: 0, people: [], save, leave: async () => {} };
  const rooms: Rooms = new Rooms({
    mention: 'assistant',
    maxRooms: 1,
    maxPeople: 2,
    maxContextTokens: 1000,
    resumeWindowMs: 1000,
    retention: () => ({ room: async () => kept }) as unknown as Retention,
    owners: () => ({
      async find(_, __, value) {
        owner = value;
        return undefined;
      },
      async release() {},
    }),
  });
  for (const id of ['ada', 'bob']) {
    const guest = newGuest(id);
    const room = await rooms.join(guest, 'organization', id, 'planning');
    guest.end = () => rooms.leave(guest, room);
  }
  owner!.giveUp('another node has it');
  expect(rooms.size).toBe(0);
  expect(saved).toEqual([['ada'], ['ada', 'bob']]);
});

it('a room that another node got while it was read is not opened', async () => {
  let owner: Ownership | undefined;
  let left = 0;
  let give: (room: OpenRoom) => void = () => {};
  let read = (): void => {};
  const isRead = new Promise<void>((resolve) => (read = resolve));
  const room = (): Promise<OpenRoom> => {
    read();
    return new Promise((resolve) => (give = resolve));
  };
  const rooms = new Rooms({
    mention: 'assistant',
    maxRooms: 1,
    maxPeople: 2,
    maxContextTokens: 1000,
    resumeWindowMs: 1000,
    retention: () => ({ room }) as unknown as Retention,
    owners: () => ({
      async find(_, __, value) {
        owner = value;
        return undefined;
      },
      async release() {},
    }),
  });
  const guest = newGuest('ada');
  const joined = rooms.join(guest, 'organization', 'Ada', 'planning').catch((error: unknown) => error);
  await isRead;
  owner!.giveUp('another node has it');
  const archive = { add() {}, begin() {}, clear() {} };
  const leave = async (): Promise<void> => void left++;
  give({ archive, entries: [], seq: 0, people: [], save() {}, leave });
  expect(await joined).toMatchObject({ code: 'unavailable' });
  expect([rooms.size, left]).toEqual([0, 1]);
});

it('what a client says is passed on when the node that its session came from dies in the middle of a move', async () => {
  const lines = new Map<string, { handlers: LineHandlers; sent: unknown[] }>();
  const peers: Pick<Peers, 'open'> = {
    async open(node, _, handlers) {
      const sent: unknown[] = [];
      lines.set(node, { handlers, sent });
      return { send: (text) => void sent.push(JSON.parse(text)), close() {} };
    },
  };
  const closed: string[] = [];
  const client = {
    address: '127.0.0.1',
    principal: 'anonymous',
    userAgent: '',
    send() {},
    close: (why: string) => void closed.push(why),
  } as unknown as WebSocketClient;
  const socket = new ClientSocket(client, undefined, peers as Peers);
  const hear = async (node: string, message: object): Promise<void> => {
    lines.get(node)!.handlers.onText(JSON.stringify(message));
    await turn();
  };
  const moved = socket.moveTo('first', {});
  await turn();
  await hear('first', { accepted: true });
  await moved;
  socket.pass([]);
  await hear('first', { move: { node: 'second', greeting: {} } });
  await hear('second', { accepted: true });
  expect(lines.get('first')!.sent).toEqual([{ moved: true }]);
  socket.receive('one');
  lines.get('first')!.handlers.onClose('the other node has closed it');
  socket.receive('two');
  expect(lines.get('second')!.sent).toEqual([{ text: 'one' }, { text: 'two' }]);
  expect(closed).toEqual([]);
});

it('a kept conversation is still there for a client that hung up while it was read, and while the store was away', async () => {
  const store = await newStore();
  const open = (take: Facts['take'] = (key) => store.facts.take(key)): SharedStore => {
    const { facts } = store;
    const kept: Facts = {
      put: (key, value, ttlMs, under) => facts.put(key, value, ttlMs, under),
      get: (key) => facts.get(key),
      take,
      delete: (key, under) => facts.delete(key, under),
      list: (prefix, limit) => facts.list(prefix, limit),
    };
    return { ...store, facts: kept, close: async () => {} };
  };
  const one = await startChat({ retentionHours: 1, gateway: { stateStore: open() } });
  const ada = await RawClient.v2(one.url);
  const { session_id, resume_token } = await ada.get('connection_established');
  ada.send({ type: 'query', content: 'echo for later' });
  await ada.get('response');
  await one.chat.close();

  const resume = { type: 'resume', session_id, resume_token, after: 0 };
  let isAway = true;
  let asked = (): void => {};
  let go = (): void => {};
  const isAsked = new Promise<void>((resolve) => (asked = resolve));
  const mayGo = new Promise<void>((resolve) => (go = resolve));
  const slow = open(async (key) => {
    if (isAway) throw new SwitchboardError('SWB_STORE_UNAVAILABLE', { detail: 'the test' });
    asked();
    await mayGo;
    return store.facts.take(key);
  });
  const two = await startChat({ retentionHours: 1, gateway: { stateStore: slow } });
  const early = await RawClient.v2(two.url);
  early.send(resume);
  expect(await early.get('error')).toMatchObject({ code: 'unavailable' });
  isAway = false;
  const hasty = await RawClient.v2(two.url);
  hasty.send(resume);
  await isAsked;
  hasty.socket.close();
  await hasty.end();
  const again = await RawClient.v2(two.url);
  await again.get('connection_established');
  go();
  again.send(resume);
  expect(await again.get('resumed')).toMatchObject({ session_id });
  expect((await again.get('history')).entries.map(({ kind }) => kind)).toEqual(['person', 'tool', 'model']);
});
