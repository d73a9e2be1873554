/** A gateway with real servers and the console, for one test. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRequire } from 'node:module';
import { Client } from '@modelcontextprotocol/client';
import { createGateway, type Gateway, type GatewayOptions } from 'mcp-switchboard';
import { serveConsole } from 'mcp-switchboard-console';
import type { Page } from 'playwright-core';
import { endWith } from './browser.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

export const servers = {
  demo: { command: process.execPath, args: [`${root}servers/demo/dist/main.js`] },
  /** Does what a test says, such as never to answer. */
  scripted: { command: process.execPath, args: [`${root}packages/switchboard/test/fixtures/scripted-server.mjs`] },
  /** Cannot start, and says why in a text that a page could take for a script. */
  broken: {
    command: process.execPath,
    args: ['-e', 'console.error("Error: <img src=x onerror=window.hit=1> no such folder"); process.exit(3)'],
  },
};

export interface ConsoleServer {
  readonly gateway: Gateway;
  readonly origin: string;
  /** Connects a client of the official SDK, with `*` to all servers as one. */
  connect(upstream: string, principal: string, name?: string): Promise<Client>;
  /** A link that signs in. */
  link(): string;
}

export async function startConsole(options: Partial<GatewayOptions> = {}): Promise<ConsoleServer> {
  const gateway = createGateway({
    port: 0,
    warm: 0,
    rateLimit: 'unlimited',
    connectRateLimit: 'unlimited',
    isolation: 'shared',
    environment: process.env,
    servePages: serveConsole,
    upstreams: { demo: servers.demo, scripted: servers.scripted, files: servers.broken },
    ...options,
  });
  endWith(() => gateway.close());
  await gateway.listen();
  const link = (): string => gateway.consoleLink()!.url;
  const connect = async (upstream: string, principal: string, name = 'Claude Code'): Promise<Client> => {
    const client = new Client({ name, version: '2.1.0' });
    await client.connect(gateway.clientTransport({ ...(upstream !== '*' && { upstream }), principal }) as never);
    endWith(() => client.close());
    return client;
  };
  return { gateway, origin: new URL(link()).origin, connect, link };
}

/** A folder of one test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'switchboard-console-'));
  endWith(async () => rmSync(path, { recursive: true }));
  return path;
}

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string }[];
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What of the accessibility of a page is seriously wrong. It is looked at from beside the page, whose policy lets nothing in. */
export async function seriousFaults(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId: contextId } = await session.send('Page.createIsolatedWorld', {
    frameId: frameTree.frame.id,
  });
  await session.send('Runtime.evaluate', { expression: axe, contextId });
  const { result } = await session.send('Runtime.evaluate', {
    expression: 'axe.run().then(({ violations }) => JSON.stringify(violations))',
    contextId,
    awaitPromise: true,
  });
  await session.detach();
  const violations = JSON.parse(String(result.value)) as Violation[];
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}
