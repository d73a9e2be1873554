/** What a process still holds: from the kernel's own books, and from its heap. Linux only. */
import { readFileSync, readdirSync } from 'node:fs';
import { queryObjects } from 'node:v8';

import { Connection } from '../../src/callers/connection.ts';
import { HttpSession } from '../../src/callers/http-session.ts';
import { LegacySession } from '../../src/callers/session.ts';
import { RoutedExchange } from '../../src/router/routed-exchange.ts';
import { EventStream } from '../../src/transports/http/event-stream.ts';
import { Reply } from '../../src/transports/http/reply.ts';
import { WebSocketChannel } from '../../src/transports/websocket/channel.ts';
import { MemberHealth } from '../../src/upstreams/member-health.ts';
import { ProcessChannel } from '../../src/upstreams/process.ts';
import { RpcPeer } from '../../src/upstreams/rpc-peer.ts';

/** The processes whose parent is `pid`. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => {
      try {
        return Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${each}/stat`, 'utf8'))?.[1]) === pid;
      } catch {
        return false;
      }
    });
}

/** How many files, pipes and sockets a process has open. */
export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

const KEPT = {
  Connection,
  EventStream,
  HttpSession,
  LegacySession,
  MemberHealth,
  ProcessChannel,
  Reply,
  RoutedExchange,
  WebSocketChannel,
  RpcPeer,
};

/**
 * How many there are of everything that is made for a client, a request or a member, once garbage is collected: an entry that
 * was left in any table keeps one of them.
 */
export function living(): Record<string, number> {
  return Object.fromEntries(
    Object.entries(KEPT).map(([name, kind]) => [name, queryObjects(kind as never, { format: 'count' })]),
  );
}

/** The same when nothing is left. */
export const NOTHING: Readonly<Record<string, number>> = Object.fromEntries(Object.keys(KEPT).map((name) => [name, 0]));
