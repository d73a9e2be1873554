/** Calls a tool for an operator, and sends what comes of it as server-sent events: the request, its progress, and the answer. */
import type { ServerResponse } from 'node:http';

import { LATEST_MODERN } from '../protocol/eras.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { addEnvelope } from '../protocol/translate.ts';
import type { Channel } from '../transports/channel.ts';
import { omit } from '../util/omit.ts';
import { PRODUCT } from './product.ts';

export interface TrialCall {
  tool: string;
  arguments: JsonObject;
}

const ID = 1;
const KEEP_ALIVE_MS = 15_000;
/** A page cannot show more. */
const MAX_ANSWER_BYTES = 1024 * 1024;

const isFailed = (answer: { result?: JsonObject; error?: unknown }): boolean =>
  answer.error !== undefined || answer.result?.['isError'] === true;

/**
 * @param channel to Switchboard as a client of its own; closed when the call is over.
 * @param response ends with the answer; the call is cancelled when it is closed before.
 */
export function tryTool(channel: Channel, call: TrialCall, response: ServerResponse): void {
  const startedAt = performance.now();
  const clientInfo = { name: 'switchboard-console', version: PRODUCT.version };
  const envelope = { version: LATEST_MODERN, capabilities: {}, clientInfo };
  const enveloped = addEnvelope({ name: call.tool, arguments: call.arguments, _meta: { progressToken: ID } }, envelope);
  const request = { jsonrpc: '2.0' as const, id: ID, method: 'tools/call', params: enveloped };
  const send = (told: object): void => void response.write(`data: ${JSON.stringify(told)}\n\n`);
  const keepAlive = setInterval(() => response.write(': keep-alive\n\n'), KEEP_ALIVE_MS).unref();
  const end = (): void => {
    clearInterval(keepAlive);
    channel.close();
    if (!response.writableEnded) response.end();
  };
  response.once('close', end);
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  channel.start({
    onMessage: (message) => {
      if ('method' in message) {
        if (message.method === 'notifications/progress')
          send({ progress: omit(message.params ?? {}, 'progressToken') });
        return;
      }
      const ms = Math.round((performance.now() - startedAt) * 1000) / 1000;
      const answer = 'error' in message ? { error: message.error } : { result: message.result };
      const bytes = Buffer.byteLength(JSON.stringify(answer));
      if (bytes > MAX_ANSWER_BYTES) {
        const result = { leftOut: `${bytes} bytes, the limit here is ${MAX_ANSWER_BYTES}`, isError: isFailed(answer) };
        send({ answer: { result }, ms });
      } else send({ answer, ms });
      end();
    },
    onBadMessage: (error) => {
      send({ answer: { error: error.toRpc() } });
      end();
    },
    onClose: end,
  });
  send({ request });
  channel.send(request);
}
