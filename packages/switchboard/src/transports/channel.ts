/**
 * A channel moves whole MCP messages to one peer and back, and knows nothing of what they mean. Every transport offers one:
 * a WebSocket, the pipes of a child process, an HTTP endpoint, or a pair in memory.
 */
import type { BatchPart } from '../protocol/batch.ts';
import type { CloseName } from '../protocol/close-codes.ts';
import type { SwitchboardError } from '../protocol/errors.ts';
import type { JsonObject, Message, RpcId } from '../protocol/jsonrpc.ts';
import type { ParamHeader } from '../protocol/param-headers.ts';

/** What a channel calls. No handler throws. */
export interface ChannelHandlers {
  /**
   * A whole, well-formed message arrived. Called in order, never after `onClose`.
   *
   * @param about the request that it belongs to, on channels that tell: HTTP has a stream for each, in memory the sender says.
   */
  onMessage(message: Message, about?: RpcId): void;
  /** Several messages arrived as one. Without it such an array is no message. */
  onBatch?(parts: readonly BatchPart[]): void;
  /**
   * Something arrived that is no message; the channel goes on. A caller's channel answers it with `error.toRpc()`.
   *
   * @param foreign what arrived, where it is an object that does not claim to be JSON-RPC.
   */
  onBadMessage(error: SwitchboardError, foreign?: JsonObject): void;
  /** The peer pinged of its own accord, on channels that carry pings (WebSocket): its owner keeps the connection open. */
  onPing?(): void;
  /** What had filled the channel has left, see {@link Channel.isFull}. */
  onDrain?(): void;
  /**
   * The channel is gone. Called exactly once, also after `close()`.
   *
   * @param clean whether one of the two sides meant to end it; otherwise it was cut.
   * @param code the close code, where there is one.
   */
  onClose(reason: string, clean?: boolean, code?: number): void;
  /**
   * The server no longer knows the session. Answers to what was sent before may still come, also from other requests that were refused;
   * nothing new is served. Without this the channel closes.
   *
   * @param refused a request that the server refused for that: it did nothing with it.
   * @param reason why, where that is known.
   */
  onSessionLost?(refused?: RpcId, reason?: string): void;
  /** Something about the connection is amiss, or well again, that the channel copes with by itself: a sentence for the log. */
  onNotice?(what: string): void;
}

/** What has passed through a channel. */
export interface Traffic {
  /** Messages that were received. */
  messagesIn: number;
  /** Messages that were sent. */
  messagesOut: number;
  /** Bytes that were received. */
  bytesIn: number;
  /** Bytes that were sent. */
  bytesOut: number;
  /** How long the last ping took, in ms; absent before the first answer. */
  latencyMs?: number;
}

/** Who a request is of, as far as whoever serves it in the end has to know. */
export interface Sender {
  principal: string;
  affinity: string;
  account?: string | undefined;
  /** Who shares what there is for all. */
  origin?: string | undefined;
  loose?: boolean | undefined;
  logLevel?: string | undefined;
}

/** Whole messages to one peer and back, over any transport. */
export interface Channel {
  /** Starts delivery. Called once, before anything is sent. */
  start(handlers: ChannelHandlers): void;
  /**
   * Queues a message. Never throws; after the channel is closed it does nothing. A peer that does not read makes the queue
   * grow until its limit, at which the channel closes itself.
   *
   * @param about the request that it belongs to, on channels that hand that on (in memory).
   */
  send(message: Message, about?: RpcId): void;
  /** Queues an object that is no JSON-RPC, on channels that carry such. */
  sendForeign?(value: JsonObject): void;
  /** Whether so much waits for the peer that more had better wait elsewhere, on channels that tell when it has left. */
  readonly isFull?: boolean;
  /** How many bytes of requests may wait while it is full. */
  readonly maxQueueBytes?: number;
  /** Whether its peer is away and may come back, on channels that outlive a cut. */
  readonly isAway?: boolean;
  /** The subprotocol that was agreed on, on channels that have such; empty when none was. */
  readonly protocol?: string;
  /** The process at its other end, on channels to one. */
  readonly pid?: number | undefined;
  /** What its peer wrote beside messages, as a clause, on channels to a process. */
  readonly lastWords?: string | undefined;
  /** The node at its other end, by its name, on channels to a member there. */
  readonly node?: string;
  /** What has passed, on channels that count it. */
  readonly traffic?: Traffic;
  /** Closes what carries the channel now, where the peer may take it up again; elsewhere it is {@link close}. */
  suspend?(why: CloseName, reason: string): void;
  /** The name under which it is kept for another process, on channels that can be taken up there. */
  readonly keptAs?: string | undefined;
  /**
   * The process ends: what is kept stays, and the peer takes the conversation up with another, on channels that can.
   *
   * @returns whether it can; if not, nothing was done.
   */
  leave?(reason: string): boolean;
  /** Ends the channel; idempotent. */
  close(why?: CloseName, reason?: string): void;
  /**
   * Gives up on the answer to a request that was sent. Only on channels where that, not a message, is how a request is
   * cancelled (modern HTTP: the response stream is closed).
   */
  abandon?(id: RpcId): void;
  /** Tells the channel which version was agreed, for those that repeat it beside each message (HTTP). */
  setProtocolVersion?(version: string): void;
  /** Tells the channel of whom a request is that it is given to send, for those that hand that on (between nodes). */
  setSenders?(of: (id: RpcId) => Sender | undefined): void;
  /** Gives the channel what it needs to repeat tool arguments in headers, for those that must (modern HTTP). */
  setParamHeaders?(read: (tool: string) => readonly ParamHeader[]): void;
}
