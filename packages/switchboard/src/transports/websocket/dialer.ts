/** The client's side of resume: dials again when the socket was cut, and takes the conversation up where it was. */
import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { textOf } from '../../protocol/jsonrpc.ts';
import { MemoryLog } from '../../stores/memory-log.ts';
import { backoffMs } from '../../util/backoff.ts';
import { owned } from '../../util/owned.ts';
import { isRefusal } from '../failure.ts';
import type { Channel } from '../channel.ts';
import { WebSocketChannel } from './channel.ts';
import type { WebSocketLimits } from './channel.ts';
import { RESUMABLE, control } from './control.ts';
import { ResumableChannel } from './resumable.ts';
import type { Socket } from './socket.ts';

export interface DialerOptions extends WebSocketLimits {
  /** How long to try to come back, where the server has not told its own window, in ms. */
  resumeWindowMs: number;
  /** Whether more than may wait is refused while the connection is away; otherwise it ends the conversation. @default false */
  refuses?: boolean;
  /** Opens a socket to the server. Rejects with a {@link SwitchboardError}. */
  dial(): Promise<Socket>;
  /** The socket was cut, and is dialled again after this wait. */
  onAway?(waitMs: number): void;
  /** The conversation goes on. */
  onResumed?(): void;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5000;

/** Connects, and where the server can do it, stays connected: a socket that was cut is replaced, and nothing is lost or doubled. */
export async function connectSocket(options: DialerOptions): Promise<Channel> {
  const first = new WebSocketChannel(await options.dial(), options);
  return first.protocol === RESUMABLE ? resumable(first, options) : first;
}

function resumable(first: WebSocketChannel, options: DialerOptions): Channel {
  let token: string | undefined;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const channel: ResumableChannel = new ResumableChannel({
    windowMs: options.resumeWindowMs,
    maxMessages: options.maxQueueMessages,
    maxBytes: options.maxQueueBytes,
    refuses: options.refuses ?? false,
    notesRequests: true,
    log: new MemoryLog(),
    onAway: () => redial(),
    onEnd: () => clearTimeout(timer),
    onControl(name, params) {
      if (name === 'session' || name === 'resumed') token = textOf(params['token']);
      const { windowMs } = params;
      if (name === 'session' && typeof windowMs === 'number' && windowMs > 0) channel.keepFor(windowMs);
      if (name === 'resumed') owned(() => takeUp(params['h']), failed);
      if (name === 'lost') channel.close('restart', 'the server no longer knows the conversation');
    },
  });

  const failed = (): void => channel.close('restart', 'the conversation cannot be taken up');

  async function takeUp(received: unknown): Promise<void> {
    failures = 0;
    if (!(await channel.replay(received))) {
      channel.close('protocol', 'the number of received messages cannot be true');
      return;
    }
    options.onResumed?.();
  }

  function redial(): void {
    if (token === undefined) {
      channel.close('restart', 'the connection was cut before it could be resumed');
      return;
    }
    const waitMs = backoffMs(++failures, { firstMs: FIRST_WAIT_MS, maxMs: LONGEST_WAIT_MS });
    options.onAway?.(waitMs);
    timer = setTimeout(() => owned(dialOnce, failed), waitMs);
  }

  async function dialOnce(): Promise<void> {
    let socket: WebSocketChannel;
    try {
      socket = new WebSocketChannel(await options.dial(), options);
      if (socket.protocol !== RESUMABLE) {
        socket.close();
        throw new SwitchboardError('SWB_CONNECT_FAILED', { detail: 'the server cannot resume any more' });
      }
    } catch (error) {
      if (channel.ended) return;
      // What the server says to the next attempt is told then.
      if (isRefusal(error)) channel.close('restart', asSwitchboardError(error).message);
      else redial();
      return;
    }
    if (channel.ended) {
      socket.close();
      return;
    }
    channel.attach(socket, true);
    socket.start(channel.handlersFor(socket));
    socket.write(JSON.stringify(control('resume', { token, h: channel.received, ...channel.account })));
  }

  channel.attach(first, false);
  first.start(channel.handlersFor(first));
  // Any first message tells the server that this is a new conversation; without one, who only listens would not be there for it.
  channel.sendControl('ack', { h: 0 });
  return channel;
}
