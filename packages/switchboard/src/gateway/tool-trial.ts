/** Calls a tool for an operator, and sends what comes of it as server-sent events: the request, its progress, and the answer. */
import type { ServerResponse } from 'node:http';

import { LATEST_MODERN } from '../protocol/eras.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { JsonObject, Message } from '../protocol/jsonrpc.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
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
export const MAX_ANSWER_BYTES: number = 1024 * 1024;
/** Progress is left out while more than this waits for the page to read it. */
export const MAX_WAITING_BYTES: number = 256 * 1024;

type Answer = Exclude<Message, { method: string }>;

/** @throws {SwitchboardError} `SWB_UPSTREAM_INVALID` for what a server in this process made that is not JSON. */
function asJson(told: object): string {
  try {
    return JSON.stringify(told);
  } catch (cause) {
    const detail = 'it holds what JSON cannot express, such as a BigInt or a cycle';
    throw new SwitchboardError('SWB_UPSTREAM_INVALID', { detail, cause });
  }
}

/** An answer as JSON; of one that is too large, how large it is. */
function answerAsJson(message: Answer, ms: number): string {
  const isLarge = message instanceof LazyResult && message.byteLength > MAX_ANSWER_BYTES;
  const answer = isLarge ? {} : 'error' in message ? { error: message.error } : { result: message.result };
  const text = asJson({ answer, ms });
  const bytes = isLarge ? message.byteLength : Buffer.byteLength(text);
  if (bytes <= MAX_ANSWER_BYTES) return text;
  // To parse it for this is worth it only where the word is there.
  const mayBeError = !(message instanceof LazyResult) || message.mentions('isError');
  const isError = 'error' in message || (mayBeError && message.result['isError'] === true);
  const leftOut = `${bytes} bytes, the limit here is ${MAX_ANSWER_BYTES}`;
  return asJson({ answer: { result: { leftOut, isError } }, ms });
}

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
  const send = (text: string): void => void response.write(`data: ${text}\n\n`);
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
  const fail = (thrown: unknown): void => {
    send(JSON.stringify({ answer: { error: asSwitchboardError(thrown).toRpc() } }));
    end();
  };
  channel.start({
    onMessage: (message) => {
      try {
        if ('method' in message) {
          if (message.method !== 'notifications/progress' || response.writableLength > MAX_WAITING_BYTES) return;
          send(asJson({ progress: omit(message.params ?? {}, 'progressToken') }));
          return;
        }
        send(answerAsJson(message, Math.round((performance.now() - startedAt) * 1000) / 1000));
        end();
      } catch (error) {
        fail(error);
      }
    },
    onBadMessage: fail,
    onClose: end,
  });
  send(asJson({ request }));
  channel.send(request);
}
