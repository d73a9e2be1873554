/**
 * A channel that outlives its sockets. It lies below MCP: to whoever uses it, a conversation that is resumed in time was never
 * interrupted, and one that is not ends when the window does.
 *
 * Both ends are the same machine; who dials, and who waits to be dialled, is decided outside.
 */
import { CLOSE_CODES } from '../../protocol/close-codes.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { encodeMessage, isRequest } from '../../protocol/jsonrpc.ts';
import type { JsonObject, Message, RpcId } from '../../protocol/jsonrpc.ts';
import type { Entry, Log } from '../../stores/store.ts';
import { owned } from '../../util/owned.ts';
import { unreffed } from '../../util/timers.ts';
import type { Channel, ChannelHandlers, Traffic } from '../channel.ts';
import type { WebSocketChannel, WebSocketHandlers } from './channel.ts';
import { ACK_AFTER_BYTES, ACK_AFTER_MS, ACK_EVERY, RESUMABLE, asControl, control } from './control.ts';
import type { ControlName } from './control.ts';
import { Outbox } from './outbox.ts';
import type { OutboxLimits } from './outbox.ts';
import { ResumeLog } from './resume-log.ts';

export interface ResumableOptions extends OutboxLimits {
  /** How long it may be without a socket, in ms. */
  windowMs: number;
  /** Whether more than may wait while there is no socket is refused; otherwise it ends the conversation. @default false */
  refuses?: boolean;
  /** Where messages are kept until the other side has confirmed them. */
  log: Log;
  /** The name under which another process can take it up. @default none can */
  keptAs?: string | undefined;
  /** How many messages had arrived when another process left it. @default 0 */
  received?: number;
  /** Whether it notes which requests are not answered, to say so when it resumes. @default false */
  notesRequests?: boolean;
  /** The socket was cut; somebody has to bring another within the window. */
  onAway(): void;
  /** It has ended for good. */
  onEnd(): void;
  /** It was left for another process. */
  onLeft?(): void;
  /** A control message other than `ack`. */
  onControl(name: ControlName, params: JsonObject): void;
}

/** A timer for longer would ring at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class ResumableChannel implements Channel {
  readonly #options: ResumableOptions;
  readonly #log: ResumeLog;
  readonly #outbox: Outbox;
  readonly #early: (() => void)[] = [];
  #windowMs: number;
  readonly #past: Traffic = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 };
  #socket: WebSocketChannel | undefined;
  /** Whether the other side has what it had not seen, so that new messages may follow. */
  #flowing = true;
  #handlers: ChannelHandlers | undefined;
  #sinceAck = 0;
  #bytesAtAck = 0;
  /** Whether one was due while the conversation was being taken up. */
  #owesAck = false;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  #window: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  /** Requests of this side that are not answered, where they are noted. */
  readonly #unanswered: Set<RpcId> = new Set();

  constructor(options: ResumableOptions) {
    this.#options = options;
    this.#windowMs = options.windowMs;
    this.#log = new ResumeLog(options.log, options.received);
    this.#outbox = new Outbox(options);
  }

  get protocol(): string {
    return RESUMABLE;
  }

  get received(): number {
    return this.#log.received;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get keptAs(): string | undefined {
    return this.#options.keptAs;
  }

  /**
   * What the other side needs to know where it lost a part of its memory: how many messages this side has sent, and which of its requests
   * among them are not answered.
   */
  get account(): { sent: number; open: RpcId[] } {
    const waiting = this.#outbox.requests;
    const open = [...this.#unanswered].filter((id) => typeof id !== 'bigint' && !waiting.includes(id));
    return { sent: this.#log.sent, open };
  }

  get isAway(): boolean {
    return this.#socket === undefined;
  }

  get traffic(): Traffic {
    const now = this.#socket?.traffic;
    const { messagesIn, messagesOut, bytesIn, bytesOut } = this.#past;
    return {
      ...now,
      messagesIn: messagesIn + (now?.messagesIn ?? 0),
      messagesOut: messagesOut + (now?.messagesOut ?? 0),
      bytesIn: bytesIn + (now?.bytesIn ?? 0),
      bytesOut: bytesOut + (now?.bytesOut ?? 0),
    };
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    for (const deliver of this.#early.splice(0)) deliver();
  }

  /** @throws {SwitchboardError} `SWB_OVERLOADED` where it {@link ResumableOptions.refuses}. */
  send(message: Message): void {
    this.#send(encodeMessage(message), message);
  }

  sendForeign(value: JsonObject): void {
    this.#send(JSON.stringify(value));
  }

  /** How long it may be without a socket, from the next cut on. */
  keepFor(windowMs: number): void {
    this.#windowMs = Math.min(windowMs, LONGEST_TIMER_MS);
  }

  /** Sends a control message, if there is a socket. */
  sendControl(name: ControlName, params: JsonObject): void {
    this.#socket?.write(encodeMessage(control(name, params)));
  }

  suspend(why: 'unauthorized', reason: string): void {
    this.#socket?.close(why, reason);
  }

  close(why: CloseName = 'normal', reason = 'closed'): void {
    if (this.#ended) return;
    this.#socket?.close(why, reason);
    this.#end(reason, true, CLOSE_CODES[why].code);
  }

  leave(reason: string): boolean {
    if (this.#ended || this.#options.keptAs === undefined) return false;
    // What waits goes to the log, as if it had been sent: the other side says that it has not got it.
    while (!this.#outbox.isEmpty) this.#log.keep(this.#outbox.shift()!);
    this.#options.onLeft?.();
    owned(
      () => this.#log.leave(),
      () => {},
    );
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.cut();
    this.#finish(reason, false);
    return true;
  }

  /**
   * Speaks through this socket from now on, which is started with {@link handlersFor}.
   *
   * @param resumes whether it takes the conversation up: then messages wait until {@link replay} has sent what the other side has
   * not seen.
   */
  attach(socket: WebSocketChannel, resumes: boolean): void {
    const former = this.#socket;
    this.#forget(former);
    this.#socket = socket;
    this.#bytesAtAck = 0;
    this.#flowing = !resumes;
    clearTimeout(this.#window);
    former?.close('normal', 'the conversation goes on over another connection');
  }

  /**
   * The other side says how many messages it has received: what it has not is sent again, and then what waits.
   *
   * @returns whether that can be true.
   */
  async replay(received: unknown): Promise<boolean> {
    if (!this.#log.confirm(received)) return false;
    const socket = this.#socket;
    const missing = this.#log.replay();
    const entries = missing instanceof Promise ? await missing : missing;
    if (socket === undefined || socket !== this.#socket) return true;
    for (const entry of entries) socket.write(entry);
    this.#flowing = true;
    if (this.#owesAck) this.#sendAck();
    this.#flush();
    return true;
  }

  /** What a socket has to be started with. What comes from one that was replaced is not heard. */
  handlersFor(socket: WebSocketChannel): WebSocketHandlers {
    const heard = (deliver: (handlers: ChannelHandlers) => void): void => {
      if (socket !== this.#socket) return;
      // Whatever was sent as a message is counted as one, or the two counts would part.
      this.#log.countReceived();
      this.#acknowledge(socket);
      if (this.#handlers === undefined) this.#early.push(() => deliver(this.#handlers!));
      else deliver(this.#handlers);
    };
    return {
      onMessage: (message) => {
        const said = asControl(message);
        if (this.#unanswered.size > 0 && isAnswer(message) && message.id !== undefined)
          this.#unanswered.delete(message.id);
        if (said === undefined) heard((handlers) => handlers.onMessage(message));
        else if (socket === this.#socket) this.#controlled(said.name, said.params);
      },
      onBatch: (parts) => heard((handlers) => handlers.onBatch?.(parts)),
      onBadMessage: (error, foreign) => heard((handlers) => handlers.onBadMessage(error, foreign)),
      onPing: () => {
        if (socket === this.#socket) this.#handlers?.onPing?.();
      },
      onDrain: () => this.#flush(),
      onClose: (reason, clean, code) => {
        if (socket !== this.#socket || this.#ended) return;
        this.#forget(socket);
        this.#socket = undefined;
        // Who comes back with a newer token goes on where it was.
        if (clean === true && code !== CLOSE_CODES.unauthorized.code) this.#end(reason, true, code);
        else this.#away(reason);
      },
    };
  }

  #send(encoded: Entry, message?: Message): void {
    if (this.#ended) return;
    if (this.#options.notesRequests === true && message !== undefined) this.#note(message);
    if (this.#outbox.isEmpty && this.#canWrite()) {
      this.#write(encoded);
      return;
    }
    const outbox = this.#outbox;
    if (
      this.#options.refuses === true &&
      !this.#flowing &&
      !(message !== undefined && isAnswer(message)) &&
      !outbox.fits(encoded)
    ) {
      throw tooMuchWaits(this.#options);
    }
    outbox.add(encoded, this.#flowing, message);
    const isOver = (): boolean => outbox.tooBig || (outbox.tooMany && this.#socket?.isStuck !== false);
    // Who reads slowly is dealt with by its reading; who is away is told afterwards what could not be kept.
    while (isOver() && !this.#flowing && outbox.dropOldest());
    if (isOver()) this.close('overloaded', 'too much waits to be received by the other side');
  }

  #note(message: Message): void {
    if (isRequest(message)) this.#unanswered.add(message.id);
    else if ('method' in message && message.method === 'notifications/cancelled')
      this.#unanswered.delete(message.params?.['requestId'] as RpcId);
  }

  #canWrite(): boolean {
    const { keptAs, maxBytes, maxMessages } = this.#options;
    // Half of what may be kept is left for a peer that reads but has not confirmed yet.
    if (this.#log.bytes > maxBytes / 2) return false;
    // For one that is away the log is where another process finds it.
    if (this.#socket === undefined) return keptAs !== undefined && this.#log.size < maxMessages / 2;
    return this.#flowing && !this.#socket.isFull;
  }

  #write(encoded: Entry): void {
    this.#log.keep(encoded);
    this.#socket?.write(encoded);
  }

  #flush(): void {
    while (!this.#outbox.isEmpty && this.#canWrite()) this.#write(this.#outbox.shift()!);
  }

  #controlled(name: string, params: JsonObject): void {
    if (name !== 'ack') {
      this.#options.onControl(name as ControlName, params);
      return;
    }
    this.#log.confirm(params['h']);
    this.#flush();
  }

  #acknowledge(socket: WebSocketChannel): void {
    const isDue = ++this.#sinceAck >= ACK_EVERY || socket.traffic.bytesIn - this.#bytesAtAck >= ACK_AFTER_BYTES;
    if (isDue) this.#sendAck();
    else this.#ackTimer ??= unreffed(setTimeout(() => this.#sendAck(), ACK_AFTER_MS));
  }

  #sendAck(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#sinceAck = 0;
    this.#bytesAtAck = this.#socket?.traffic.bytesIn ?? 0;
    // Whoever takes a conversation up says nothing more before it is answered.
    this.#owesAck = !this.#flowing;
    if (this.#flowing) this.sendControl('ack', { h: this.#log.received });
  }

  #away(reason: string): void {
    this.#flowing = false;
    this.#window = unreffed(
      setTimeout(() => {
        this.#end(`${reason}, and was not resumed within ${this.#windowMs} ms`);
      }, this.#windowMs),
    );
    this.#options.onAway();
  }

  /** What passed through a socket that is gone still counts. */
  #forget(socket: WebSocketChannel | undefined): void {
    if (socket === undefined) return;
    for (const name of ['messagesIn', 'messagesOut', 'bytesIn', 'bytesOut'] as const) {
      this.#past[name] += socket.traffic[name];
    }
  }

  #end(reason: string, clean?: boolean, code?: number): void {
    if (this.#ended) return;
    this.#log.end();
    this.#options.onEnd();
    this.#finish(reason, clean, code);
  }

  #finish(reason: string, clean?: boolean, code?: number): void {
    this.#ended = true;
    clearTimeout(this.#window);
    clearTimeout(this.#ackTimer);
    this.#outbox.clear();
    this.#handlers?.onClose(reason, clean, code);
  }
}

const isAnswer = (message: Message): message is Exclude<Message, { method: string }> => !('method' in message);

/** What is said of a message that cannot wait for the connection to come back. */
export function tooMuchWaits({ maxMessages, maxBytes }: OutboxLimits): SwitchboardError {
  const detail = `as much as may, ${maxMessages} messages or ${maxBytes} bytes, waits for the connection to come back`;
  return new SwitchboardError('SWB_OVERLOADED', { detail });
}
