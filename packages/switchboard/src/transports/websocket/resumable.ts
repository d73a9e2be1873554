/**
 * A channel that outlives its sockets. It lies below MCP: to whoever uses it, a conversation that is resumed in time was never
 * interrupted, and one that is not ends when the window does.
 *
 * Both ends are the same machine; who dials, and who waits to be dialled, is decided outside.
 */
import type { CloseName } from '../../protocol/close-codes.ts';
import { encodeMessage } from '../../protocol/jsonrpc.ts';
import type { Message } from '../../protocol/jsonrpc.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';
import type { WebSocketChannel } from './channel.ts';
import { ACK_AFTER_MS, ACK_EVERY, asControl, control } from './control.ts';
import type { ControlName } from './control.ts';
import { ResumeLog } from './resume-log.ts';
import type { ResumeLimits } from './resume-log.ts';

export interface ResumableOptions extends ResumeLimits {
  /** How long it may be without a socket, in ms. */
  windowMs: number;
  /** The socket was cut; somebody has to bring another within the window. */
  onAway(): void;
  /** It has ended for good. */
  onEnd(): void;
  /** A control message other than `ack`. */
  onControl(name: ControlName, params: Record<string, unknown>): void;
}

export class ResumableChannel implements Channel {
  readonly #options: ResumableOptions;
  readonly #log: ResumeLog;
  readonly #early: Message[] = [];
  #socket: WebSocketChannel | undefined;
  #handlers: ChannelHandlers | undefined;
  #sinceAck = 0;
  #ackTimer: NodeJS.Timeout | undefined;
  #window: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: ResumableOptions) {
    this.#options = options;
    this.#log = new ResumeLog(options);
  }

  get received(): number {
    return this.#log.received;
  }

  get ended(): boolean {
    return this.#ended;
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    for (const message of this.#early.splice(0)) handlers.onMessage(message);
  }

  send(message: Message): void {
    if (this.#ended) return;
    const encoded = encodeMessage(message);
    if (!this.#log.keep(encoded, this.#socket === undefined)) {
      this.close('overloaded', 'too much waits to be received by the other side');
      return;
    }
    this.#socket?.write(encoded);
  }

  /** Sends a control message, if there is a socket. */
  sendControl(name: ControlName, params: Record<string, unknown>): void {
    this.#socket?.send(control(name, params));
  }

  close(why: CloseName = 'normal', reason = 'closed'): void {
    if (this.#ended) return;
    this.#socket?.close(why, reason);
    this.#end(reason);
  }

  /** Speaks through this socket from now on. The socket is started by {@link ears}. */
  attach(socket: WebSocketChannel): void {
    const former = this.#socket;
    this.#socket = socket;
    clearTimeout(this.#window);
    former?.close('normal', 'the conversation goes on over another connection');
  }

  /**
   * The other side says how many messages it has received: what it has not is sent again.
   *
   * @returns whether that can be true.
   */
  replay(received: unknown): boolean {
    if (!this.#log.confirm(received)) return false;
    for (const message of this.#log.replay) this.#socket?.write(message);
    return true;
  }

  /** What a socket has to be started with. What comes from one that was replaced is not heard. */
  ears(socket: WebSocketChannel): ChannelHandlers {
    return {
      onMessage: (message) => {
        if (socket === this.#socket) this.#receive(message);
      },
      onBadMessage: (error) => {
        if (socket !== this.#socket) return;
        // It was sent as a message, and is counted as one, or the two counts would part.
        this.#log.countReceived();
        this.#handlers?.onBadMessage(error);
      },
      onClose: (reason, clean) => {
        if (socket !== this.#socket || this.#ended) return;
        this.#socket = undefined;
        if (clean === true) this.#end(reason);
        else this.#away(reason);
      },
    };
  }

  #receive(message: Message): void {
    const said = asControl(message);
    if (said !== undefined) {
      if (said.name === 'ack') this.#log.confirm(said.params['h']);
      else this.#options.onControl(said.name as ControlName, said.params);
      return;
    }
    this.#log.countReceived();
    this.#acknowledge();
    if (this.#handlers === undefined) this.#early.push(message);
    else this.#handlers.onMessage(message);
  }

  #acknowledge(): void {
    if (++this.#sinceAck >= ACK_EVERY) this.#sendAck();
    else this.#ackTimer ??= setTimeout(() => this.#sendAck(), ACK_AFTER_MS).unref();
  }

  #sendAck(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#sinceAck = 0;
    this.sendControl('ack', { h: this.#log.received });
  }

  #away(reason: string): void {
    this.#window = setTimeout(() => {
      this.#end(`${reason}, and was not resumed within ${this.#options.windowMs} ms`);
    }, this.#options.windowMs).unref();
    this.#options.onAway();
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#window);
    clearTimeout(this.#ackTimer);
    this.#options.onEnd();
    this.#handlers?.onClose(reason);
  }
}
