/** The built command, ended and started again on the same store: what goes on, what is said of the rest, and nothing twice. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Channel } from '../../src/transports/channel.ts';
import { openDatabase } from '../../src/stores/sqlite-engine.ts';
import { CLIENT_DEFAULTS, connectWebSocket } from '../../src/transports/websocket/client.ts';
import { file, folder, served, start } from '../support/command.ts';
import type { Serving } from '../support/command.ts';
import { servers } from '../support/gateway.ts';
import { HttpClient } from '../support/http-client.ts';
import { stream } from '../support/http.ts';
import { freePort } from '../support/port.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const URI = 'test://resource';
const upstreams = {
  many: { ...servers.scripted, isolation: 'shared' },
  own: { ...servers.scripted, isolation: 'session' },
};

/** One Switchboard that is started again and again. */
class Restarted {
  readonly port: number;
  readonly #args: string[];
  readonly #state: string;
  #now: Serving | undefined;

  /** @param state the folder in which the store is kept that it has by default. */
  constructor(port: number, args: string[], state: string) {
    this.port = port;
    this.#args = args;
    this.#state = state;
  }

  get now(): Serving {
    return this.#now!;
  }

  async start(): Promise<void> {
    const args = ['serve', '--port', String(this.port), '--rate-limit', 'unlimited', '--warm', '0', ...this.#args];
    this.#now = await served(start(args, { XDG_STATE_HOME: this.#state }));
  }

  async again(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.now.child.kill(signal);
    await this.now.exit;
    await this.start();
  }

  /** Waits until so many sessions are recorded like this: that is done behind. */
  async written(isLike: (record: string) => boolean, count: number): Promise<void> {
    const database = await openDatabase(join(this.#state, 'switchboard', `${this.port}.db`));
    const records = (): number =>
      database
        .prepare("SELECT value FROM facts WHERE key LIKE 'session %'")
        .all()
        .filter(({ value }) => isLike(String(value))).length;
    await expect.poll(records, { timeout: 10_000 }).toBe(count);
    database.close();
  }

  at(path: string): string {
    return `127.0.0.1:${this.port}/mcp/${path}`;
  }
}

/** A WebSocket that can be resumed, as our client library speaks it below MCP. */
class SocketClient {
  readonly channel: Channel;
  readonly notes: Json[] = [];
  readonly answers: Json[] = [];
  readonly closed: Promise<string>;
  isClosed = false;
  readonly #waiting: { matches: (message: Json) => boolean; resolve: (message: Json) => void }[] = [];

  private constructor(channel: Channel) {
    this.channel = channel;
    this.closed = new Promise((resolve) => {
      channel.start({
        onMessage: (message) => this.#take(message as never),
        onBadMessage: () => {},
        onClose: (reason) => {
          this.isClosed = true;
          resolve(reason);
        },
      });
    });
  }

  static async open(at: string): Promise<SocketClient> {
    const client = new SocketClient(await connectWebSocket(new URL(`ws://${at}`), CLIENT_DEFAULTS));
    await client.ask(0, 'initialize', initializeParams());
    client.channel.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return client;
  }

  ask(id: number, method: string, params: Json): Promise<Json> {
    this.channel.send({ jsonrpc: '2.0', id, method, params } as never);
    return this.next((message) => message['id'] === id && !('method' in message));
  }

  call(id: number, name: string, args: Json = {}): Promise<Json> {
    return this.ask(id, 'tools/call', { name, arguments: args });
  }

  note(method: string): Promise<Json> {
    return this.next((message) => message['method'] === method);
  }

  next(matches: (message: Json) => boolean): Promise<Json> {
    const at = this.notes.findIndex(matches);
    if (at !== -1) return Promise.resolve(this.notes.splice(at, 1)[0]!);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  #take(message: Json): void {
    if (!('method' in message)) this.answers.push(message);
    const at = this.#waiting.findIndex(({ matches }) => matches(message));
    if (at === -1) this.notes.push(message);
    else this.#waiting.splice(at, 1)[0]!.resolve(message);
  }
}

const eventually = async (read: () => Promise<string>, expected: string): Promise<void> =>
  expect.poll(read, { timeout: 10_000 }).toBe(expected);

describe('a Switchboard that is started again', () => {
  const newBoard = async (): Promise<Restarted> => {
    const board = new Restarted(await freePort(), ['--config', file({ upstreams })], folder());
    await board.start();
    return board;
  };

  it.each(['SIGTERM', 'SIGKILL'] as const)('goes on with sessions over HTTP and WebSocket after %s', async (signal) => {
    const board = await newBoard();
    const web = await HttpClient.open(`http://${board.at('many')}`);
    const socket = await SocketClient.open(board.at('many'));
    expect(await web.ask('resources/subscribe', { uri: URI })).toMatchObject({ status: 200, result: {} });
    await socket.ask(1, 'resources/subscribe', { uri: URI });
    const before = await web.listen();
    await socket.call(2, 'update', { uri: URI });
    expect(await before.next()).toMatchObject({ method: 'notifications/resources/updated' });
    const pid = textOf(await web.call('pid'));
    await board.written((text) => text.includes(`"watched":["${URI}"]`), 2);
    socket.notes.length = 0;

    await board.again(signal);
    const status = signal === 'SIGKILL' ? { maybeMore: true } : {};
    const [first, second] = await Promise.all([web.call('pid'), socket.call(4, 'pid')]);
    expect(textOf(first)).not.toBe(pid);
    expect(textOf(second)).toBe(textOf(first));
    await eventually(async () => textOf(await web.call('subscribed')), JSON.stringify([URI]));
    const after = await web.listen(before.ids.at(-1));
    await socket.call(6, 'update', { uri: URI });
    const updated = { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: URI } };
    const heard: Json[] = [];
    while (!heard.some(({ method }) => method === updated.method)) heard.push(await after.next());
    expect(heard.at(-1)).toEqual(updated);
    const missing = heard.filter(({ method }) => method === 'notifications/switchboard/dropped');
    expect(missing.map(({ params }) => params)).toEqual(signal === 'SIGKILL' ? [{ count: 0, ...status }] : []);
    await socket.note(updated.method);
    const told = socket.notes.filter(({ method }) => method === 'notifications/switchboard/dropped');
    expect(told.map(({ params }) => params)).toEqual(signal === 'SIGKILL' ? [{ count: 0, ...status }] : []);
    expect(socket.isClosed).toBe(false);
    expect(socket.answers.map(({ id }) => id)).toEqual([0, 1, 2, 4, 6]);
    expect(await web.end()).toBe(204);
    expect((await web.call('pid'))['status']).toBe(404);
    socket.channel.close();
    after.destroy();
    board.now.child.kill('SIGKILL');
    await board.now.exit;
  });

  it('says at once what ends with its process, and fails what was under way, which runs once', async () => {
    const board = await newBoard();
    const web = await HttpClient.open(`http://${board.at('own')}`);
    const socket = await SocketClient.open(board.at('own'));
    const busy = await SocketClient.open(board.at('many'));
    // As clients did that say nothing of what they have sent.
    const terse = await WireClient.open(`ws://${board.at('many')}`, {}, ['mcp', 'mcp.r1']);
    terse.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    const { token } = (await terse.notification('switchboard/ws/session'))['params'] as { token: string };
    await terse.answer(0);
    await board.written(() => true, 2);
    const calling = busy.call(1, 'never');
    const waiting = await HttpClient.open(`http://${board.at('many')}`);
    const meta = { progressToken: 'p' };
    const body = toolCall(7, 'slow', { ms: 60_000, steps: 600 }, meta);
    const posted = await stream(waiting.url, { method: 'POST', headers: waiting.headers, body });
    await posted.next();
    await board.written((text) => text.includes('"open":[{"stream":"1","id":7}]'), 1);

    await board.again('SIGKILL');
    expect(await web.call('pid')).toMatchObject({ status: 404, error: { data: { code: 'SWB_SESSION_NOT_FOUND' } } });
    expect(await socket.closed).toContain('the server no longer knows the conversation');
    const back = await WireClient.open(`ws://${board.at('many')}`, {}, ['mcp', 'mcp.r1']);
    back.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token, h: 1 } });
    expect(await back.notification('switchboard/ws/lost')).toMatchObject({ params: {} });
    expect(await calling).toMatchObject({ error: { data: { code: 'SWB_CONNECTION_LOST' } } });
    expect(textOf(await busy.call(2, 'seen')).match(/never/g)).toBeNull();
    const rest = await waiting.listen(posted.ids.at(-1));
    await rest.closed;
    expect({ status: rest.status, last: rest.received.at(-1) }).toMatchObject({
      status: 200,
      last: { id: 7, error: { data: { code: 'SWB_CONNECTION_LOST' } } },
    });
    busy.channel.close();
    board.now.child.kill('SIGKILL');
    await board.now.exit;
  });
});
