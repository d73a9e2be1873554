/** Everything that happens in a gateway, as one union; the log is a function of it. Bodies of messages are never part of it. */
export type GatewayEvent =
  | { type: 'listening'; url: string }
  | { type: 'connection.opened'; connection: string; transport: Transport; address?: string; userAgent?: string }
  | { type: 'connection.closed'; connection: string; reason: string }
  | { type: 'connection.refused'; code: string; detail: string; address?: string }
  | {
      type: 'session.opened';
      session: string;
      upstream: string;
      client?: string;
      version: string;
      transport: Transport;
    }
  | { type: 'session.closed'; session: string; reason: string }
  | { type: 'request.started'; exchange: string; method: string; affinity: string }
  | { type: 'request.ended'; exchange: string; method: string; ms: number; code?: number | 'cancelled' }
  | { type: 'member.started'; upstream: string; slot: string; pid?: number }
  | { type: 'member.ready'; upstream: string; slot: string; era: string; version: string; ms: number }
  | { type: 'member.failed'; upstream: string; slot: string; reason: string }
  | { type: 'member.closed'; upstream: string; slot: string; reason: string; expected: boolean }
  | { type: 'upstream.stderr'; upstream: string; pid?: number; line: string }
  | { type: 'upstream.stray'; upstream: string; slot: string; what: string }
  | { type: 'failed'; where: string; error: unknown };

export type Transport = 'websocket' | 'http' | 'sse' | 'stdio' | 'memory';

export type Emit = (event: GatewayEvent) => void;
