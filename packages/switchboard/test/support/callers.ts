/** Clients of each era over each way in, written by hand, that tell of every call how it ended; and that can vanish. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { http, openSession } from './http.ts';
import type { HttpAnswer } from './http.ts';
import { WireClient, envelope, initializeParams, toolCall } from './wire.ts';
import type { Json } from './wire.ts';

/** An answer; or that the connection ended, or the stream of this one call, and how. */
export type CallEnd = { answer: Json } | { gone: string };

export interface Caller {
  call(id: number, tool: string, args: Json): Promise<CallEnd>;
  /** Says that a running call is no longer wanted. */
  cancel(id: number): void;
  /** Says goodbye. */
  leave(): void;
  /** Is gone without a goodbye: the socket is reset. What runs ends as gone. */
  vanish(): void;
  /** Stays connected and reads nothing any more. */
  freeze(): void;
  /** When the connection has ended, by its close code; over HTTP never. */
  closed: Promise<string>;
}

export const callerKinds = ['legacy ws', 'modern ws', 'legacy http', 'modern http'] as const;
export type CallerKind = (typeof callerKinds)[number];
export type Hear = (text: string) => void;

/** @throws {Error} with the answer's code when the gateway refuses. */
export function openCaller(kind: CallerKind, target: { ws: string; http: string }, hear: Hear): Promise<Caller> {
  const modern = kind.startsWith('modern');
  return kind.endsWith('ws') ? openSocket(target.ws, modern, hear) : openHttp(target.http, modern, hear);
}

const request = (id: number, tool: string, args: Json, modern: boolean): Json =>
  toolCall(id, tool, args, { progressToken: id, ...(modern && envelope()) });

async function openSocket(url: string, modern: boolean, hear: Hear): Promise<Caller> {
  let tcp: Socket | undefined;
  const client = await WireClient.open(url, {}, ['mcp'], (response: IncomingMessage) => (tcp = response.socket));
  const { socket } = client;
  socket.on('message', (data: Buffer) => hear(data.toString()));
  const closed = client.closed.then(({ code, reason }) => `${code} ${reason}`);
  const gone = closed.then((how) => ({ gone: how }));
  const answer = async (id: number): Promise<CallEnd> =>
    Promise.race([client.answer(id).then((message) => ({ answer: message })), gone]);
  if (!modern) {
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    const end = await answer(0);
    if (!('answer' in end) || !('result' in end.answer)) {
      socket.terminate();
      throw new Error(`initialize: ${JSON.stringify(end)}`);
    }
    client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  }
  return {
    closed,
    call(id, tool, args) {
      if (socket.readyState !== socket.OPEN) return gone;
      client.send(request(id, tool, args, modern));
      return answer(id);
    },
    cancel(id) {
      if (socket.readyState === socket.OPEN)
        client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    },
    leave: () => socket.close(),
    vanish: () => void tcp?.resetAndDestroy(),
    freeze: () => socket.pause(),
  };
}

async function openHttp(url: string, modern: boolean, hear: Hear): Promise<Caller> {
  const session = modern ? {} : await openSession(url, initializeParams());
  const running = new Map<number, AbortController>();
  const headersOf = (tool: string): Record<string, string> =>
    modern ? { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': tool } : session;
  const vanish = (): void => {
    for (const controller of running.values()) controller.abort();
  };
  return {
    closed: new Promise(() => {}),
    async call(id, tool, args) {
      const controller = new AbortController();
      running.set(id, controller);
      try {
        const body = request(id, tool, args, modern);
        const found = await http(url, { headers: headersOf(tool), body, signal: controller.signal });
        hear(found.body);
        return readAnswer(found, id);
      } catch (error) {
        return { gone: (error as Error).message };
      } finally {
        running.delete(id);
      }
    },
    cancel(id) {
      if (modern) {
        running.get(id)?.abort();
        return;
      }
      const body = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } };
      http(url, { headers: session, body }).catch(() => {});
    },
    leave() {
      if (!modern) http(url, { method: 'DELETE', headers: session }).catch(() => {});
    },
    vanish,
    freeze: vanish,
  };
}

/** The answer in a body of either form; a stream may end without one. */
function readAnswer({ headers, body, status }: HttpAnswer, id: number): CallEnd {
  const isStream = headers['content-type']?.startsWith('text/event-stream') === true;
  const texts = isStream ? [...body.matchAll(/^data: (.+)$/gm)].map(([, data]) => data!) : [body];
  const messages = texts.filter(Boolean).map((text) => JSON.parse(text) as Json);
  const answer = messages.find((message) => !('method' in message) && (message['id'] === id || message['id'] === null));
  return answer === undefined ? { gone: `${status} without an answer` } : { answer };
}
