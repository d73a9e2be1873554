/**
 * A chat server as docs/reference/chat-protocol.md describes it, with a script in place of a model. It is written by hand, message by
 * message, so that the page is not tested with anything of its own.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { servePages } from 'mcp-switchboard-console';
import { WebSocket, WebSocketServer } from 'ws';

type Message = Readonly<Record<string, unknown>> & { readonly type: string };
type Entry = Readonly<Record<string, unknown>> & { readonly seq: number };

interface Talk {
  entries: Entry[];
  seq: number;
  turns: number;
  readonly sessions: Set<Session>;
  readonly running: Map<string, Turn>;
}

interface Session {
  readonly id: string;
  token: string;
  socket: WebSocket | undefined;
  authenticated: boolean;
  own: Talk;
  room: string | undefined;
  name: string;
  typing: boolean;
  /** Questions and approvals that are open, and who waits for them. */
  readonly asks: Map<string, { readonly message: Message; answer(message: Message): void }>;
}

/** What a script can do in a turn. */
export interface Turn {
  readonly text: string;
  readonly from: string;
  /** Aborted when the person stops it. */
  readonly signal: AbortSignal;
  /** The person stopped it. */
  readonly stopped: Promise<void>;
  write(text: string): void;
  call(name: string, given: Record<string, unknown>, title?: string): ScriptedCall;
  ask(question: Record<string, unknown>): Promise<Message>;
  fail(message: string): void;
}

export interface ScriptedCall {
  readonly id: string;
  progress(progress: number, total?: number, message?: string): void;
  result(text: string, more?: Record<string, unknown>): void;
  /** @param seconds how long there is to answer */
  approval(message: string, seconds?: number): Promise<boolean>;
}

export type Script = (turn: Turn) => Promise<void> | void;

export interface ChatServerOptions {
  readonly script: Script;
  /** What must be shown: nothing, the API key `right` of the organization `acme`, or the token `right`. */
  readonly needs?: 'nothing' | 'key' | 'token';
  readonly tools?: readonly Record<string, unknown>[];
  readonly port?: number;
}

export interface ChatServer {
  readonly url: string;
  readonly port: number;
  /** Every message that came from a page. */
  readonly received: Message[];
  /** Cuts all connections without a word, as a network does. */
  cut(): void;
  /** Until it is called with false, connections are cut as they come. */
  down(isDown: boolean): void;
  /** Swallows the next message of a type, as if it were lost on the way; done when that has happened. */
  drop(type: string): Promise<void>;
  /** Forgets every session, as after a restart. */
  forget(): void;
  close(): Promise<void>;
}

const newTalk = (): Talk => ({ entries: [], seq: 0, turns: 0, sessions: new Set(), running: new Map() });

export async function startChatServer(options: ChatServerOptions): Promise<ChatServer> {
  const { script, needs = 'nothing', tools = [] } = options;
  const sessions = new Map<string, Session>();
  const rooms = new Map<string, Talk>();
  const received: Message[] = [];
  let isDown = false;
  const dropping = new Map<string, () => void>();

  const talkOf = (session: Session): Talk => (session.room === undefined ? session.own : rooms.get(session.room)!);
  const send = (session: Session, message: Message): void => {
    if (session.socket?.readyState === WebSocket.OPEN) session.socket.send(JSON.stringify(message));
  };
  const broadcast = (talk: Talk, message: Message): void => talk.sessions.forEach((session) => send(session, message));
  const now = (): string => new Date().toISOString();

  function add(talk: Talk, entry: Record<string, unknown>): Entry {
    const whole = { ...entry, seq: ++talk.seq, at: now() };
    talk.entries.push(whole);
    return whole;
  }

  function presence(room: string): void {
    const talk = rooms.get(room)!;
    const people = [...talk.sessions].map(({ name, typing, socket }) => ({
      name,
      typing,
      connected: socket !== undefined,
    }));
    broadcast(talk, { type: 'presence', room, people });
  }

  async function ask(session: Session, message: Message, id: string): Promise<Message> {
    const answer = new Promise<Message>((resolve) => session.asks.set(id, { message, answer: resolve }));
    send(session, message);
    const given = await answer;
    session.asks.delete(id);
    send(session, { type: 'closed', id, reason: 'answered' });
    return given;
  }

  async function run(session: Session, text: string, id: string | undefined): Promise<void> {
    const talk = talkOf(session);
    const turn = `t${++talk.turns}`;
    const from = session.room === undefined ? 'you' : session.name;
    const abort = new AbortController();
    let written = '';
    let calls = 0;
    let failed = false;
    const context: Turn = {
      text,
      from,
      signal: abort.signal,
      stopped: once(abort.signal, 'abort').then(() => undefined),
      write: (piece) => {
        written += piece;
        broadcast(talk, { type: 'delta', turn, text: piece });
      },
      call: (name, given, title) => {
        const call = `${turn}c${++calls}`;
        const titled = title !== undefined && { title };
        const start = { turn, call, name, server: 'demo', ...titled, arguments: given };
        broadcast(talk, { type: 'tool_call', ...start, by: from });
        return {
          id: call,
          progress: (progress, total, message) =>
            broadcast(talk, {
              type: 'tool_progress',
              turn,
              call,
              progress,
              ...(total && { total }),
              ...(message && { message }),
            }),
          result: (result, more = {}) => {
            const ended = {
              turn,
              call,
              name,
              server: 'demo',
              is_error: false,
              text: result,
              truncated: false,
              ...more,
            };
            const { seq } = add(talk, { kind: 'tool', ...ended, arguments: given, by: from });
            broadcast(talk, { type: 'tool_result', ...ended, seq });
          },
          approval: async (message, seconds = 300) => {
            const approval = randomUUID();
            const expires_at = new Date(Date.now() + seconds * 1_000).toISOString();
            const request = { type: 'approval_request', approval, ...start, message, expires_at };
            return (await ask(session, request, approval))['approved'] === true;
          },
        };
      },
      ask: (question) => {
        const name = randomUUID();
        return ask(session, { type: 'question', question: name, server: 'demo', ...question }, name);
      },
      fail: (message) => {
        failed = true;
        broadcast(talk, { type: 'error', code: 'provider', message, turn });
      },
    };
    talk.running.set(turn, Object.assign(context, { stop: () => abort.abort(), so: () => written }));
    for (const one of talk.sessions) {
      send(one, {
        type: 'processing',
        message: 'Processing your query...',
        turn,
        from,
        ...(one === session && { id }),
      });
    }
    await Promise.race([script(context), context.stopped]);
    talk.running.delete(turn);
    const stopped = abort.signal.aborted ? 'cancelled' : failed ? 'failed' : 'done';
    const usage = { input_tokens: 412, output_tokens: 31 };
    const { seq } = add(talk, { kind: 'model', turn, text: written, stopped, usage });
    broadcast(talk, { type: 'response', message: written, turn, seq, stopped, usage });
  }

  function query(session: Session, content: string, id: string | undefined): void {
    const talk = talkOf(session);
    if (content === 'clear') {
      talk.entries = [];
      broadcast(talk, { type: 'info', message: 'The conversation is forgotten.', event: 'cleared' });
      return;
    }
    if (content === 'quit') {
      send(session, { type: 'info', message: 'Goodbye.', event: 'goodbye' });
      session.socket?.close(1000);
      return;
    }
    if (content === 'too fast') {
      send(session, {
        type: 'error',
        code: 'rate_limited',
        message: 'Too many queries: try again in 20 s.',
        ...(id && { id }),
      });
      return;
    }
    const from = session.room === undefined ? 'you' : session.name;
    broadcast(talk, { type: 'said', entry: add(talk, { kind: 'person', from, text: content, ...(id && { id }) }) });
    if (talk.sessions.size > 1 && !content.includes('@assistant')) {
      send(session, { type: 'info', message: 'The others have it.', event: 'heard' });
      return;
    }
    void run(session, content, id);
  }

  function take(fresh: Session, message: Message): Session {
    const old = sessions.get(String(message['session_id']));
    if (old === undefined || old.token !== message['resume_token']) {
      send(fresh, { type: 'error', code: 'not_found', message: 'There is no such session any more.' });
      return fresh;
    }
    sessions.delete(fresh.id);
    const { socket } = fresh;
    const before = old.socket;
    old.socket = socket;
    before?.close(1000);
    old.token = randomUUID();
    send(old, {
      type: 'resumed',
      session_id: old.id,
      message: 'Welcome back.',
      authenticated: old.authenticated,
      resume_token: old.token,
      ...(old.room && { room: old.room }),
    });
    const talk = talkOf(old);
    const entries = talk.entries.filter(({ seq }) => seq > Number(message['after']));
    send(old, { type: 'history', entries, more: false });
    for (const [turn, running] of talk.running) {
      send(old, { type: 'processing', message: 'Processing your query...', turn, from: running.from });
      send(old, { type: 'delta', turn, text: (running as unknown as { so(): string }).so() });
    }
    for (const { message: open } of old.asks.values()) send(old, open);
    if (old.room !== undefined) presence(old.room);
    return old;
  }

  function enter(session: Session, message: Message): void {
    session.room = typeof message['room'] === 'string' ? message['room'] : 'room-1';
    session.name = String(message['name']);
    const talk = rooms.get(session.room) ?? newTalk();
    rooms.set(session.room, talk);
    talk.sessions.add(session);
    send(session, { type: 'joined', room: session.room, name: session.name });
    send(session, { type: 'history', entries: talk.entries, more: false });
    presence(session.room);
  }

  function leave(session: Session): void {
    const { room } = session;
    if (room === undefined) return;
    rooms.get(room)!.sessions.delete(session);
    session.room = undefined;
    presence(room);
    send(session, { type: 'left', room });
    send(session, { type: 'history', entries: session.own.entries, more: false });
  }

  // oxlint-disable-next-line complexity -- one table of the messages
  function handle(session: Session, message: Message): Session {
    switch (message.type) {
      case 'resume':
        return take(session, message);
      case 'auth':
        session.authenticated = message['api_key'] === 'right' && message['org_id'] === 'acme';
        if (session.authenticated) send(session, { type: 'auth_success', message: 'Welcome.', authenticated: true });
        else send(session, { type: 'auth_error', message: 'The API key is not known.' });
        break;
      case 'query':
        query(session, String(message['content']), message['id'] as string | undefined);
        break;
      case 'ping':
        send(session, { type: 'pong' });
        break;
      case 'cancel':
        for (const turn of talkOf(session).running.values()) (turn as unknown as { stop(): void }).stop();
        break;
      case 'answer':
        session.asks.get(String(message['question']))?.answer(message);
        break;
      case 'approval':
        session.asks.get(String(message['approval']))?.answer(message);
        break;
      case 'typing':
        session.typing = message['active'] === true;
        if (session.room !== undefined) presence(session.room);
        break;
      case 'tools':
        send(session, { type: 'tools', tools });
        break;
      case 'history': {
        const older = talkOf(session).entries.filter(({ seq }) => seq < Number(message['before']));
        send(session, { type: 'history', entries: older, more: false });
        break;
      }
      case 'export':
        send(session, {
          type: 'export',
          format: message['format'],
          filename: 'conversation.md',
          content: '# A conversation\n',
        });
        break;
      case 'join':
        enter(session, message);
        break;
      case 'leave':
        leave(session);
        break;
      case 'logout':
        session.authenticated = false;
        send(session, { type: 'logged_out', message: 'Signed out.', authenticated: false });
        break;
      default:
    }
    return session;
  }

  const http = createServer((request, response) => {
    if (!servePages(request, response)) response.writeHead(404).end();
  });
  const allowed = (request: IncomingMessage): boolean => {
    const offered = request.headers['sec-websocket-protocol'] ?? '';
    return needs !== 'token' || offered.includes(`mcp.auth.${Buffer.from('right').toString('base64url')}`);
  };
  const wss = new WebSocketServer({
    server: http,
    path: '/chat',
    handleProtocols: (offered) => (offered.has('chat.v2') ? 'chat.v2' : false),
    verifyClient: ({ req }: { req: IncomingMessage }) => !isDown && allowed(req),
  });
  wss.on('connection', (socket) => {
    let session: Session = {
      id: randomUUID(),
      token: randomUUID(),
      socket,
      authenticated: needs !== 'key',
      own: newTalk(),
      room: undefined,
      name: '',
      typing: false,
      asks: new Map(),
    };
    session.own.sessions.add(session);
    sessions.set(session.id, session);
    send(session, {
      type: 'connection_established',
      session_id: session.id,
      message: 'Connected.',
      authenticated: session.authenticated,
      protocol: 'chat.v2',
      resume_token: session.token,
      model: 'scripted',
      mention: 'assistant',
    });
    socket.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString()) as Message;
      const dropped = dropping.get(message.type);
      if (dropped !== undefined) {
        dropping.delete(message.type);
        dropped();
        return;
      }
      received.push(message);
      session = handle(session, message);
    });
    socket.on('close', () => {
      if (session.socket === socket) session.socket = undefined;
      if (session.room !== undefined) presence(session.room);
    });
  });
  http.listen(options.port ?? 0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const cut = (): void => wss.clients.forEach((socket) => socket.terminate());
  return {
    url: `http://127.0.0.1:${port}/chat`,
    port,
    received,
    cut,
    down: (next) => {
      isDown = next;
    },
    drop: (type) => new Promise((resolve) => dropping.set(type, resolve)),
    forget: () => sessions.clear(),
    close: async () => {
      cut();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
