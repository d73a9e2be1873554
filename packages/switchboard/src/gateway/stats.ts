/** What is open right now. All but `upstreams` is 0 when nobody is connected. */
export interface Stats {
  /** Clients that are connected: WebSockets, HTTP sessions, stdio and clients in this process. */
  connections: number;
  /** Requests that are open, the parked ones included. */
  exchanges: number;
  /** Exchanges whose client was asked something and has not come back. */
  parked: number;
  /** Bytes of events kept for clients of legacy HTTP sessions that come back. */
  replayBytes: number;
  /** By the upstream's name: its slots, their servers, and how many of those run. */
  upstreams: Record<string, { slots: number; members: number; running: number }>;
}
