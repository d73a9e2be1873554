/** A page in Chromium: built by Vite, served on a free port of this machine. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

import { find } from '../../../../scripts/programs.mjs';
import { createProject } from './vite.ts';

export interface BrowserRun {
  /** Opens the page in a tab of its own, which nobody else shares anything with. */
  open(): Promise<Page>;
  close(): Promise<void>;
}

export async function startBrowser(): Promise<BrowserRun> {
  const project = createProject();
  const { folder } = await project.build();
  const site = await serve(folder);
  const browser = await launchChromium();
  return {
    async open() {
      const page = await browser.newPage();
      await page.goto(site.address);
      return page;
    },
    async close() {
      await browser.close();
      site.close();
      project.remove();
    },
  };
}

/** Without a page. */
export function launchChromium(...flags: string[]): Promise<Browser> {
  // As root it has no sandbox, and in a container little shared memory.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', ...flags];
  return chromium.launch({ executablePath: find('chromium')!, args });
}

export interface Served {
  address: string;
  close(): void;
}

/** Serves a folder on a free port of this machine. */
export async function serve(folder: string): Promise<Served> {
  const types: Record<string, string> = { html: 'text/html', js: 'text/javascript' };
  const server = createServer(({ url = '/' }, response) => {
    const path = normalize(url === '/' ? '/index.html' : url);
    try {
      const content = readFileSync(join(folder, path));
      response.setHeader('content-type', types[path.split('.').at(-1)!] ?? 'application/octet-stream').end(content);
    } catch {
      response.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
