/** A channel over a pair of byte streams: a child's stdout and stdin, or this process's own stdin and stdout. */
import type { Readable, Writable } from 'node:stream';

import { isBatch, parseBatch } from '../../protocol/batch.ts';
import type { BatchPart } from '../../protocol/batch.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { parseMessage, stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message } from '../../protocol/jsonrpc.ts';
import { LazyResult } from '../../protocol/lazy-result.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';
import { LineSplitter } from './lines.ts';

/** From this size on an answer is handed on unparsed where that can be done. */
const LAZY_BYTES = 32 * 1024;

export interface PipeLimits {
  /** The longest incoming message in bytes. */
  maxMessageBytes: number;
  /** How many outgoing bytes may wait for a peer that does not read; beyond, the channel closes. */
  maxQueueBytes: number;
}

export class PipeChannel implements Channel {
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #limits: PipeLimits;
  #handlers: ChannelHandlers | undefined;
  #closed = false;
  #closedFor: CloseName | undefined;
  /** Messages of this turn of the event loop: joined into one write, which is far faster than one write each. */
  #batch: string[] = [];
  #batchBytes = 0;

  constructor(input: Readable, output: Writable, limits: PipeLimits) {
    this.#input = input;
    this.#output = output;
    this.#limits = limits;
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    const { maxMessageBytes } = this.#limits;
    const lines = new LineSplitter(
      maxMessageBytes,
      (line) => this.#read(line),
      (bytes) =>
        handlers.onBadMessage(
          new SwitchboardError('SWB_MESSAGE_TOO_LARGE', {
            detail: `more than ${bytes} bytes, the limit is ${maxMessageBytes}`,
          }),
        ),
    );
    this.#input.on('data', (chunk: Buffer) => this.#closed || lines.push(chunk));
    this.#input.once('end', () => this.close(undefined, 'the input ended'));
    this.#input.once('error', (error) => this.close(undefined, error.message));
    this.#input.once('close', () => this.close(undefined, 'the input closed'));
    // A peer that died shows up as EPIPE here; without a listener it would end this process.
    this.#output.on('error', (error) => this.close(undefined, error.message));
  }

  /** Why it was closed, where it closed itself. */
  get closedFor(): CloseName | undefined {
    return this.#closedFor;
  }

  send(message: Message): void {
    if (this.#closed) return;
    const line = `${stringifyMessage(message)}\n`;
    if (this.#batch.length === 0) setImmediate(() => this.#flush());
    this.#batch.push(line);
    this.#batchBytes += line.length;
    if (this.#output.writableLength + this.#batchBytes > this.#limits.maxQueueBytes) {
      this.close(
        'overloaded',
        `the peer does not read: more than ${this.#limits.maxQueueBytes} bytes are waiting for it`,
      );
    }
  }

  close(why?: CloseName, reason = 'closed'): void {
    if (this.#closed) return;
    this.#closedFor = why;
    this.#flush();
    this.#closed = true;
    this.#handlers?.onClose(reason);
  }

  #flush(): void {
    if (this.#batch.length === 0 || this.#closed) return;
    const text = this.#batch.length === 1 ? this.#batch[0]! : this.#batch.join('');
    this.#batch = [];
    this.#batchBytes = 0;
    if (this.#output.writable) this.#output.write(text);
  }

  #read(line: Buffer): void {
    if (this.#closed) return;
    let message: Message | undefined;
    let batch: BatchPart[] = [];
    try {
      message = line.length >= LAZY_BYTES ? LazyResult.from(line) : undefined;
      const text = message === undefined ? line.toString('utf8') : '';
      if (this.#handlers?.onBatch !== undefined && isBatch(text)) batch = parseBatch(text);
      else message ??= parseMessage(text);
    } catch (error) {
      this.#handlers?.onBadMessage(asSwitchboardError(error));
      return;
    }
    if (message === undefined) this.#handlers?.onBatch?.(batch);
    else this.#handlers?.onMessage(message);
  }
}
