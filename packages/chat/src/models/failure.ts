/** What a provider's failures mean, in words that tell a person what to do. */
import { APICallError, RetryError } from 'ai';

import { ModelFailure } from './model.ts';

/** How much of what a provider says about a request that it refused is repeated. */
const MAX_DETAIL = 300;

export const BROKE_OFF = 'The answer of the model broke off. Please ask again.';

export function modelFailure(thrown: unknown, model: string): ModelFailure {
  const error = RetryError.isInstance(thrown) ? thrown.lastError : thrown;
  if (error instanceof ModelFailure) return error;
  const say = (text: string): ModelFailure => new ModelFailure(text, { cause: error });
  if (!APICallError.isInstance(error)) return say(BROKE_OFF);
  const { statusCode: status, responseHeaders, message } = error;
  if (status === undefined) {
    return say(`The model provider cannot be reached: ${message.slice(0, MAX_DETAIL)}. Please try again later.`);
  }
  if (status === 401 || status === 403) {
    return say(`The model provider refused our key (${status}). Whoever runs this chat must check it.`);
  }
  if (status === 404) return say(`The model provider does not know the model ${JSON.stringify(model)} (404).`);
  if (status === 413) return say('The conversation is too long for the model (413). Please send clear to begin anew.');
  if (status === 429) {
    const seconds = Number(responseHeaders?.['retry-after']);
    const when = Number.isFinite(seconds) && seconds > 0 ? `in ${Math.ceil(seconds)} seconds` : 'in a minute';
    return say(`The model provider has been asked too much (429). Please try again ${when}.`);
  }
  if (status === 529 || status === 503) {
    return say(`The model provider is overloaded (${status}). Please try again in a minute.`);
  }
  // It had begun to answer.
  if (status < 400) return say(BROKE_OFF);
  if (status >= 500) return say(`The model provider failed (${status}). Please try again later.`);
  return say(`The model provider refused the request (${status}): ${message.slice(0, MAX_DETAIL)}`);
}
