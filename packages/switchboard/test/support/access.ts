/** A gateway that wants keys, and callers who show one. */
import { expect } from 'vitest';
import { WebSocket } from 'ws';

import { servers, startGateway } from './gateway.ts';
import type { TestGateway } from './gateway.ts';
import { http } from './http.ts';
import { bearer, testKeys } from './keys.ts';
import type { TestKeys } from './keys.ts';
import { WireClient, envelope, initializeParams } from './wire.ts';
import type { Json } from './wire.ts';

const upstreams = { default: servers.scripted };

export async function startWithKeys(
  options: Record<string, unknown> = {},
): Promise<TestGateway & { keys: TestKeys; ann: string; ben: string }> {
  const keys = testKeys();
  const [ann, ben] = [keys.add('ann'), keys.add('ben')];
  return { ...(await startGateway({ upstreams, keysFile: keys.path, ...options })), keys, ann, ben };
}

export const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
export const modern = (id: unknown, method: string, params: Json = {}, capabilities: Json = {}): Json => ({
  jsonrpc: '2.0',
  id,
  method,
  params: { ...params, _meta: envelope(capabilities) },
});
export const modernHeaders = (method: string, name?: string): Record<string, string> => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
  ...(name !== undefined && { 'mcp-name': name }),
});

/** The status that an upgrade is refused with, or 101. */
export function upgrade(url: string, protocols: string[], headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols, { headers });
    socket.on('open', () => {
      socket.terminate();
      resolve(101);
    });
    socket.on('unexpected-response', (_, response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    socket.on('error', () => {});
  });
}

/** A legacy session over HTTP with what shows who opens it. */
export async function session(test: TestGateway, headers: Record<string, string>): Promise<Record<string, string>> {
  const opened = await http(test.http, { headers, body: initialize });
  expect(opened.status).toBe(200);
  return { 'mcp-session-id': String(opened.headers['mcp-session-id']), 'mcp-protocol-version': '2025-11-25' };
}

export async function open(test: TestGateway, token: string, protocols: string[] = ['mcp']): Promise<WireClient> {
  const client = await WireClient.open(test.ws, { headers: bearer(token) }, protocols);
  client.send(initialize);
  await client.answer(0);
  return client;
}

export async function ticketFor(
  test: TestGateway,
  token: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const url = new URL('/ticket', test.http).href;
  const { status, body } = await http(url, { headers: { ...bearer(token), ...headers } });
  expect(status).toBe(200);
  return (JSON.parse(body) as { ticket: string }).ticket;
}
