/**
 * Connections to a remote server, kept between requests.
 *
 * Over HTTP/1.1 nothing but its place says which request a response belongs to. What arrives while nothing is asked belongs to none: the
 * server is out of step. Node throws it away and uses the connection again, on which the rest of it may be taken for the response to the
 * next request (CWE-444, response queue poisoning). Here such a connection ends.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';

/** Called by Node for each connection that would be kept, and when one is used again (`http.Agent`, "agent.keepSocketAlive"). */
interface Hooks {
  keepSocketAlive(socket: Duplex): boolean;
  reuseSocket(socket: Duplex, request: unknown): void;
}

/** @param protocol as in a URL, `http:` or `https:`. */
export function keepingAgent(protocol: string, options: AgentOptions): HttpAgent | HttpsAgent {
  const settings = { ...options, keepAlive: true };
  const agent = protocol === 'https:' ? new HttpsAgent(settings) : new HttpAgent(settings);
  const hooks = agent as unknown as Hooks;
  const { keepSocketAlive, reuseSocket } = hooks;
  hooks.keepSocketAlive = (socket) => {
    if (!keepSocketAlive.call(agent, socket)) return false;
    socket.on('data', end);
    return true;
  };
  hooks.reuseSocket = (socket, request) => {
    socket.off('data', end);
    reuseSocket.call(agent, socket, request);
  };
  return agent;
}

function end(this: Duplex): void {
  this.destroy();
}
