import { WebSocket } from 'ws';

import { CLOSE_MS, OPEN_MS } from './connection.ts';
import type { Dial } from './connection.ts';
import type { Tls } from './tls.ts';

const MAX_MESSAGE_BYTES = 512 * 1024 * 1024;

/** Connections over WebSocket: one socket a client, one message a text frame, subprotocol `mcp`. */
export function websocketDial(url: URL, headers: Readonly<Record<string, string>>, tls?: Tls): Dial {
  return async (events) => {
    const socket = new WebSocket(url, ['mcp'], {
      ...tls,
      headers,
      handshakeTimeout: OPEN_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      skipUTF8Validation: true,
      followRedirects: false,
    });
    let over = false;
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', (error: NodeJS.ErrnoException) => reject(new Error(reasonOf(error))));
    });
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => {
      if (!over) events.message(data.toString());
    });
    socket.on('close', (code) => {
      if (!over) events.ended(`closed ${code}`);
      over = true;
    });
    return {
      send: (text) => socket.send(text, () => {}),
      close: () => {
        over = true;
        socket.resume();
        return new Promise((resolve) => {
          const timer = setTimeout(() => socket.terminate(), CLOSE_MS);
          socket.once('close', () => {
            clearTimeout(timer);
            resolve();
          });
          if (socket.readyState === WebSocket.CLOSED) {
            clearTimeout(timer);
            resolve();
          } else socket.close(1000);
        });
      },
      cut: () => {
        over = true;
        socket.terminate();
      },
      pause: () => socket.pause(),
      resume: () => socket.resume(),
    };
  };
}

/** `ws` puts the status of a refused upgrade into the message only. */
const reasonOf = ({ code, message }: NodeJS.ErrnoException): string =>
  /response: (\d{3})/.exec(message)?.[1]?.replace(/^/, 'HTTP ') ?? code ?? message;
