/**
 * The session of the first request on a connection, seen before HTTP reads it. Processes that share a port are handed connections before
 * anybody knows which of them has the session; as long as nothing was taken from a connection, it can be passed on as it came.
 */
import type { Socket } from 'node:net';

import { HTTP_LIMITS } from './limits.ts';

const SESSION = /\r\nmcp-session-id:[ \t]*([\x21-\x7e]+)[ \t]*\r\n/i;
const END_OF_HEAD = '\r\n\r\n';

export class FirstRequests {
  readonly #waiting: Set<Socket> = new Set();

  /**
   * Calls back once, when something has come, which is still to be read then. What says nothing for as long as a head may take is cut.
   *
   * @param onSession with the session that the first bytes name; without one where they name none, or break off before they do.
   */
  await(socket: Socket, onSession: (session: string | undefined) => void): void {
    const cut = (): void => void socket.destroy();
    const onReadable = (): void => {
      leave();
      const read = socket.read() as Buffer | null;
      if (read !== null) socket.unshift(read);
      onSession(read === null ? undefined : sessionIn(read));
    };
    const leave = (): void => {
      this.#waiting.delete(socket);
      socket.setTimeout(0, cut);
      socket.off('timeout', cut).off('readable', onReadable).off('error', cut).off('close', leave);
    };
    this.#waiting.add(socket);
    socket.setTimeout(HTTP_LIMITS.headMs, cut);
    socket.on('readable', onReadable).on('error', cut).on('close', leave);
  }

  /** Cuts those of which nothing has come. */
  close(): void {
    for (const socket of this.#waiting) socket.destroy();
  }
}

function sessionIn(read: Buffer): string | undefined {
  const end = read.indexOf(END_OF_HEAD);
  const head = read.toString('latin1', 0, end === -1 ? HTTP_LIMITS.headBytes : end + 2);
  return SESSION.exec(head)?.[1];
}
