import { SwitchboardError } from '../../protocol/errors.ts';
import { failure, isResponse, parseMessage } from '../../protocol/jsonrpc.ts';
import type { Message, RpcId } from '../../protocol/jsonrpc.ts';
import { cut } from '../../util/cut.ts';

/**
 * What a server says to a request when it answers its POST with a body and no event stream: the message in the body, whatever the
 * status; or, where there is none (a proxy's page, or nothing), an error that tells the status.
 */
export function answerIn(body: string, status: number, awaiting: RpcId): Message {
  try {
    const message = parseMessage(body);
    if (isResponse(message)) return { ...message, id: awaiting };
  } catch {
    // Told below.
  }
  return unavailable(awaiting, `HTTP status ${status}${body === '' ? '' : `: ${cut(body, 200)}`}`);
}

/** The answer to a request that a remote server cannot be brought to answer. */
export const unavailable = (awaiting: RpcId, detail: string): Message =>
  failure(awaiting, new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', { detail }).toRpc());
