/** The bytes on the TCP connections of clients, read from the sockets when somebody asks: nothing is counted message by message. */
import type { Socket } from 'node:net';

export class Traffic {
  readonly #open: Set<Socket> = new Set();
  #closedIn = 0;
  #closedOut = 0;

  watch(socket: Socket): void {
    if (this.#open.has(socket)) return;
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#closedIn += socket.bytesRead;
      this.#closedOut += socket.bytesWritten;
    });
  }

  /** Since the start, and what waits for clients that have not read it yet. */
  get bytes(): { bytesIn: number; bytesOut: number; queuedBytes: number } {
    let [bytesIn, bytesOut, queuedBytes] = [this.#closedIn, this.#closedOut, 0];
    for (const { bytesRead, bytesWritten, writableLength } of this.#open) {
      bytesIn += bytesRead;
      bytesOut += bytesWritten;
      queuedBytes += writableLength;
    }
    return { bytesIn, bytesOut, queuedBytes };
  }
}
