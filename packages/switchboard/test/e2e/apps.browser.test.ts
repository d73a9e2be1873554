/** MCP Apps in Chromium: the published example server, shown by a host on the SDK of Apps, directly and through Switchboard. */
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import type { McpServer } from '@modelcontextprotocol/server';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { launchChromium, serve } from '../support/chromium.ts';
import type { Served } from '../support/chromium.ts';
import { root, servers, startGateway } from '../support/gateway.ts';

interface Shown {
  uri: string;
  mimeType: string;
  result: { time: string };
}
/** What `fixtures/app-host/main.js` leaves for us. */
declare global {
  var host: {
    connect(url: string, mode: string): Promise<{ getProtocolEra(): string }>;
    show(client: unknown, name: string): Promise<Shown>;
  };
  var client: Awaited<ReturnType<typeof globalThis.host.connect>>;
}

const PAGE = 'ui://get-time/mcp-app.html';
const program = `${root}node_modules/@modelcontextprotocol/server-basic-vanillajs/dist/index.js`;
const clock = { command: process.execPath, args: [program, '--stdio'] };

let browser: Browser;
let site: Served;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchboard-apps-'));
  const source = fileURLToPath(new URL('../fixtures/app-host', import.meta.url));
  await build({ root: source, configFile: false, logLevel: 'error', build: { outDir: folder, modulePreload: false } });
  site = await serve(folder);
  browser = await launchChromium();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  site?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A page of the host that is connected to a server. */
async function hostOf(url: string, mode: 'legacy' | 'auto'): Promise<Page> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.goto(site.address);
  await page.evaluate(async (to) => void (globalThis.client = await globalThis.host.connect(to.url, to.mode)), {
    url,
    mode,
  });
  return page;
}

const show = (page: Page, tool: string): Promise<Shown> =>
  page.evaluate((name) => globalThis.host.show(globalThis.client, name), tool);

/** What holds wherever an App works: its page shows the result of the call, and gets another by a call of its own. */
async function expectAlive(page: Page, shown: Shown): Promise<void> {
  expect(shown).toMatchObject({
    mimeType: 'text/html;profile=mcp-app',
    result: { time: expect.stringMatching(/^\d{4}-/) },
  });
  const app = page.frameLocator('iframe').last();
  const time = app.locator('#server-time');
  await expect.poll(() => time.textContent()).toBe(shown.result.time);
  await app.locator('#get-time-btn').click();
  await expect.poll(() => time.textContent()).not.toBe(shown.result.time);
  expect(await time.textContent()).toMatch(/^\d{4}-\d\d-\d\dT/);
}

describe('the example App', () => {
  it('shows its result and calls its tool without a gateway', async () => {
    const page = await hostOf(await serveDirectly(), 'legacy');
    const shown = await show(page, 'get-time');
    expect(shown.uri).toBe(PAGE);
    await expectAlive(page, shown);
  });

  describe.each(['legacy', 'auto'] as const)('in a host that connects as %s', (mode) => {
    const allowed = (): { allowedOrigins: string[] } => ({ allowedOrigins: [new URL(site.address).origin] });

    it.each(['session', 'shared'] as const)('works through Switchboard, isolation %s', async (isolation) => {
      const test = await startGateway({ upstreams: { clock }, isolation, ...allowed() });
      const page = await hostOf(test.http, mode);
      expect(await page.evaluate(() => globalThis.client.getProtocolEra())).toBe(mode === 'auto' ? 'modern' : 'legacy');
      const shown = await show(page, 'get-time');
      expect(shown.uri).toBe(PAGE);
      await expectAlive(page, shown);
    });

    it('works at the address of several servers, where it calls its tool by its own name', async () => {
      const test = await startGateway({ upstreams: { demo: servers.demo, clock }, ...allowed() });
      const page = await hostOf(test.all.http, mode);
      const shown = await show(page, 'clock__get-time');
      expect(shown.uri).toBe(PAGE);
      await expectAlive(page, shown);
      const ended = test.events.filter((event) => event.type === 'request.ended' && event.method === 'tools/call');
      expect(ended.map((event) => 'upstream' in event && [event.upstream, 'target' in event && event.target])).toEqual([
        ['clock', 'get-time'],
        ['clock', 'get-time'],
      ]);
    });

    it.each(['first', 'second'])('works twice at one address, with one and the same URI: the %s', async (name) => {
      const test = await startGateway({ upstreams: { first: clock, second: clock }, ...allowed() });
      const page = await hostOf(test.all.http, mode);
      const shown = await show(page, `${name}__get-time`);
      expect(shown.uri).toBe(name === 'first' ? PAGE : 'ui://second.switchboard/get-time/mcp-app.html');
      await expectAlive(page, shown);
      const reached = test.events.flatMap((event) =>
        event.type === 'request.ended' && (event.method === 'tools/call' || event.method === 'resources/read')
          ? [event.upstream]
          : [],
      );
      expect(reached).toEqual([name, name, name]);
    });
  });
});

/** Serves the example without Switchboard, as its own command does, but for this machine only. @returns its address. */
async function serveDirectly(): Promise<string> {
  const main = pathToFileURL(program.replace('index.js', 'server.js')).href;
  const { createServer: createExample } = (await import(main)) as { createServer(): McpServer };
  const http = createHttpServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*').setHeader('access-control-allow-headers', '*');
    if (request.method === 'OPTIONS') {
      response.end();
      return;
    }
    const mcp = createExample();
    const transport = new NodeStreamableHTTPServerTransport({});
    response.on('close', () => void mcp.close());
    void mcp.connect(transport as never).then(() => transport.handleRequest(request, response));
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
}
