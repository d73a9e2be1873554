/** One HTTP exchange of a client, passed on to the node that owns its session: there and back, while it comes. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

import { failure, isObject } from '../protocol/jsonrpc.ts';
import type { RpcId } from '../protocol/jsonrpc.ts';
import { isEventStream } from '../transports/http/media.ts';
import { frame } from '../transports/http/reply.ts';
import { CALLER_HEADER, encodeCaller } from './peer-caller.ts';
import type { PeerCaller } from './peer-caller.ts';
import { lossOf } from './peer-link.ts';
import type { Peer, PeerAnswer, PeerLink } from './peer-link.ts';
import { SIGNATURE_HEADER } from './signature.ts';

export interface ForwardedExchange {
  request: IncomingMessage;
  response: ServerResponse;
  /** The body of the request, which was read where it came in. */
  body: Buffer | undefined;
  /** Where it is for at the owner. @default the URL of the request */
  path?: string;
  caller: PeerCaller;
  /** Whom it is counted for. @default nobody */
  account?: string;
  /** Headers that the upstream wants of its callers, in small letters. Other credentials of a client stay where it came in. */
  callerHeaders: readonly string[];
}

/** What of a client's request the owner of its session needs to see. */
const PASSED =
  /^(accept|content-type|last-event-id|user-agent|traceparent|tracestate|baggage|switchboard-via|mcp-[\w-]+)$/;
/** What belongs to one connection, and what a node says to another alone. */
const HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date', SIGNATURE_HEADER]);

const LF = 0x0a;

/**
 * Resolves when the client has been answered, or has hung up.
 *
 * @throws {SwitchboardError} as {@link PeerLink.send}; the client has not been answered then.
 */
export async function forwardExchange(
  { request, response, body, path = request.url ?? '', caller, account, callerHeaders }: ForwardedExchange,
  owner: Peer,
  link: PeerLink,
): Promise<void> {
  // It may have hung up while the owner was looked up; then its close has been heard already.
  if (response.destroyed) return;
  const { method = '' } = request;
  const hangUp = new AbortController();
  const onClose = (): void => hangUp.abort();
  response.once('close', onClose);
  try {
    const headers = { ...passed(request.headers, callerHeaders), [CALLER_HEADER]: encodeCaller(caller) };
    const answer = await link.send(owner, { method, path, headers, body, account, signal: hangUp.signal });
    await passBack(answer, response, owner, () => idIn(body));
  } catch (error) {
    // Nobody is there who could be told.
    if (!hangUp.signal.aborted) throw error;
  } finally {
    response.off('close', onClose);
  }
}

function passed(headers: IncomingHttpHeaders, callerHeaders: readonly string[]): Record<string, string> {
  const all = Object.entries(headers).filter(([name]) => PASSED.test(name) || callerHeaders.includes(name));
  return Object.fromEntries(all.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])));
}

async function passBack(
  { status, headers, body }: PeerAnswer,
  response: ServerResponse,
  owner: Peer,
  askedId: () => RpcId | undefined,
): Promise<void> {
  /** The last two bytes, which say whether an event is whole. */
  let tail: readonly number[] = [LF, LF];
  try {
    const known = Object.entries(headers).filter(([name, value]) => !HOP.has(name) && value !== undefined);
    response.writeHead(status, Object.fromEntries(known) as OutgoingHttpHeaders);
    // The head of a stream says that there is one; that of a short answer goes with it.
    if (isEventStream(headers)) response.flushHeaders();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      tail = [...tail, ...chunk.subarray(-2)].slice(-2);
      if (!response.write(chunk)) await drained(response);
      if (response.destroyed) return;
    }
    response.end();
  } catch (thrown) {
    const isWhole = tail.every((byte) => byte === LF);
    if (response.destroyed) return;
    if (!response.headersSent) throw thrown;
    // Whoever waits for an answer in the stream gets one; what is cut in the middle can only be cut.
    const rpcId = isEventStream(headers) && isWhole ? askedId() : undefined;
    if (rpcId !== undefined) {
      response.end(frame(failure(rpcId, lossOf(thrown, owner).toRpc())));
    } else response.destroy();
  } finally {
    body.destroy();
  }
}

/** Resolves when the client has read, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) {
      resolve();
      return;
    }
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

/** The id of the one request in a body; a batch has several, and is answered as a whole or not at all. */
export function idIn(body: Buffer | undefined): RpcId | undefined {
  if (body === undefined) return undefined;
  try {
    const message: unknown = JSON.parse(body.toString('utf8'));
    if (!isObject(message) || typeof message['method'] !== 'string') return undefined;
    const { id } = message;
    return typeof id === 'string' || typeof id === 'number' ? id : undefined;
  } catch {
    return undefined;
  }
}
