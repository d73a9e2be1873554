/** The client in a page: Chromium, a page that Vite built from the packed package, and a Switchboard in another process. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { WebSocketServerTransport } from '../../src/websocket.ts';
import type { WebSocketServerOptions } from '../../src/websocket.ts';
import { startBrowser } from '../support/chromium.ts';
import type { BrowserRun } from '../support/chromium.ts';
import { startCutter } from '../support/cutter.ts';
import { cli, servers } from '../support/gateway.ts';

/** What `fixtures/page/main.js` leaves for us. */
interface OpenClient {
  client: {
    close(): Promise<void>;
    callTool(call: object): Promise<{ content: { text: string }[]; structuredContent: unknown }>;
    getProtocolEra(): string;
    transport: Transport;
  };
  states: string[];
}
interface Transport {
  start(): Promise<void>;
  close(): Promise<void>;
  send(message: object): Promise<void>;
  receive(): AsyncIterableIterator<object>;
}
declare global {
  var page: {
    open(url: string, options?: object): Promise<OpenClient>;
    count(
      client: OpenClient['client'],
      to: number,
      delayMs: number,
      onprogress: (note: object) => void,
    ): Promise<object>;
    callOften(opened: OpenClient, calls: number): Promise<{ answers: number; wrong: string[] }>;
    WebSocketClientTransport: new (url: string, options?: object) => Transport;
  };
  var opened: OpenClient;
}

let browser: BrowserRun;
beforeAll(async () => {
  browser = await startBrowser();
}, 60_000);
afterAll(() => browser?.close());

async function openPage(): Promise<Page> {
  const page = await browser.open();
  onTestFinished(() => page.close());
  return page;
}

/** The built command with the demo server. */
async function startSwitchboard(...flags: string[]): Promise<{ url: string; port: number }> {
  const words = ['serve', '--port', '0', '--log-level', 'warn', '--isolation', 'shared', '--rate-limit', 'unlimited'];
  const { command, args } = servers.demo;
  const child = spawn(process.execPath, [cli, ...words, ...flags, '--', command, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill());
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^ +WebSocket +(\S+)$/.exec(line)?.[1];
    if (url !== undefined) return { url, port: Number(new URL(url).port) };
  }
  throw new Error('switchboard ended before it told its address');
}

async function listen(options: WebSocketServerOptions): Promise<string> {
  const server = new WebSocketServerTransport({ port: 0, ...options });
  onTestFinished(() => server.close());
  return server.listen();
}

describe('a page', () => {
  it.each(['auto', 'legacy'])('calls tools with progress, era %s', async (era) => {
    const { url } = await startSwitchboard();
    const page = await openPage();
    const seen = await page.evaluate(
      async ({ to, options }) => {
        const { client, states } = await globalThis.page.open(to, options);
        const sum = await client.callTool({ name: 'add', arguments: { a: 20, b: 22 } });
        const notes: object[] = [];
        const { structuredContent } = (await globalThis.page.count(client, 3, 10, (note) => notes.push(note))) as {
          structuredContent: unknown;
        };
        const spoken = client.getProtocolEra();
        await client.close();
        return { era: spoken, text: sum.content[0]!.text, notes, structuredContent, states };
      },
      { to: url, options: { era } },
    );
    expect(seen).toEqual({
      era: era === 'auto' ? 'modern' : 'legacy',
      text: '42',
      notes: [1, 2, 3].map((step) => ({ progress: step, total: 3, message: `Counted ${step} of 3` })),
      structuredContent: { counted: 3 },
      states: ['connecting', 'open', 'closed'],
    });
  });

  it('shows its token and a new ticket each time, which a page cannot do in headers', async () => {
    const seen: unknown[] = [];
    const url = await listen({
      authenticate: ({ headers }, shown) => {
        seen.push({ ...shown, header: headers.authorization });
        return shown.bearer === 'tökén/+=' ? { principal: 'ann' } : undefined;
      },
      onForeign: (_, { principal }) => ({ you: principal }),
    });
    const page = await openPage();
    const answers = await page.evaluate(async (to) => {
      let tickets = 0;
      const callWith = async (token: string): Promise<unknown> => {
        const transport = new globalThis.page.WebSocketClientTransport(to, { token, ticket: () => `t${++tickets}` });
        try {
          await transport.start();
        } catch (error) {
          return (error as { code: string }).code;
        }
        await transport.send({ who: 'am I' });
        const { value } = (await transport.receive().next()) as { value: unknown };
        await transport.close();
        return value;
      };
      return [await callWith('tökén/+='), await callWith('forged')];
    }, url);
    expect(answers).toEqual([{ you: 'ann' }, 'SWB_CONNECT_FAILED']);
    expect(seen).toEqual([
      { bearer: 'tökén/+=', ticket: 't1', header: undefined },
      { bearer: 'forged', ticket: 't2', header: undefined },
    ]);
  });

  it('goes on with a call that was running when its network went away', async () => {
    const { url } = await startSwitchboard();
    const page = await openPage();
    await page.evaluate(async (to) => void (globalThis.opened = await globalThis.page.open(to)), url);
    const answer = page.evaluate(async () => {
      const steps: number[] = [];
      const { client } = globalThis.opened;
      await globalThis.page.count(client, 50, 50, (note) => steps.push((note as { progress: number }).progress));
      return steps;
    });
    const states = (): Promise<string[]> => page.evaluate(() => globalThis.opened.states);
    await page.context().setOffline(true);
    // The first attempt to come back has failed.
    await expect.poll(async () => (await states()).slice(0, 4)).toEqual(['connecting', 'open', 'away', 'away']);
    await page.context().setOffline(false);
    expect(await answer).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect([...new Set(await states())]).toEqual(['connecting', 'open', 'away', 'resumed']);
  });

  it('gets every answer once and every progress note in order, through a thousand cuts at random bytes', async () => {
    // A thousand connections of one address in less than a minute, which the default refuses.
    const { port } = await startSwitchboard('--connect-rate-limit', 'unlimited');
    const cutter = await startCutter(port, () => 1200 + Math.floor(Math.random() * 1200));
    const page = await openPage();
    // Several connections at a time: each spends most of its life with waiting to come back.
    const [connections, calls] = [8, 400];
    const results = await page.evaluate(
      async ({ url, connections: many, calls: each }) => {
        const all = await Promise.all(Array.from({ length: many }, () => globalThis.page.open(url)));
        return Promise.all(all.map((one) => globalThis.page.callOften(one, each)));
      },
      { url: `ws://127.0.0.1:${cutter.port}/mcp`, connections, calls },
    );
    expect(results).toEqual(Array.from({ length: connections }, () => ({ answers: calls, wrong: [] })));
    expect(cutter.cuts).toBeGreaterThanOrEqual(1000);
  }, 180_000);
});
