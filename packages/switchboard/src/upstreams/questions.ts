/** What servers ask clients in both eras: elicitation, sampling, roots; and what a client must be able to do to be asked. */
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Question } from '../router/exchange.ts';

/** The capability that a question needs and the client lacks, or nothing when it can be asked. */
export function missingCapability({ method, params }: Question, capabilities: JsonObject): string | undefined {
  const has = (path: string): boolean => {
    let at: unknown = capabilities;
    for (const key of path.split('.')) at = isObject(at) ? at[key] : undefined;
    return at !== undefined;
  };
  const lacks = (path: string): string | undefined => (has(path) ? undefined : path);
  switch (method) {
    case 'elicitation/create': {
      if (params?.['mode'] === 'url') return lacks('elicitation.url');
      // An empty object is how forms were declared before there was anything else.
      const elicitation = capabilities['elicitation'];
      return isObject(elicitation) && ('form' in elicitation || Object.keys(elicitation).length === 0)
        ? undefined
        : 'elicitation.form';
    }
    case 'sampling/createMessage':
      return lacks('sampling') ?? (params?.['tools'] === undefined ? undefined : lacks('sampling.tools'));
    case 'roots/list':
      return lacks('roots');
    default:
      return method;
  }
}
