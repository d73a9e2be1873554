/**
 * A channel moves whole MCP messages to one peer and back, and knows nothing of what they mean. Every transport offers one:
 * a WebSocket, the pipes of a child process, an HTTP endpoint, or a pair in memory.
 */
import type { CloseName } from '../protocol/close-codes.ts';
import type { SwitchboardError } from '../protocol/errors.ts';
import type { Message, RpcId } from '../protocol/jsonrpc.ts';
import type { ParamHeader } from '../protocol/param-headers.ts';

export interface ChannelHandlers {
  /** A whole, well-formed message arrived. Called in order, never after `onClose`. */
  onMessage(message: Message): void;
  /** Something arrived that is no message; the channel goes on. A caller's channel answers it with `error.toRpc()`. */
  onBadMessage(error: SwitchboardError): void;
  /**
   * The channel is gone. Called exactly once, also after `close()`.
   *
   * @param clean whether one of the two sides meant to end it; otherwise it was cut.
   */
  onClose(reason: string, clean?: boolean): void;
}

export interface Channel {
  /** Starts delivery. Called once, before anything is sent. */
  start(handlers: ChannelHandlers): void;
  /**
   * Queues a message. Never throws; after the channel is closed it does nothing. A peer that does not read makes the queue
   * grow until its limit, at which the channel closes itself.
   */
  send(message: Message): void;
  /** Ends the channel; idempotent. */
  close(why?: CloseName, reason?: string): void;
  /**
   * Gives up on the answer to a request that was sent. Only on channels where that, not a message, is how a request is
   * cancelled (modern HTTP: the response stream is closed).
   */
  abandon?(id: RpcId): void;
  /** Tells the channel which version was agreed, for those that repeat it beside each message (HTTP). */
  setProtocolVersion?(version: string): void;
  /** Gives the channel what it needs to repeat tool arguments in headers, for those that must (modern HTTP). */
  setParamHeaders?(read: (tool: string) => readonly ParamHeader[]): void;
}
