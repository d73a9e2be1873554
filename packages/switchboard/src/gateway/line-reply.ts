/** An answer between nodes: messages as they come, each a line of JSON. */
import type { ServerResponse } from 'node:http';

import type { SwitchboardError } from '../protocol/errors.ts';
import { encodeMessage } from '../protocol/jsonrpc.ts';
import type { Message } from '../protocol/jsonrpc.ts';
import { sendError } from '../transports/http/reply.ts';
import { Backlog } from '../util/backlog.ts';

const HEADERS = { 'content-type': 'application/x-ndjson' } as const;
const NEWLINE = Buffer.from('\n');

export class LineReply {
  readonly #response: ServerResponse;
  readonly #backlog: Backlog;

  /** @param maxQueueBytes how much may wait for a node that does not read, beside the largest message; more cuts the answer. */
  constructor(response: ServerResponse, maxQueueBytes: number) {
    this.#response = response;
    this.#backlog = new Backlog(maxQueueBytes);
  }

  /** Does nothing once the other node has hung up. */
  send(message: Message): void {
    this.#write(lineOf(message), false);
  }

  /** Sends something else than a message. */
  sendOther(value: object): void {
    this.#write(`${JSON.stringify(value)}\n`, false);
  }

  /** @param message the last one. */
  end(message?: Message): void {
    if (message === undefined) this.#response.end();
    else this.#write(lineOf(message), true);
  }

  /** Says instead of an answer why there is none. Nothing of it may have been sent. */
  refuse(error: SwitchboardError): void {
    sendError(this.#response, error);
  }

  /** Gives it up where it has no end yet. */
  cut(): void {
    if (!this.#response.writableEnded) this.#response.destroy();
  }

  /** @param listener called when it is over, in whatever way. */
  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  #write(line: string | Buffer, isLast: boolean): void {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) return;
    if (this.#backlog.isFull(response.writableLength)) {
      response.destroy();
      return;
    }
    this.#backlog.add(line.length);
    if (!response.headersSent) response.writeHead(200, HEADERS);
    if (isLast) response.end(line);
    else response.write(line);
  }
}

function lineOf(message: Message): string | Buffer {
  const encoded = encodeMessage(message);
  return typeof encoded === 'string' ? `${encoded}\n` : Buffer.concat([encoded, NEWLINE]);
}
