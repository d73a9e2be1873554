/**
 * Calls tools for operators, and sends what comes of each as server-sent events: the request, its progress, what the server asks, and the
 * answer.
 */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

import { LATEST_MODERN } from '../protocol/eras.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject, Message } from '../protocol/jsonrpc.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import { addEnvelope } from '../protocol/translate.ts';
import type { Channel } from '../transports/channel.ts';
import { omit } from '../util/omit.ts';
import type { Operator } from './admin/operator.ts';
import { checkShare } from './admin/share.ts';
import { PRODUCT } from './product.ts';

export interface TrialCall {
  tool: string;
  arguments: JsonObject;
}

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

/** How an operator answers one question of a server. */
export interface QuestionAnswer {
  action: 'accept' | 'decline' | 'cancel';
  content?: JsonObject | undefined;
}

/** What is asked, by keys that the server chose. */
type Answers = Readonly<Record<string, QuestionAnswer>>;

interface Open {
  operator: Operator;
  /** Absent while nothing is asked. */
  answer?: ((answers: Answers) => void) | undefined;
}

/** The calls that operators try now. */
export class Trials {
  readonly #open: Map<string, Open> = new Map();

  /**
   * @param channel to Switchboard as a client of its own; closed when the call is over.
   * @param response ends with the answer; the call is cancelled when it is closed before.
   * @throws {SwitchboardError} `SWB_OVERLOADED`
   */
  start(channel: Channel, call: TrialCall, operator: Operator, response: ServerResponse): void {
    try {
      checkShare(this.#open.values(), operator);
    } catch (thrown) {
      channel.close();
      throw thrown;
    }
    const trial = randomUUID();
    const open: Open = { operator };
    this.#open.set(trial, open);
    const startedAt = performance.now();
    const clientInfo = { name: 'switchboard-console', version: PRODUCT.version };
    const envelope = { version: LATEST_MODERN, capabilities: { elicitation: { form: {} } }, clientInfo };
    let id = 0;
    const requestWith = (more: JsonObject): JsonObject & { id: number; method: string } => {
      const params = { name: call.tool, arguments: call.arguments, ...more, _meta: { progressToken: ++id } };
      return { jsonrpc: '2.0', id, method: 'tools/call', params: addEnvelope(params, envelope) };
    };
    const send = (text: string): void => void response.write(`data: ${text}\n\n`);
    const ask = (request: ReturnType<typeof requestWith>): void => {
      send(asJson({ trial, request }));
      channel.send(request as never);
    };
    const keepAlive = setInterval(() => response.write(': keep-alive\n\n'), KEEP_ALIVE_MS).unref();
    const end = (): void => {
      clearInterval(keepAlive);
      this.#open.delete(trial);
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
    const onAnswer = (message: Answer): void => {
      const asked = questionsIn(message);
      if (asked === undefined) {
        send(answerAsJson(message, Math.round((performance.now() - startedAt) * 1000) / 1000));
        end();
        return;
      }
      open.answer = (answers) => {
        open.answer = undefined;
        const { requestState } = asked;
        ask(requestWith({ inputResponses: answers, ...(requestState !== undefined && { requestState }) }));
      };
      send(asJson({ questions: asked.questions }));
    };
    channel.start({
      onMessage: (message) => {
        try {
          if (!('method' in message)) onAnswer(message);
          else if (message.method === 'notifications/progress' && response.writableLength <= MAX_WAITING_BYTES)
            send(asJson({ progress: omit(message.params ?? {}, 'progressToken') }));
        } catch (error) {
          fail(error);
        }
      },
      onBadMessage: fail,
      onClose: end,
    });
    ask(requestWith({}));
  }

  /**
   * Answers what the server has asked; the call goes on, on the stream that it was started on.
   *
   * @throws {SwitchboardError} `SWB_NOT_FOUND` where this operator tries no such call, or it asks nothing now.
   */
  answer(trial: string, answers: Answers, { name }: Operator): void {
    const open = this.#open.get(trial);
    if (open?.operator.name !== name || open.answer === undefined) {
      const detail = `no call ${JSON.stringify(trial)} of yours waits for an answer; it may have ended`;
      throw new SwitchboardError('SWB_NOT_FOUND', { detail });
    }
    open.answer(answers);
  }
}

/** What a server asks before it goes on; undefined for an answer. Only what can be answered with a form is asked here. */
function questionsIn(message: Answer): { questions: JsonObject; requestState: unknown } | undefined {
  if ('error' in message || (message instanceof LazyResult && !message.mentions('input_required'))) return undefined;
  const { resultType, inputRequests, requestState } = message.result;
  if (resultType !== 'input_required' || !isObject(inputRequests)) return undefined;
  return { questions: inputRequests, requestState };
}
