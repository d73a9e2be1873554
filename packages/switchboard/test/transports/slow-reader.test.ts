/** What is done with a peer that reads slowly, on a socket whose every byte the test lets out. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import type { Message } from '../../src/protocol/jsonrpc.ts';
import { WebSocketChannel } from '../../src/transports/websocket/channel.ts';
import type { Socket, SocketHandlers } from '../../src/transports/websocket/socket.ts';
import type { Json } from '../support/wire.ts';

/** Keeps what was written until it is let out. */
class Tap implements Socket {
  readonly protocol = 'mcp';
  readonly written: string[] = [];
  isOpen = true;
  closed: [number, string] | undefined;
  #handlers: SocketHandlers | undefined;
  #held: string[] = [];

  get bufferedBytes(): number {
    return this.#held.reduce((sum, text) => sum + text.length, 0);
  }

  listen(handlers: SocketHandlers): void {
    this.#handlers = handlers;
  }

  write(text: string | Uint8Array): void {
    this.#held.push(String(text));
  }

  close(code: number, reason: string): void {
    this.closed = [code, reason];
  }

  pings = 0;

  ping(): void {
    this.pings++;
  }

  pong(): void {
    this.#handlers?.onPong();
  }

  cut(): void {
    this.isOpen = false;
  }

  /** The peer reads all that waits. */
  drain(): Json[] {
    while (this.#held.length > 0) {
      this.written.push(this.#held.shift()!);
      this.#handlers?.onSent(1);
    }
    return this.written.splice(0).map((text) => JSON.parse(text) as Json);
  }
}

function open(limits: { maxQueueMessages?: number; maxQueueBytes?: number } = {}): {
  tap: Tap;
  channel: WebSocketChannel;
} {
  const tap = new Tap();
  const channel = new WebSocketChannel(tap, {
    maxQueueMessages: 1000,
    maxQueueBytes: 2000,
    pingIntervalMs: 60_000,
    ...limits,
  });
  channel.start({ onMessage: () => {}, onBadMessage: () => {}, onClose: () => {} });
  return { tap, channel };
}

const progress = (token: unknown, n: number): Message => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: token, progress: n },
});
const log = (n: number): Message => ({ jsonrpc: '2.0', method: 'notifications/message', params: { data: n } });
const answer = (id: number, bytes = 10): Message => ({ jsonrpc: '2.0', id, result: { text: 'x'.repeat(bytes) } });
const changed = (method: string, uri?: string): Message => ({
  jsonrpc: '2.0',
  method: `notifications/${method}`,
  ...(uri !== undefined && { params: { uri } }),
});

describe('a peer that reads slowly', () => {
  it('gets every answer in order, the last progress note of each token, and each change once', () => {
    const { tap, channel } = open({ maxQueueBytes: 4000 });
    channel.send(answer(1, 2500));
    for (let n = 1; n <= 50; n++) {
      channel.send(progress('1', n));
      channel.send(progress(1, n));
    }
    channel.send(answer(2));
    channel.send(changed('resources/updated', 'a'));
    channel.send(changed('resources/updated', 'b'));
    channel.send(changed('tools/list_changed'));
    channel.send(changed('resources/updated', 'a'));
    channel.send(changed('tools/list_changed'));
    channel.send(answer(3));
    expect(tap.drain()).toMatchObject([
      { id: 1 },
      { params: { progressToken: '1', progress: 50 } },
      { params: { progressToken: 1, progress: 50 } },
      { id: 2 },
      { params: { uri: 'a' } },
      { params: { uri: 'b' } },
      { method: 'notifications/tools/list_changed' },
      { id: 3 },
    ]);
    channel.send(answer(4));
    expect(tap.drain()).toMatchObject([{ id: 4 }]);
    expect(tap.closed).toBeUndefined();
  });

  it('gets the newest hundred log messages, and is told how many were left out', () => {
    const { tap, channel } = open({ maxQueueBytes: 100_000 });
    channel.send(answer(1, 60_000));
    for (let n = 1; n <= 130; n++) channel.send(log(n));
    const [first, told, ...logs] = tap.drain();
    expect(first).toMatchObject({ id: 1 });
    expect(told).toEqual({ jsonrpc: '2.0', method: 'notifications/switchboard/dropped', params: { count: 30 } });
    expect(logs.map(({ params }) => (params as Json)['data'])).toEqual(Array.from({ length: 100 }, (_, n) => n + 31));
  });

  it('is closed with 1013 when more waits than may', () => {
    const { tap, channel } = open();
    channel.send(answer(1, 1500));
    channel.send(answer(2, 1500));
    channel.send(answer(3, 800));
    expect(tap.closed).toBeUndefined();
    channel.send(answer(4, 400));
    expect(tap.closed).toMatchObject([1013, expect.stringContaining('reads too slowly')]);
    channel.send(answer(5));
    expect(tap.drain()).toMatchObject([{ id: 1 }]);
  });
});

describe('a peer that is pinged', () => {
  const start = (): Tap => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const tap = new Tap();
    const channel = new WebSocketChannel(tap, { maxQueueMessages: 10, maxQueueBytes: 2000, pingIntervalMs: 25_000 });
    channel.start({ onMessage: () => {}, onBadMessage: () => {}, onClose: () => {} });
    channel.send(answer(1, 1000));
    return tap;
  };

  it('and is dead is cut 45 s after its last word', async () => {
    const tap = start();
    await vi.advanceTimersByTimeAsync(25_000);
    tap.pong();
    await vi.advanceTimersByTimeAsync(44_999);
    expect([tap.pings, tap.isOpen]).toEqual([2, true]);
    await vi.advanceTimersByTimeAsync(1);
    expect(tap.isOpen).toBe(false);
  });

  it('and reads is given the time to read what stands before the ping', async () => {
    const tap = start();
    await vi.advanceTimersByTimeAsync(25_000);
    tap.drain();
    await vi.advanceTimersByTimeAsync(39_999);
    expect(tap.isOpen).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(tap.isOpen).toBe(false);
  });
});

describe('one message that is larger than all that may wait', () => {
  it('is sent, and so is what follows it; what follows beyond the limit is too much', () => {
    const { tap, channel } = open({ maxQueueBytes: 2000 });
    channel.send(answer(1, 50_000));
    channel.send(answer(2, 1000));
    channel.send(answer(3, 20));
    expect(tap.closed).toBeUndefined();
    expect(tap.drain().map(({ id }) => id)).toEqual([1, 2, 3]);
    channel.send(answer(4, 50_000));
    for (let id = 5; id < 9; id++) channel.send(answer(id, 1000));
    expect(tap.closed?.[0]).toBe(1013);
  });
});
