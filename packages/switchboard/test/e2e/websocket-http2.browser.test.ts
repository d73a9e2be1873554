/** A browser that has a connection of HTTP/2 already opens its WebSockets on it (RFC 8441). */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { TestAuthority } from '../support/certificates.ts';
import { launchChromium } from '../support/chromium.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { initializeParams, toolCall } from '../support/wire.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
}, 60_000);
afterAll(() => browser?.close());

it('Chromium: twenty WebSockets on the connection of the page, and every call has its own answer', async () => {
  const authority = await TestAuthority.create();
  const { port } = await startGateway({
    upstreams: { default: servers.demo },
    isolation: 'shared',
    ...authority.tls(),
  });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const wire = await context.newCDPSession(page);
  await wire.send('Network.enable');
  const statuses: number[] = [];
  wire.on('Network.webSocketHandshakeResponseReceived', ({ response }) => statuses.push(response.status));
  await page.goto(`https://localhost:${port}/healthz`);
  const answers = await page.evaluate(
    ([url, first, second]) =>
      Promise.all(
        Array.from(
          { length: 20 },
          (_, n) =>
            new Promise<string>((resolve) => {
              const socket = new WebSocket(url, ['mcp.r1', 'mcp']);
              socket.addEventListener('open', () => socket.send(first));
              socket.addEventListener('close', ({ code }) => resolve(`closed ${code}`));
              socket.addEventListener('message', ({ data }) => {
                const { id, result } = JSON.parse(data as string) as {
                  id?: number;
                  result?: { content: { text: string }[] };
                };
                if (id === 0) socket.send(second.replace('…', String(n)));
                if (id === 1) resolve(`${n} ${result?.content[0]?.text}`);
              });
            }),
        ),
      ),
    [
      `wss://localhost:${port}/mcp`,
      JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() }),
      JSON.stringify(toolCall(1, 'echo', { text: '…' })),
    ] as const,
  );
  expect(answers).toEqual(answers.map((_, n) => `${n} ${n}`));
  // Over HTTP/1.1 it would be 101.
  expect(statuses).toEqual(answers.map(() => 200));
});
