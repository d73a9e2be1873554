/** A modern request over HTTP: one POST, one answer; closing the connection is how it is cancelled (MCP 2026-07-28, Transports). */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { INTERACTIVE, META, metaOf } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isRequest, textOf } from '../protocol/jsonrpc.ts';
import type { Message, RpcRequest } from '../protocol/jsonrpc.ts';
import { paramAgrees, paramText } from '../protocol/param-headers.ts';
import { argumentsOf } from '../protocol/raw-arguments.ts';
import type { Slot } from '../router/exchange.ts';
import { decodeHeader, nameOf } from '../transports/http/headers.ts';
import { Reply } from '../transports/http/reply.ts';
import { Calls } from './calls.ts';
import type { CallerContext } from './context.ts';
import type { Arrival } from './arrival.ts';
import type { HttpLimits, HttpVisit } from './http-visit.ts';
import { admitModern, openModern } from './modern.ts';

/** The codes that a modern server answers with a status of their own; every other error is in the body of a 200. */
const STATUS: ReadonlyMap<number, number> = new Map([
  [-32601, 404],
  [-32020, 400],
  [-32021, 400],
  [-32022, 400],
]);

/** Rejects with a `SwitchboardError` when the request cannot be opened. */
export async function serveModernPost(
  message: Message,
  { request, response }: HttpVisit,
  arrival: Arrival,
  context: CallerContext,
  { maxQueueBytes, keepAliveMs }: HttpLimits,
): Promise<void> {
  if (!isRequest(message)) {
    response.writeHead(202).end();
    return;
  }
  checkHeaders(message, request);
  const calls = new Calls(context);
  const admitted = admitModern(message, arrival, context, calls);
  const { slot, release } = admitted;
  // Kept until the exchange keeps it, so that nobody else is given it meanwhile.
  const letGo = slot.retain(INTERACTIVE.has(message.method));
  try {
    if (message.method === 'tools/call') await checkParamHeaders(message, request, slot);
    if (response.destroyed) {
      release();
      return;
    }
    const reply = new Reply(response, { maxQueueBytes, keepAliveMs }, () => calls.cancelAll('the client hung up'));
    if (message.method === 'subscriptions/listen') reply.stream();
    try {
      openModern(message, admitted, calls, {
        send(out) {
          if ('method' in out) reply.push(out);
          else reply.finish(out, 'error' in out ? (STATUS.get(out.error.code) ?? 200) : 200);
        },
      });
    } catch (error) {
      reply.abandon();
      throw error;
    }
  } catch (error) {
    release();
    throw error;
  } finally {
    letGo();
  }
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
  if (name !== undefined) mustAgree('Mcp-Name', decoded('Mcp-Name', headers), name);
}

/** A tool's schema may mark arguments that headers must repeat; whoever reads the body must compare the two. */
async function checkParamHeaders(
  { method, params }: RpcRequest,
  { headers }: IncomingMessage,
  slot: Slot,
): Promise<void> {
  try {
    const member = await slot.member({ method, params });
    const wanted = await member.paramHeaders(textOf(params?.['name']));
    if (wanted.length === 0 || params === undefined) return;
    const args = argumentsOf(params);
    // What was compared is what the server gets: of a key that stands there twice it could take the other value.
    if (args !== undefined) params['arguments'] = args;
    for (const each of wanted) {
      const expected = paramText(each, args);
      if (expected === undefined) continue;
      const found = decoded(each.header, headers);
      if (found === undefined || !paramAgrees(each, found, expected)) mustAgree(each.header, found, expected);
    }
  } catch (error) {
    // A member that cannot be had is told of by the call itself.
    if (error instanceof SwitchboardError && error.code === 'SWB_HEADER_MISMATCH') throw error;
  }
}

function decoded(header: string, headers: IncomingHttpHeaders): string | undefined {
  const value = headers[header.toLowerCase()];
  return typeof value === 'string' ? decodeHeader(header, value) : undefined;
}

function mustAgree(header: string, found: string | string[] | undefined, body: unknown): void {
  if (found === body) return;
  const detail = `${header} is ${found === undefined ? 'missing' : JSON.stringify(found)}, the body says ${JSON.stringify(body)}`;
  throw new SwitchboardError('SWB_HEADER_MISMATCH', { detail, data: { header } });
}
