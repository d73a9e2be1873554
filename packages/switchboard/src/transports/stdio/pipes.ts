/** A channel over a pair of byte streams: a child's stdout and stdin, or this process's own stdin and stdout. */
import type { Readable, Writable } from 'node:stream';

import { isBatch, parseBatch } from '../../protocol/batch.ts';
import type { BatchPart } from '../../protocol/batch.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { encodeParts, parseMessage } from '../../protocol/jsonrpc.ts';
import type { Message } from '../../protocol/jsonrpc.ts';
import { LARGE_BYTES } from '../../protocol/large-call.ts';
import { LazyResult } from '../../protocol/lazy-result.ts';
import { Backlog } from '../../util/backlog.ts';
import { unreffed } from '../../util/timers.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';
import { LineSplitter } from './lines.ts';

export interface PipeLimits {
  /** The longest incoming message in bytes. */
  maxMessageBytes: number;
  /** How many outgoing bytes may wait for a peer that does not read; a message that comes then closes the channel. */
  maxQueueBytes: number;
  /** How long the peer may read nothing of what waits, in ms; then the channel closes. @default for ever */
  stallMs?: number;
}

/** So much is written at a time. */
const CHUNK_BYTES = 64 * 1024;
/** With so much waiting, requests wait where they can be put in order and refused. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** A timer for longer would ring at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class PipeChannel implements Channel {
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #limits: PipeLimits;
  #handlers: ChannelHandlers | undefined;
  #closed = false;
  #closedFor: { why: CloseName; reason: string } | undefined;
  /** What waits to be written, and what is left of a long line. */
  #lines: (string | Uint8Array)[] = [];
  #rest: Uint8Array = new Uint8Array();
  /** How much of both, and of what is being written. */
  #waitingBytes = 0;
  readonly #backlog: Backlog;
  #wasFull = false;
  #writing = false;
  #stall: NodeJS.Timeout | undefined;

  constructor(input: Readable, output: Writable, limits: PipeLimits) {
    this.#input = input;
    this.#output = output;
    this.#limits = limits;
    this.#backlog = new Backlog(limits.maxQueueBytes);
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

  /** Why it was closed, where it was closed from this side for a reason. */
  get closedFor(): { why: CloseName; reason: string } | undefined {
    return this.#closedFor;
  }

  /** Whether so much waits to be read that more had better wait elsewhere; `onDrain` tells when it does not any more. */
  get isFull(): boolean {
    const full = this.#waitingBytes > HIGH_WATER_BYTES;
    this.#wasFull ||= full;
    return full;
  }

  send(message: Message): void {
    if (this.#closed) return;
    const { maxQueueBytes } = this.#limits;
    if (this.#backlog.isFull(this.#waitingBytes)) {
      this.close(
        'overloaded',
        `the peer reads too slowly: more than ${maxQueueBytes} bytes wait for it (maxQueueSize)`,
      );
      return;
    }
    const encoded = encodeParts(message);
    if (this.#lines.length === 0 && !this.#writing) setImmediate(() => this.#flush());
    if (typeof encoded === 'string') this.#append(`${encoded}\n`);
    else for (const part of [...encoded, '\n']) this.#append(part);
  }

  #append(part: string | Uint8Array): void {
    this.#lines.push(part);
    this.#backlog.add(part.length);
    this.#waitingBytes += part.length;
  }

  close(why?: CloseName, reason = 'closed'): void {
    if (this.#closed) return;
    if (why !== undefined && why !== 'normal') this.#closedFor = { why, reason };
    this.#closed = true;
    clearTimeout(this.#stall);
    const rest = [this.#rest, ...this.#lines.map((line) => Buffer.from(line))];
    this.#lines = [];
    if (why !== 'overloaded' && this.#output.writable) this.#output.write(Buffer.concat(rest));
    this.#handlers?.onClose(reason);
  }

  /** Hands over so much that it is seen when the peer takes none of it. */
  #flush(): void {
    if (this.#writing || this.#closed || !this.#output.writable) return;
    const chunk = this.#take();
    if (chunk.length === 0) return;
    this.#writing = true;
    this.#watchStall();
    this.#output.write(chunk, () => {
      this.#writing = false;
      this.#waitingBytes -= chunk.length;
      clearTimeout(this.#stall);
      if (this.#closed) return;
      if (this.#wasFull && !this.isFull) {
        this.#wasFull = false;
        this.#handlers?.onDrain?.();
      }
      this.#flush();
    });
  }

  /** The next piece to write: the lines of one turn joined, which is far faster than one write each, or a part of a long one. */
  #take(): string | Uint8Array {
    if (this.#rest.length === 0) {
      const [first = ''] = this.#lines;
      if (typeof first === 'string' && first.length <= CHUNK_BYTES) return this.#takeJoined();
      this.#lines.shift();
      this.#rest = typeof first === 'string' ? Buffer.from(first) : first;
      this.#waitingBytes += this.#rest.length - first.length;
    }
    const chunk = this.#rest.subarray(0, CHUNK_BYTES);
    this.#rest = this.#rest.subarray(CHUNK_BYTES);
    return chunk;
  }

  /** As many short lines as fit a piece, up to the first that is no text. */
  #takeJoined(): string {
    const lines = this.#lines as string[];
    let [count, length] = [0, 0];
    while (count < lines.length && typeof lines[count] === 'string' && length + lines[count]!.length <= CHUNK_BYTES) {
      length += lines[count++]!.length;
    }
    return count === 1 ? lines.shift()! : lines.splice(0, count).join('');
  }

  #watchStall(): void {
    const { stallMs } = this.#limits;
    if (stallMs === undefined || stallMs === Infinity) return;
    const reason = `the peer read nothing for ${stallMs} ms of what waits for it (stallTimeout)`;
    this.#stall = unreffed(setTimeout(() => this.close('overloaded', reason), Math.min(stallMs, LONGEST_TIMER_MS)));
  }

  #read(line: Buffer): void {
    if (this.#closed) return;
    let message: Message | undefined;
    let batch: BatchPart[] = [];
    try {
      message = line.length >= LARGE_BYTES ? LazyResult.from(line) : undefined;
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
