/** A channel as the `Transport` of the official SDK, versions 1 and 2, so that its clients and servers can be put on one. */
import { asSwitchboardError } from '../protocol/errors.ts';
import type { Message, RpcId } from '../protocol/jsonrpc.ts';
import type { Channel } from './channel.ts';

/** The part of the SDK's `Transport` that both major versions share. */
export interface SdkTransport {
  onmessage?: ((message: never) => void) | undefined;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  start(): Promise<void>;
  send(message: unknown, options?: { relatedRequestId?: RpcId }): Promise<void>;
  close(): Promise<void>;
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
