/** What the status and the body of a response to a POST mean, where it is no event stream. */
import type { IncomingMessage } from 'node:http';

import { SwitchboardError } from '../../protocol/errors.ts';
import { failure, isObject, isResponse, parseMessage } from '../../protocol/jsonrpc.ts';
import type { Message, ParsedMessage, RpcId } from '../../protocol/jsonrpc.ts';
import { cut } from '../../util/cut.ts';
import { statusText } from '../failure.ts';
import { withoutMark } from './media.ts';

/** What is known of a refusal, for programs; sent as `error.data`. */
export interface RefusalFacts {
  /** The HTTP status. */
  status?: number;
  /** When the server wants to be asked again, in ms from its answer. */
  retryAfterMs?: number | undefined;
}

/** How much of a refusal is read, in characters, and for how long. */
const MAX_REFUSAL_LENGTH = 64 * 1024;
const REFUSAL_MS = 1000;
/** Of an error that says that the session is unknown, by the official SDKs. */
const SESSION_CODES: ReadonlySet<number> = new Set([-32001, 32001]);
/** Of a refusal before a message was looked at, by the official SDKs. */
const REFUSED = -32000;
/** What such a refusal has that carries the request's id; other codes come from what serves the request. */
const OUTER_CODES: ReadonlySet<number> = new Set([...SESSION_CODES, REFUSED, -32600]);

/**
 * What a server says to a request when it answers its POST with a body and no event stream: the message in the body, whatever the
 * status; or, where there is none (a proxy's page, or nothing), an error that tells the status.
 */
export function answerIn(
  body: string,
  shown: string,
  awaiting: RpcId,
  { status = 0, retryAfterMs }: RefusalFacts,
): Message {
  const message = messageIn(body);
  if (message === undefined || !isResponse(message)) {
    return unavailable(awaiting, `${shown}: ${statusText(status, cut(body, 200))}`, { status, retryAfterMs });
  }
  // Who is asked for a key, or refused, learns which address that was.
  if ((status === 401 || status === 403) && 'error' in message && (message.id ?? null) === null) {
    const said = typeof message.error.message === 'string' ? cut(message.error.message, 200) : '';
    return unavailable(awaiting, `${shown}: ${statusText(status, said)}`, { status, retryAfterMs });
  }
  const answer = { ...message, id: awaiting };
  if (!('error' in answer) || retryAfterMs === undefined) return answer;
  const { data = {} } = answer.error;
  return isObject(data) ? failure(awaiting, { ...answer.error, data: { retryAfterMs, ...data } }) : answer;
}

/** The answer to a request that a remote server cannot be brought to answer. */
export function unavailable(awaiting: RpcId, detail: string, { status, retryAfterMs }: RefusalFacts = {}): Message {
  const data = { ...(status !== undefined && { status }), ...(retryAfterMs !== undefined && { retryAfterMs }) };
  return failure(awaiting, new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', { detail, data }).toRpc());
}

/**
 * Whether a response says that the server does not know the session (404 by the specification; 400 by several servers).
 * An error that answers the request by its own id is an answer, unless it names the session.
 *
 * @returns `refused` where it is certain that the server did nothing with the message, `likely` where it is not.
 */
export function sessionLoss(
  body: string,
  status: number,
  awaiting: RpcId | undefined,
): 'refused' | 'likely' | undefined {
  if (status !== 404 && status !== 400 && status !== 410) return undefined;
  const message = messageIn(body);
  const error = message !== undefined && 'error' in message ? message.error : undefined;
  const said: unknown = error === undefined ? body : error.message;
  const text = typeof said === 'string' ? said : '';
  const code = Number(error?.code);
  const namesSession = SESSION_CODES.has(code) || /\bsession/i.test(text.slice(0, 1000));
  const isAnswer =
    message !== undefined && isResponse(message) && awaiting !== undefined && String(message.id) === String(awaiting);
  if (namesSession && (!isAnswer || OUTER_CODES.has(code))) return 'refused';
  if (isAnswer) return undefined;
  if (status !== 400) return 'refused';
  return code === REFUSED && !/protocol.?version/i.test(text) ? 'likely' : undefined;
}

/**
 * Reads why a server refuses, as far as it says so in a few words.
 *
 * @param onRead called once, with the message of an error in JSON, the text, or nothing.
 */
export function readRefusal(response: IncomingMessage, onRead: (said: string) => void): void {
  let text = '';
  response.setEncoding('utf8');
  response.on('error', () => {});
  response.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > MAX_REFUSAL_LENGTH) response.destroy();
  });
  const timer = setTimeout(() => response.destroy(), REFUSAL_MS).unref();
  response.once('close', () => {
    clearTimeout(timer);
    onRead(saidIn(text));
  });
}

/** What the body of a refusal says in a few words: the message of an error in JSON, the text, or nothing. */
export function saidIn(body: string): string {
  const message = messageIn(body);
  const error = message !== undefined && 'error' in message ? message.error : undefined;
  const isPage = body.trimStart().startsWith('<');
  return typeof error?.message === 'string' ? error.message : isPage ? '' : cut(body, 200);
}

function messageIn(body: string): ParsedMessage | undefined {
  try {
    return parseMessage(withoutMark(body));
  } catch {
    return undefined;
  }
}
