import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket as Socket } from 'ws';
import { Conversation } from '../../src/pages/chat/conversation.ts';
import { Conversations, isUnread, MOST_CONNECTED } from '../../src/pages/chat/conversations.ts';
import { isReady } from '../../src/pages/chat/state.ts';
import { startChatServer, type ChatServer, type Script } from '../support/chat-server.ts';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function connect(url: string, protocols: string[]): WebSocket {
  const socket = new Socket(url, protocols);
  // What fails also closes, and that is what the page listens to.
  socket.on('error', () => {});
  return socket as unknown as WebSocket;
}
const echo: Script = (turn) => turn.write(`You said ${turn.text}`);

async function serve(options: Partial<Parameters<typeof startChatServer>[0]> = {}): Promise<ChatServer> {
  const server = await startChatServer({ script: echo, ...options });
  ends.push(server.close);
  return server;
}

function converse(
  server: ChatServer,
  options: Partial<ConstructorParameters<typeof Conversation>[0]> = {},
): Conversation {
  const conversation = new Conversation({
    url: server.url.replace('http', 'ws'),
    credentials: () => undefined,
    onChange: () => {},
    onExport: () => {},
    connect,
    random: () => 0,
    ...options,
  });
  ends.push(() => conversation.close());
  return conversation;
}

const until = <T>(check: () => T): Promise<T> => vi.waitFor(check, { timeout: 5_000, interval: 5 });
const ready = (conversation: Conversation): Promise<void> =>
  until(() => expect(isReady(conversation.state)).toBe(true));
/** What is on the page, a line for each thing. */
const page = ({ state }: Conversation): string[] =>
  [...state.past, ...state.items].map((item) =>
    item.kind === 'turn'
      ? item.parts.map((part) => (part.kind === 'text' ? part.text : part.name)).join('|')
      : item.text,
  );
const queries = (server: ChatServer): unknown[] =>
  server.received.filter(({ type }) => type === 'query').map(({ content }) => content);

describe('a conversation', () => {
  it('sends what is said one after the other, when the answer before is there', async () => {
    let go = (): void => {};
    const server = await serve({
      script: async (turn) => {
        if (turn.text === 'one') await new Promise<void>((resolve) => (go = resolve));
        turn.write(turn.text);
      },
    });
    const conversation = converse(server);
    conversation.say('one');
    conversation.say('two');
    await until(() => expect(page(conversation)).toEqual(['one', '']));
    expect(conversation.state.outgoing).toMatchObject([{ text: 'two', state: 'waiting' }]);
    expect(queries(server)).toEqual(['one']);
    go();
    await until(() => expect(page(conversation)).toEqual(['one', 'one', 'two', 'two']));
  });

  it('takes back what was not sent yet', async () => {
    const server = await serve({ script: (turn) => turn.stopped });
    const conversation = converse(server);
    conversation.say('one');
    await until(() => expect(page(conversation)).toHaveLength(2));
    conversation.say('two');
    conversation.withdraw(conversation.state.outgoing[0]!.id);
    conversation.stop();
    await until(() => expect(conversation.state.items[1]).toMatchObject({ stopped: 'cancelled' }));
    expect(queries(server)).toEqual(['one']);
  });

  it('comes back by itself, and has what was said meanwhile', async () => {
    let go = (): void => {};
    const server = await serve({
      script: async (turn) => {
        turn.write('Half ');
        await new Promise<void>((resolve) => (go = resolve));
        turn.write('and half.');
      },
    });
    const conversation = converse(server);
    conversation.say('Hello');
    await until(() => expect(page(conversation)).toEqual(['Hello', 'Half ']));
    server.down(true);
    server.cut();
    await until(() => expect(conversation.state.link).toBe('waiting'));
    expect(conversation.state.retryAt).toBeGreaterThan(Date.now() - 1_000);
    go();
    server.down(false);
    await ready(conversation);
    await until(() => expect(page(conversation)).toEqual(['Hello', 'Half and half.']));
    const resumes = server.received.filter(({ type }) => type === 'resume');
    expect(resumes).toMatchObject([{ after: 1 }]);
  });

  it('sends again what a cut lost, and only that', async () => {
    const server = await serve();
    const conversation = converse(server);
    await ready(conversation);
    const dropped = server.drop('query');
    conversation.say('lost');
    await dropped;
    server.cut();
    await until(() => expect(page(conversation)).toEqual(['lost', 'You said lost']));
    server.cut();
    await until(() => expect(conversation.state.link).toBe('waiting'));
    await ready(conversation);
    expect(page(conversation)).toEqual(['lost', 'You said lost']);
    expect(queries(server)).toEqual(['lost']);
  });

  it('keeps what is said without a connection until there is one', async () => {
    const server = await serve();
    const conversation = converse(server);
    await ready(conversation);
    server.down(true);
    server.cut();
    await until(() => expect(conversation.state.link).toBe('waiting'));
    conversation.say('later');
    server.down(false);
    conversation.retry();
    await until(() => expect(page(conversation)).toEqual(['later', 'You said later']));
  });

  it('answers a question again if the answer was lost', async () => {
    const server = await serve({
      script: async (turn) => turn.write(String((await turn.ask({ message: 'Which?', schema: {} }))['action'])),
    });
    const conversation = converse(server);
    conversation.say('Ask me');
    const [ask] = await until(() => {
      expect(conversation.state.asks).toHaveLength(1);
      return conversation.state.asks;
    });
    const dropped = server.drop('answer');
    conversation.answer(ask!.id, 'accept', {});
    await dropped;
    server.cut();
    await until(() => expect(page(conversation)).toEqual(['Ask me', 'accept']));
    expect(conversation.state.asks).toEqual([]);
  });

  it('goes on with a new session when the server has forgotten the old one, and shows its credentials again', async () => {
    const server = await serve({ needs: 'key' });
    const credentials = { apiKey: 'right', organization: 'acme' };
    const conversation = converse(server, { credentials: () => credentials });
    await ready(conversation);
    conversation.say('before');
    await until(() => expect(page(conversation)).toHaveLength(2));
    server.forget();
    server.cut();
    await until(() => expect(page(conversation)).toHaveLength(3));
    conversation.say('after');
    await until(() => expect(page(conversation).slice(3)).toEqual(['after', 'You said after']));
    expect(server.received.filter(({ type }) => type === 'auth')).toHaveLength(2);
  });

  it('goes back into its room when the session is new', async () => {
    const server = await serve();
    const conversation = converse(server);
    await ready(conversation);
    conversation.join('planning', 'Ada');
    await until(() => expect(conversation.state.room?.people).toHaveLength(1));
    server.forget();
    server.cut();
    await until(() => expect(server.received.filter(({ type }) => type === 'join')).toHaveLength(2));
    await until(() => expect(conversation.state.room).toMatchObject({ name: 'planning', me: 'Ada' }));
  });

  it('tells that somebody types, once, and that they have stopped when they send', async () => {
    const server = await serve();
    const conversation = converse(server);
    await ready(conversation);
    conversation.join('planning', 'Ada');
    await until(() => expect(conversation.state.room).toBeDefined());
    conversation.typing();
    conversation.typing();
    conversation.say('Hello');
    await until(() => expect(queries(server)).toEqual(['Hello']));
    expect(server.received.filter(({ type }) => type === 'typing').map(({ active }) => active)).toEqual([true, false]);
  });

  it('does not come back after it was ended, until it is told to', async () => {
    const server = await serve();
    const conversation = converse(server);
    conversation.say('quit');
    await until(() => expect(conversation.state).toMatchObject({ link: 'ended', ending: 'goodbye' }));
    conversation.retry();
    await until(() => expect(conversation.state.link).toBe('open'));
  });

  it('knows that it was taken up elsewhere, and does not take it back by itself', async () => {
    const server = await serve();
    const conversation = converse(server);
    await ready(conversation);
    const elsewhere = converse(server, { session: conversation.state.session });
    await ready(elsewhere);
    await until(() => expect(conversation.state).toMatchObject({ link: 'ended', ending: 'elsewhere' }));
    expect(elsewhere.state.link).toBe('open');
  });

  it('shows a token while it connects', async () => {
    const server = await serve({ needs: 'token' });
    const conversation = converse(server, { token: 'right' });
    await ready(conversation);
    const refused = converse(server, { token: 'wrong' });
    await until(() => expect(refused.state.link).toBe('waiting'));
    expect(refused.state.reached).toBe(false);
  });
});

describe('the conversations of a tab', () => {
  class Memory {
    readonly entries = new Map<string, string>();
    /** In characters. */
    room = 5_000_000;
    get length(): number {
      return this.entries.size;
    }
    key = (index: number): string | null => [...this.entries.keys()][index] ?? null;
    getItem = (key: string): string | null => this.entries.get(key) ?? null;
    removeItem = (key: string): void => void this.entries.delete(key);
    setItem = (key: string, value: string): void => {
      const others = [...this.entries].filter(([other]) => other !== key);
      if (others.reduce((sum, [, text]) => sum + text.length, value.length) > this.room) throw new Error('full');
      this.entries.set(key, value);
    };
  }
  function open(server: ChatServer, storage = new Memory(), tab = new Memory()): Conversations {
    const url = server.url.replace('http', 'ws');
    const all = new Conversations({ url, storage, tab, connect, onExport: () => {} });
    ends.push(() => all.live.forEach(({ conversation }) => conversation.close()), all.flush);
    return all;
  }
  /** Says something in a conversation of its own. */
  async function converseAbout(all: Conversations, text: string): Promise<string> {
    all.add();
    const { key, conversation } = all.current;
    conversation.say(text);
    await until(() => expect(page(conversation)).toEqual([text, `You said ${text}`]));
    await until(() => expect(conversation.state.items.at(-1)).toMatchObject({ stopped: 'done' }));
    return key;
  }

  it('have a connection each, and are called after what was said first', async () => {
    const server = await serve();
    const all = open(server);
    all.current.conversation.say('First thing\nand more');
    await until(() => expect(all.current.title).toBe('First thing'));
    all.add();
    expect(all.list).toHaveLength(2);
    expect(all.current.title).toBe('');
    all.add();
    expect(all.list, 'an empty one is enough').toHaveLength(2);
  });

  it('are marked when something arrives while another one is shown', async () => {
    let go = (): void => {};
    const server = await serve({
      script: async (turn) => {
        await new Promise<void>((resolve) => (go = resolve));
        turn.write('Done.');
      },
    });
    const all = open(server);
    const first = all.active;
    all.current.conversation.say('Take your time');
    await until(() => expect(page(all.current.conversation)).toHaveLength(2));
    all.add();
    const listed = () => all.list.find(({ key }) => key === first)!;
    expect(isUnread(listed())).toBe(false);
    go();
    await until(() => expect(isUnread(listed())).toBe(true));
    all.select(first);
    expect(isUnread(listed())).toBe(false);
  });

  it('are taken up again when the page is loaded again, without keeping what was shown to sign in', async () => {
    const server = await serve({ needs: 'key' });
    const [kept, tab] = [new Memory(), new Memory()];
    const all = open(server, kept, tab);
    await until(() => expect(all.current.conversation.state.reached).toBe(true));
    all.signIn({ apiKey: 'right', organization: 'acme' });
    await ready(all.current.conversation);
    await converseAbout(all, 'Title');
    all.flush();
    expect([...kept.entries.values()].join()).not.toMatch(/right/);
    const again = open(server, kept, tab);
    expect(again.current.title).toBe('Title');
    await ready(again.current.conversation);
    await until(() => expect(page(again.current.conversation)).toEqual(['Title', 'You said Title']));
    expect(again.current.conversation.state.copy).toEqual([]);
  });

  it('outlive the tab and the session of the server, with their drafts', async () => {
    const server = await serve();
    const kept = new Memory();
    const all = open(server, kept);
    const key = await converseAbout(all, 'Remember');
    all.write(key, 'not sent yet');
    all.flush();
    server.forget();
    const next = open(server, kept);
    expect(next.current.title, 'another tab does not take the session').toBe('');
    expect(next.list.map(({ title, draft }) => [title, draft])).toContainEqual(['Remember', 'not sent yet']);
    next.select(key);
    const { conversation } = next.current;
    await until(() => expect(page(conversation).slice(0, 2)).toEqual(['Remember', 'You said Remember']));
    await until(() => expect(page(conversation)[2]).toMatch(/no longer has what is above/));
    conversation.say('more');
    await until(() => expect(page(conversation).slice(3)).toEqual(['more', 'You said more']));
  });

  it('are found by what was said in them, and have the name that the person gives', async () => {
    const server = await serve();
    const kept = new Memory();
    const all = open(server, kept);
    const apples = await converseAbout(all, 'apples');
    await converseAbout(all, 'pears');
    all.rename(apples, ' Fruit ');
    all.flush();
    for (const some of [all, open(server, kept)]) {
      expect(some.found('YOU SAID app').map(({ name, title }) => [name, title])).toEqual([['Fruit', 'apples']]);
      expect(some.found('fruit')).toHaveLength(1);
      expect(some.found('plums')).toEqual([]);
    }
    all.rename(apples, ' ');
    expect(all.list.find(({ key }) => key === apples)!.name).toBeUndefined();
  });

  it('are not overwritten by another tab, which learns of them', async () => {
    const server = await serve();
    const kept = new Memory();
    const [one, two] = [open(server, kept), open(server, kept)];
    await converseAbout(one, 'apples');
    await converseAbout(two, 'pears');
    one.flush();
    two.flush();
    one.reread();
    expect(
      one.list
        .map(({ title }) => title)
        .filter(Boolean)
        .toSorted(),
    ).toEqual(['apples', 'pears']);
    one.remove(one.list.find(({ title }) => title === 'pears')!.key);
    two.flush();
    expect(open(server, kept).list.map(({ title }) => title)).not.toContain('pears');
  });

  it('make place for newer ones where the browser has no more room', async () => {
    const server = await serve();
    const kept = new Memory();
    kept.room = 2_500;
    const all = open(server, kept);
    for (const text of ['one', 'two', 'three', 'four', 'five', 'six']) {
      await converseAbout(all, text);
      all.flush();
    }
    const titles = open(server, kept).list.map(({ title }) => title);
    expect(titles).toContain('six');
    expect(titles).not.toContain('one');
  });

  it('are forgotten on both sides when somebody signs out', async () => {
    const server = await serve({ needs: 'key' });
    const all = open(server);
    await until(() => expect(all.current.conversation.state.reached).toBe(true));
    all.signIn({ apiKey: 'right', organization: 'acme' });
    await ready(all.current.conversation);
    all.signOut();
    await until(() => expect(server.received.map(({ type }) => type)).toContain('logout'));
    expect(all.list).toHaveLength(1);
    await until(() => expect(all.current.conversation.state).toMatchObject({ reached: true, authenticated: false }));
  });

  it('are as many as one likes, of which so many are connected', async () => {
    const server = await serve();
    const all = open(server);
    const first = await converseAbout(all, 'Number 0');
    for (let count = 1; count < MOST_CONNECTED + 3; count++) await converseAbout(all, `Number ${count}`);
    expect(all.list).toHaveLength(MOST_CONNECTED + 3);
    expect(all.live).toHaveLength(MOST_CONNECTED);
    all.select(first);
    expect(
      page({
        state: { ...all.current.conversation.state, items: all.current.conversation.state.copy },
      } as Conversation),
    ).toEqual(['Number 0', 'You said Number 0']);
    await ready(all.current.conversation);
    await until(() => expect(page(all.current.conversation)).toEqual(['Number 0', 'You said Number 0']));
  });

  it('begin empty when what was kept cannot be read', async () => {
    const server = await serve();
    const kept = new Memory();
    kept.setItem('switchboard.conversation.a', '{"not":');
    kept.setItem('switchboard.conversation.b', '{"key":"b","title":5}');
    kept.setItem('switchboard.conversation.c', 'null');
    expect(open(server, kept).list).toHaveLength(1);
  });
});
