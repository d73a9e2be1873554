/** What a provider's failures mean, in words that tell a person what to do. */
import { APICallError } from 'ai';

import { ModelFailure } from './model.ts';

/** How much of what a provider says about a request that it refused is repeated. */
const MAX_DETAIL = 300;

export const BROKE_OFF = 'The answer of the model broke off. Please ask again.';

/** How providers and local servers say that a conversation is longer than their model can read. */
const TOO_LONG =
  /too long|context (length|window|size)|maximum context|(input|prompt)[^.]{0,40}(exceed|too large|too many)|exceed[^.]{0,60}(context|token)/i;

/** Errors inside a stream that has begun without a word, as Anthropic names them, by the status that means the same. */
const STATUS_OF: Readonly<Record<string, number>> = { overloaded_error: 529, rate_limit_error: 429, api_error: 500 };

export interface Asked {
  model: string;
  /** The variable that holds the provider's key. */
  keyVariable: string;
  hasKey: boolean;
}

/** @returns what went wrong; with `retryAfterMs` where the same request may be answered later. */
export function modelFailure(error: unknown, asked: Asked): ModelFailure {
  if (error instanceof ModelFailure) return error;
  const { status, message, body, retryMs } = read(error);
  const say = (text: string, more: { isTooLong?: boolean; retryAfterMs?: number } = {}): ModelFailure =>
    new ModelFailure(text, { cause: error, ...more });
  const later = { retryAfterMs: retryMs ?? 0 };
  if (status === undefined) {
    if (!APICallError.isInstance(error)) return say(BROKE_OFF);
    return say(`The model provider cannot be reached: ${message}. Please try again later.`, later);
  }
  if (status === 401 || status === 403) {
    const { keyVariable, hasKey } = asked;
    const what = hasKey ? `refused our key (${status})` : `wants a key (${status})`;
    return say(`The model provider ${what}. Whoever runs this chat must ${hasKey ? 'check' : 'set'} ${keyVariable}.`);
  }
  if (status === 404) return say(`The model provider does not know the model ${JSON.stringify(asked.model)} (404).`);
  if (status === 413 || (status === 400 && TOO_LONG.test(`${message} ${body}`))) {
    const advice = 'Send clear to begin a new conversation, or a shorter message.';
    return say(`This is too long for the model (${status}). ${advice}`, { isTooLong: true });
  }
  if (status === 429) {
    const when = retryMs === undefined ? 'in a minute' : `in ${Math.ceil(retryMs / 1000)} seconds`;
    return say(`The model provider has been asked too much (429). Please try again ${when}.`, later);
  }
  if (status === 529 || status === 503) {
    return say(`The model provider is overloaded (${status}). Please try again in a minute.`, later);
  }
  // It had begun to answer.
  if (status < 400) return say(BROKE_OFF);
  if (status >= 500) return say(`The model provider failed (${status}). Please try again later.`, later);
  return say(`The model provider refused the request (${status}): ${message}`);
}

function read(error: unknown): { status?: number | undefined; message: string; body: string; retryMs?: number } {
  if (APICallError.isInstance(error)) {
    const { statusCode: status, message, responseBody: body = '', responseHeaders: headers = {} } = error;
    const [ms, seconds] = [Number(headers['retry-after-ms']), Number(headers['retry-after'])];
    const retryMs = ms > 0 ? ms : seconds > 0 ? seconds * 1000 : undefined;
    return { status, message: message.slice(0, MAX_DETAIL), body, ...(retryMs !== undefined && { retryMs }) };
  }
  // In a stream an error is a plain object.
  const { type, message } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const status = typeof type === 'string' ? STATUS_OF[type] : undefined;
  return { status, message: typeof message === 'string' ? message.slice(0, MAX_DETAIL) : '', body: '' };
}
