/** A channel as the `Transport` of the official SDK, versions 1 and 2, so that its clients and servers can be put on one. */
import { asSwitchboardError } from '../protocol/errors.ts';
import type { Message, RpcId } from '../protocol/jsonrpc.ts';
import type { Channel } from './channel.ts';

/** The part of the SDK's `Transport` that both major versions share. */
export interface SdkTransport {
  /** Set by the SDK: takes a message. */
  onmessage?: ((message: never) => void) | undefined;
  /** Set by the SDK: the transport is closed. */
  onclose?: (() => void) | undefined;
  /** Set by the SDK: something is amiss, and the transport goes on. */
  onerror?: ((error: Error) => void) | undefined;
  /** Begins; called once by `connect` of the SDK. */
  start(): Promise<void>;
  /** Sends a message of MCP. @param options.relatedRequestId the request that it belongs to. */
  send(message: unknown, options?: { relatedRequestId?: RpcId }): Promise<void>;
  /** Ends it; idempotent. */
  close(): Promise<void>;
  /** Called by the SDK with the version that was agreed. */
  setProtocolVersion?: (version: string) => void;
}

export function asSdkTransport(channel: Channel): SdkTransport {
  const transport: SdkTransport = {
    async start() {
      channel.start({
        onMessage: (message) => transport.onmessage?.(message as never),
        onBadMessage: (error) => transport.onerror?.(asSwitchboardError(error)),
        onClose: () => transport.onclose?.(),
      });
    },
    async send(message, { relatedRequestId } = {}) {
      channel.send(message as Message, relatedRequestId);
    },
    async close() {
      channel.close();
    },
    setProtocolVersion: (version) => channel.setProtocolVersion?.(version),
  };
  return transport;
}
