/**
 * Connections to a remote server, kept between requests.
 *
 * Over HTTP/1.1 only its place says which request a response belongs to. Bytes that arrive while nothing is asked belong to no request: the
 * server is out of step. Node throws them away and uses the connection again, on which the rest of them may be taken for the response to the
 * next request (CWE-444, response queue poisoning). Here such a connection is closed.
 *
 * A server may close an idle connection at any time, also while the next request is being written. That request then fails, and nobody knows
 * whether it was served. So an idle connection is used again only while the server is expected to keep it open.
 */
import { Agent as HttpAgent } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { AgentOptions } from 'node:https';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Tunnel } from '../proxy.ts';

export interface ConnectionOptions extends AgentOptions {
  /** Makes the connections to the server's host and port. @default direct ones */
  tunnel?: Tunnel;
}

/** How long an idle connection is used again if the server does not announce a time (`Keep-Alive: timeout`). */
const DEFAULT_IDLE_MS = 4000;
/** An announced time is used up to so long before its end. */
const MARGIN_MS = 1000;
/** A timer may ring so much early by the other clock: that end is of this side. */
const TIMER_MS = 2;
/** How long it is remembered that the server closed a connection after a shorter time than it announced. */
const LEARNED_FOR_MS = 600_000;

/** Called by Node for each connection that would be kept, and when one is used again (`http.Agent`, "agent.keepSocketAlive"). */
interface Hooks {
  keepSocketAlive(socket: Socket): boolean;
  reuseSocket(socket: Socket, request: unknown): void;
}

interface Idle {
  until: number;
  onData(): void;
  onEnd(): void;
  onClose(): void;
}

export class Connections {
  readonly agent: HttpAgent | HttpsAgent;
  readonly #idle: Map<Socket, Idle> = new Map();
  /** The server has closed connections that were idle for so long. */
  #learned = { idleMs: Infinity, until: 0 };

  /** @param protocol as in a URL, `http:` or `https:`. */
  constructor(protocol: string, { tunnel, ...options }: ConnectionOptions) {
    const settings = { ...options, keepAlive: true };
    const agent = protocol === 'https:' ? new HttpsAgent(settings) : new HttpAgent(settings);
    this.agent = agent;
    const hooks = agent as unknown as Hooks;
    const { keepSocketAlive, reuseSocket } = hooks;
    hooks.keepSocketAlive = (socket) => keepSocketAlive.call(agent, socket) && this.#keep(socket);
    hooks.reuseSocket = (socket, request) => {
      this.#forget(socket);
      reuseSocket.call(agent, socket, request);
    };
    if (tunnel !== undefined) tunnel.use(agent);
  }

  /**
   * Call before each request: closes idle connections that the server may be about to close, and notices those that it has closed already.
   *
   * @returns nothing where no connection is idle, so that the request can be sent at once.
   */
  look(): Promise<void> | undefined {
    const now = Date.now();
    for (const [socket, { until }] of this.#idle) if (now >= until) socket.destroy();
    return this.#idle.size === 0 ? undefined : this.#poll();
  }

  close(): void {
    this.agent.destroy();
  }

  /** After two turns the event loop has polled all sockets once, whichever phase this is called in. */
  async #poll(): Promise<void> {
    await nextTurn();
    await nextTurn();
  }

  #keep(socket: Socket): boolean {
    const idleMs = Math.min(announcedMs(socket) ?? DEFAULT_IDLE_MS, this.#learnedMs);
    if (idleMs <= 0) return false;
    const since = Date.now();
    const until = since + idleMs;
    let isOutOfStep = false;
    const idle: Idle = {
      until,
      onData: () => {
        isOutOfStep = true;
        socket.destroy();
      },
      onEnd: () => void socket.destroy(),
      onClose: () => {
        this.#idle.delete(socket);
        const now = Date.now();
        // Before its time nobody else closes it than the server. Half of the time leaves room for the way of the close.
        if (!isOutOfStep && now < until - TIMER_MS)
          this.#learned = { idleMs: (now - since) / 2, until: now + LEARNED_FOR_MS };
      },
    };
    this.#idle.set(socket, idle);
    socket.on('data', idle.onData).on('end', idle.onEnd).on('close', idle.onClose);
    // The agent closes an idle socket at its timeout.
    socket.setTimeout(Math.ceil(idleMs));
    return true;
  }

  #forget(socket: Socket): void {
    const idle = this.#idle.get(socket);
    if (idle === undefined) return;
    this.#idle.delete(socket);
    socket.off('data', idle.onData).off('end', idle.onEnd).off('close', idle.onClose);
    socket.setTimeout(0);
  }

  get #learnedMs(): number {
    return Date.now() < this.#learned.until ? this.#learned.idleMs : Infinity;
  }
}

/** The time that the last response on this connection announced (`Keep-Alive: timeout=5`), less the margin. */
function announcedMs(socket: Socket): number | undefined {
  const { _httpMessage: request } = socket as { _httpMessage?: { res?: IncomingMessage } };
  const seconds = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(String(request?.res?.headers['keep-alive'] ?? ''))?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000 - MARGIN_MS;
}
