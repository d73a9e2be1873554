/** A modern request over HTTP: one POST, one answer; closing the connection is how it is cancelled (MCP 2026-07-28, Transports). */
import type { IncomingMessage } from 'node:http';

import { META, metaOf } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isRequest } from '../protocol/jsonrpc.ts';
import type { Message, RpcRequest } from '../protocol/jsonrpc.ts';
import { decodeHeader, nameOf } from '../transports/http/headers.ts';
import { Reply } from '../transports/http/reply.ts';
import { Calls } from './calls.ts';
import type { Arrival, CallerContext } from './context.ts';
import type { HttpLimits, HttpVisit } from './http.ts';
import { openModern } from './modern.ts';

/** The codes that a modern server answers with a status of their own; every other error is in the body of a 200. */
const STATUS: ReadonlyMap<number, number> = new Map([
  [-32601, 404],
  [-32020, 400],
  [-32021, 400],
  [-32022, 400],
]);

/** @throws {SwitchboardError} when the request cannot be opened. */
export function serveModernPost(
  message: Message,
  { request, response }: HttpVisit,
  arrival: Arrival,
  context: CallerContext,
  { maxQueueBytes, keepAliveMs }: HttpLimits,
): void {
  if (!isRequest(message)) {
    response.writeHead(202).end();
    return;
  }
  checkHeaders(message, request);
  const calls = new Calls(context);
  let reply: Reply | undefined;
  const early: (() => void)[] = [];
  const write = (action: (to: Reply) => void): void => {
    if (reply === undefined) early.push(() => action(reply!));
    else action(reply);
  };
  openModern(message, arrival, context, calls, {
    send: (out) =>
      write((to) => {
        if ('method' in out) to.push(out);
        else to.finish(out, 'error' in out ? (STATUS.get(out.error.code) ?? 200) : 200);
      }),
  });
  // Only now: an error that was thrown above is answered with its own status.
  reply = new Reply(response, { maxQueueBytes, keepAliveMs }, () => calls.cancelAll('the client hung up'));
  if (message.method === 'subscriptions/listen') reply.stream();
  for (const action of early) action();
}

function checkHeaders({ method, params }: RpcRequest, { headers }: IncomingMessage): void {
  const version = metaOf(params)?.[META.protocolVersion];
  if (version === undefined) {
    const detail = `the MCP-Protocol-Version header names a modern version, but _meta["${META.protocolVersion}"] is missing`;
    throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
  }
  mustAgree('MCP-Protocol-Version', headers['mcp-protocol-version'], version);
  mustAgree('Mcp-Method', headers['mcp-method'], method);
  const name = nameOf(method, params);
  const repeated = headers['mcp-name'];
  if (name !== undefined) mustAgree('Mcp-Name', typeof repeated === 'string' ? decodeHeader(repeated) : repeated, name);
}

function mustAgree(header: string, found: string | string[] | undefined, body: unknown): void {
  if (found === body) return;
  const detail = `${header} is ${found === undefined ? 'missing' : JSON.stringify(found)}, the body says ${JSON.stringify(body)}`;
  throw new SwitchboardError('SWB_HEADER_MISMATCH', { detail, data: { header } });
}
