/** A channel over one WebSocket, either side: one message in each text frame (PROTOCOL.md, "Framing"). */
import { isBatch, parseBatch } from '../../protocol/batch.ts';
import type { BatchPart } from '../../protocol/batch.ts';
import { CLOSE_CODES } from '../../protocol/close-codes.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { asSwitchboardError } from '../../protocol/errors.ts';
import { asForeign, encodeMessage, parseMessage } from '../../protocol/jsonrpc.ts';
import type { JsonObject, Message } from '../../protocol/jsonrpc.ts';
import type { Entry } from '../../stores/store.ts';
import { Backlog } from '../../util/backlog.ts';
import { unreffed } from '../../util/timers.ts';
import type { Channel, ChannelHandlers, Traffic } from '../channel.ts';
import { Outbox } from './outbox.ts';
import type { Socket } from './socket.ts';

export interface WebSocketLimits {
  /** How many messages may wait for a peer that reads none of them. */
  maxQueueMessages: number;
  /** How many bytes may wait for it. */
  maxQueueBytes: number;
  /** How often a ping is sent, in ms; a peer that is not heard within four fifths of that, and 1 s at least, is gone. */
  pingIntervalMs: number;
}

interface ChannelLimits extends WebSocketLimits {
  /** The largest message that is taken, in bytes, where that is less than what the socket takes. */
  maxMessageBytes?: number;
  /** Reads a large message from its bytes. @default it becomes text, and is parsed */
  readLarge?: ((bytes: Buffer) => Message) | undefined;
}

export interface WebSocketHandlers extends ChannelHandlers {
  /** What had filled the socket has left. */
  onDrain?(): void;
  /** Takes every text message as it is, in place of `onMessage` and `onBadMessage`. */
  onText?(text: string): void;
}

/** A close reason must fit a control frame (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;
/** So much of the time between two pings may pass until something is heard, and no less than so many ms. */
const PATIENCE = { share: 0.8, leastMs: 1000 } as const;
/** The code that a socket has which ended without a close frame (RFC 6455, section 7.4.1). */
const ABNORMAL = 1006;
/** How long a full queue may go without losing a message before its reader counts as one that does not read. */
const STUCK_MS = 1000;
/** So much is handed to the socket ahead of its reader; the rest waits where it can still be replaced by something newer. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** A timer for longer would ring at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const SLOW = 'the client reads too slowly: its send queue is full';

export class WebSocketChannel implements Channel {
  readonly #socket: Socket;
  readonly #limits: ChannelLimits;
  readonly #highWater: number;
  readonly #outbox: Outbox;
  readonly #backlog: Backlog;
  readonly traffic: Traffic = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 };
  #lastSentAt = 0;
  #queued = 0;
  #wasFull = false;
  /** Runs out when nothing is heard after a ping. */
  #patience: ReturnType<typeof setTimeout> | undefined;
  #pingedAt: number | undefined;
  #closing = false;
  /** Why this side closed; a page may not say it, and the peer need not repeat it. */
  #own: { code: number; reason: string } | undefined;
  #handlers: WebSocketHandlers | undefined;

  constructor(socket: Socket, limits: ChannelLimits) {
    const { maxQueueMessages, maxQueueBytes } = limits;
    this.#socket = socket;
    this.#limits = limits;
    this.#highWater = Math.min(HIGH_WATER_BYTES, maxQueueBytes / 2);
    this.#outbox = new Outbox({ maxMessages: maxQueueMessages, maxBytes: maxQueueBytes });
    this.#backlog = new Backlog(maxQueueBytes);
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Whether so much waits to leave that more had better wait elsewhere. */
  get isFull(): boolean {
    const full = this.#socket.bufferedBytes > this.#highWater;
    this.#wasFull ||= full;
    return full;
  }

  get maxQueueBytes(): number {
    return this.#limits.maxQueueBytes;
  }

  /** Whether the peer has read nothing for a while of what waits for it. */
  get isStuck(): boolean {
    return this.#queued > 0 && Date.now() - this.#lastSentAt > STUCK_MS;
  }

  start(handlers: WebSocketHandlers): void {
    this.#handlers = handlers;
    const pinger = unreffed(setInterval(() => this.#ping(), this.#limits.pingIntervalMs));
    this.#socket.listen({
      onText: (text, bytes) => this.#read(text, bytes),
      ...(this.#limits.readLarge !== undefined && { onLargeText: (bytes) => this.#read(bytes, bytes.length) }),
      onBinary: () => this.close('binary', 'MCP messages are text'),
      onPing: () => {
        this.#heard(false);
        handlers.onPing?.();
      },
      onPong: () => this.#heard(true),
      onSent: (count) => this.#sent(count),
      onRefused: (why, what) => {
        const reason = why === 'tooBig' ? this.#tooBig() : what;
        this.#own ??= { code: CLOSE_CODES[why].code, reason };
      },
      onClose: (theirCode, theirReason) => {
        clearInterval(pinger);
        clearTimeout(this.#patience);
        this.#closing = true;
        this.#outbox.clear();
        const { code, reason } = this.#own ?? { code: theirCode, reason: theirReason };
        const how = reason === '' ? `the socket closed (${code})` : `the socket closed (${code}: ${reason})`;
        handlers.onClose(how, code !== ABNORMAL, code);
      },
    });
  }

  send(message: Message): void {
    this.sendText(encodeMessage(message), message);
  }

  sendForeign(value: JsonObject): void {
    this.sendText(JSON.stringify(value));
  }

  /** @param message what the text says, where that is an MCP message. */
  sendText(text: Entry, message?: Message): void {
    if (this.#closing) return;
    if (this.#outbox.isEmpty && !this.isFull) {
      this.write(text);
      return;
    }
    const tooBig = this.#backlog.isFull(this.#outbox.bytes + this.#socket.bufferedBytes);
    this.#backlog.add(text.length);
    this.#outbox.add(text, true, message);
    const tooMany = this.#outbox.tooMany && this.isStuck;
    if (tooMany || tooBig) this.close('overloaded', SLOW);
  }

  /** Sends text now, past everything that waits. */
  write(text: Entry): void {
    if (this.#closing || !this.#socket.isOpen) return;
    // Many messages may wait in a burst; a reader is slow when they do and none has left for a while.
    const tooMany = this.#queued >= this.#limits.maxQueueMessages && this.isStuck;
    if (tooMany || this.#backlog.isFull(this.#outbox.bytes + this.#socket.bufferedBytes)) {
      this.close('overloaded', SLOW);
      return;
    }
    this.#backlog.add(text.length);
    if (this.#queued++ === 0) this.#lastSentAt = Date.now();
    this.traffic.messagesOut++;
    this.traffic.bytesOut += text.length;
    this.#socket.write(text);
  }

  close(why: CloseName = 'normal', reason = ''): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#own = { code: CLOSE_CODES[why].code, reason };
    this.#socket.close(this.#own.code, fitReason(reason));
  }

  /** Ends the socket without a word, so that the peer takes it for cut. */
  cut(): void {
    this.#closing = true;
    this.#socket.cut();
  }

  #read(text: string | Buffer, bytes: number): void {
    if (this.#closing) return;
    this.#heard(false);
    this.traffic.messagesIn++;
    this.traffic.bytesIn += bytes;
    if (bytes > (this.#limits.maxMessageBytes ?? Infinity)) {
      this.close('tooBig', this.#tooBig(bytes));
      return;
    }
    if (this.#handlers?.onText !== undefined) {
      this.#handlers.onText(text.toString());
      return;
    }
    let message: Message | undefined;
    let batch: BatchPart[] = [];
    try {
      if (this.#handlers?.onBatch !== undefined && isBatch(text)) batch = parseBatch(text.toString());
      else message = typeof text === 'string' ? parseMessage(text) : this.#limits.readLarge!(text);
    } catch (error) {
      this.#handlers?.onBadMessage(asSwitchboardError(error), asForeign(text.toString()));
      return;
    }
    if (message === undefined) this.#handlers?.onBatch?.(batch);
    else this.#handlers?.onMessage(message);
  }

  /** @param bytes how many came, where that is known. */
  #tooBig(bytes?: number): string {
    const what = bytes === undefined ? 'a message' : `a message of ${bytes} bytes`;
    return `too big: ${what} is over the limit of ${this.#limits.maxMessageBytes} bytes`;
  }

  #sent(count: number): void {
    this.#queued -= count;
    this.#lastSentAt = Date.now();
    if (!this.#wasFull || this.isFull) return;
    this.#wasFull = false;
    while (!this.#outbox.isEmpty && !this.isFull) this.write(this.#outbox.shift()!);
    this.#handlers?.onDrain?.();
  }

  #heard(isPong: boolean): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    if (!isPong || this.#pingedAt === undefined) return;
    this.traffic.latencyMs = performance.now() - this.#pingedAt;
    this.#pingedAt = undefined;
  }

  #ping(): void {
    if (this.#socket.ping === undefined) return;
    if (this.#patience === undefined) this.#waitForSign();
    if (!this.#socket.isOpen) return;
    this.#pingedAt = performance.now();
    this.#socket.ping();
  }

  #waitForSign(): void {
    const unread = (): number => this.#socket.unreadBytes ?? this.#socket.bufferedBytes;
    const waiting = unread();
    const run = (): void => {
      this.#patience = undefined;
      // One that reads cannot answer before it has read what stands before the ping.
      if (unread() < waiting) this.#waitForSign();
      else this.#socket.cut();
    };
    const ms = Math.max(PATIENCE.leastMs, this.#limits.pingIntervalMs * PATIENCE.share);
    this.#patience = unreffed(setTimeout(run, Math.min(ms, LONGEST_TIMER_MS)));
  }
}

/** Cuts at a character, not inside one. */
function fitReason(reason: string): string {
  const bytes = new TextEncoder().encode(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  let end = MAX_REASON_BYTES;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}
