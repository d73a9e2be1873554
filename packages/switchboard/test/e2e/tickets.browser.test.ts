/** Tickets in a real browser: what a page of an allowed origin does with one, and what pages of others can do with what they stole. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { bearerSubprotocol, ticketSubprotocol } from '../../src/transports/websocket/subprotocols.ts';
import { startWithKeys } from '../support/access.ts';
import { launchChromium } from '../support/chromium.ts';
import type { TestGateway } from '../support/gateway.ts';
import { bearer } from '../support/keys.ts';
import { initializeParams, toolCall } from '../support/wire.ts';

let browser: Browser;
beforeAll(async () => {
  // Pages of this machine may do more than those of strangers: these names make it neither of ours nor any other machine's.
  browser = await launchChromium('--host-resolver-rules=MAP *.example 127.0.0.1');
}, 60_000);
afterAll(() => browser?.close());

/** A web server with nothing but an empty page, which is of another origin by every name. @returns its port. */
async function servePage(): Promise<number> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>A page</title>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function open(origin: string): Promise<Page> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.goto(origin);
  return page;
}

/** Posts from the page. @returns the body of the answer, or `unreadable` where the browser does not let the page have it. */
const post = (page: Page, url: string, init: Omit<RequestInit, 'method'> = {}): Promise<string> =>
  page.evaluate(
    async ([to, how]) => {
      try {
        const answer = await fetch(to, { method: 'POST', ...how });
        return answer.type === 'opaque' ? 'unreadable' : await answer.text();
      } catch {
        return 'unreadable';
      }
    },
    [url, init] as const,
  );

/** Opens a WebSocket from the page, and a session over it, and calls a tool. @returns its answer, or `refused`. */
const talk = (page: Page, url: string, ...protocols: string[]): Promise<string> =>
  page.evaluate(
    ([to, offered, first, second]) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(to, [...offered]);
        const send = (message: object): void => socket.send(JSON.stringify(message));
        socket.addEventListener('error', () => resolve('refused'));
        socket.addEventListener('open', () => send(first));
        socket.addEventListener('message', ({ data }) => {
          const { id, result } = JSON.parse(String(data)) as { id?: number; result: { content: { text: string }[] } };
          if (id === 0) {
            send({ jsonrpc: '2.0', method: 'notifications/initialized' });
            send(second);
          } else if (id === 1) {
            resolve(result.content[0]!.text);
            socket.close();
          }
        });
      }),
    [
      url,
      ['mcp', ...protocols],
      { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() },
      toolCall(1, 'echo', { text: 'hello' }),
    ] as const,
  );

/** A gateway that one origin may use, and a page of that. */
async function start(): Promise<TestGateway & { ann: string; chat: Page; ticket: () => Promise<string>; url: string }> {
  const origin = `http://chat.example:${await servePage()}`;
  const test = await startWithKeys({ allowedOrigins: [origin] });
  const chat = await open(origin);
  const url = new URL('/ticket', test.http).href;
  const ticket = async (): Promise<string> => {
    const answer = await post(chat, url, { headers: bearer(test.ann) });
    return ticketSubprotocol((JSON.parse(answer) as { ticket: string }).ticket);
  };
  return { ...test, chat, ticket, url };
}

/** What happened, less what tells of the gateway itself. */
const happened = ({ events }: TestGateway): string[] =>
  events.flatMap((event) =>
    event.type === 'listening' ? [] : [event.type === 'connection.refused' ? event.code : event.type],
  );

describe('a page', () => {
  it('of an allowed origin gets a ticket for its key, and with it one WebSocket, which is the owner of the key', async () => {
    const test = await start();
    const ticket = await test.ticket();
    expect(await talk(test.chat, test.ws, ticket)).toBe('hello');
    const called = test.events.filter(({ type }) => type === 'request.ended');
    expect(called).toMatchObject([{ principal: 'ann', method: 'tools/call', outcome: 'ok' }]);
    const before = happened(test).filter((what) => what === 'session.opened');
    expect(await talk(test.chat, test.ws, ticket)).toBe('refused');
    expect(await talk(test.chat, test.ws)).toBe('refused');
    expect(happened(test).filter((what) => what === 'SWB_UNAUTHORIZED')).toHaveLength(2);
    expect(happened(test).filter((what) => what === 'session.opened')).toEqual(before);
  });

  it.each(['chat.example', 'hostile.example'])(
    'of another origin, on %s, gets nothing for a key or a ticket that it stole, and nothing reaches MCP',
    async (host) => {
      const test = await start();
      const ticket = await test.ticket();
      const hostile = await open(`http://${host}:${await servePage()}`);
      const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
      const json = { 'content-type': 'application/json' };
      const tries: Omit<RequestInit, 'method'>[] = [
        {},
        { headers: bearer(test.ann) },
        { headers: { 'x-api-key': test.ann } },
        { headers: { ...bearer(test.ann), ...json }, body },
        // What a page may send elsewhere without asking first.
        { mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body },
      ];
      for (const init of tries) {
        for (const url of [test.url, test.http]) expect(await post(hostile, url, init)).toBe('unreadable');
      }
      for (const shown of [[], [bearerSubprotocol(test.ann)], [ticket]]) {
        expect(await talk(hostile, test.ws, ...shown)).toBe('refused');
      }
      expect(happened(test)).toEqual(Array.from({ length: tries.length * 2 + 3 }, () => 'SWB_ORIGIN_REFUSED'));
      // They were good: it was the page that was refused.
      expect(await talk(test.chat, test.ws, ticket)).toBe('hello');
    },
  );

  it('of this machine that is not listed reads nothing and has no use of a ticket of another, but comes in with a key', async () => {
    const test = await start();
    const ticket = await test.ticket();
    const neighbour = await open(`http://localhost:${await servePage()}`);
    for (const init of [{}, { headers: bearer(test.ann) }, { mode: 'no-cors' as const }]) {
      for (const url of [test.url, test.http]) expect(await post(neighbour, url, init)).toBe('unreadable');
    }
    for (const shown of [[], [ticket]]) expect(await talk(neighbour, test.ws, ...shown)).toBe('refused');
    expect(happened(test).filter((what) => !/^SWB_(UNAUTHORIZED|METHOD_NOT_ALLOWED)$/.test(what))).toEqual([]);
    expect(await talk(neighbour, test.ws, bearerSubprotocol(test.ann))).toBe('hello');
  });
});
