/** The client's side of resume: dials again when the socket was cut, and takes the conversation up where it was. */
import { backoffMs } from '../../util/backoff.ts';
import type { Channel } from '../channel.ts';
import type { WebSocketChannel } from './channel.ts';
import { control } from './control.ts';
import { ResumableChannel } from './resumable.ts';
import type { ResumeLimits } from './resume-log.ts';

export interface DialerOptions extends ResumeLimits {
  /** Used until the server has told its own window, in ms. */
  windowMs: number;
  /** Opens another socket of the same kind. */
  dial(): Promise<WebSocketChannel>;
}

/** Makes a conversation over a socket that selected the resumable subprotocol. */
export function resumable(first: WebSocketChannel, options: DialerOptions): Channel {
  let token: string | undefined;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  const channel: ResumableChannel = new ResumableChannel({
    windowMs: options.windowMs,
    maxMessages: options.maxMessages,
    maxBytes: options.maxBytes,
    onAway: () => redial(),
    onEnd: () => clearTimeout(timer),
    onControl(name, params) {
      if (name === 'session' || name === 'resumed') token = String(params['token']);
      if (name === 'resumed') {
        failures = 0;
        if (!channel.replay(params['h'])) channel.close('protocol', 'the number of received messages cannot be true');
      }
      if (name === 'lost') channel.close('normal', 'the server no longer knows the conversation');
    },
  });

  function redial(): void {
    if (token === undefined) {
      channel.close('normal', 'the connection was cut before it could be resumed');
      return;
    }
    timer = setTimeout(() => void dialOnce(), backoffMs(failures, { firstMs: 50, maxMs: 5000 }));
    failures++;
  }

  async function dialOnce(): Promise<void> {
    let socket: WebSocketChannel;
    try {
      socket = await options.dial();
    } catch {
      if (!channel.ended) redial();
      return;
    }
    if (channel.ended) {
      socket.close();
      return;
    }
    channel.attach(socket);
    socket.start(channel.ears(socket));
    socket.send(control('resume', { token, h: channel.received }));
  }

  channel.attach(first);
  first.start(channel.ears(first));
  return channel;
}
