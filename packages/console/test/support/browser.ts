/** The pages in a real browser, one for each test file, against servers with a script. */
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { find } from '../../../../scripts/programs.mjs';
import { startChatServer, type ChatServer, type ChatServerOptions, type Script } from './chat-server.ts';

let browser: Browser;
beforeAll(async () => {
  // The sandbox of Chromium cannot be had in every container, and only our own pages are shown.
  browser = await chromium.launch({ executablePath: find('chromium')!, args: ['--no-sandbox'] });
});
afterAll(() => browser.close());

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

export async function serve(script: Script, options: Partial<ChatServerOptions> = {}): Promise<ChatServer> {
  const server = await startChatServer({ script, ...options });
  ends.push(server.close);
  return server;
}

/** What went wrong in a page: errors, what the policy stopped, and requests to elsewhere. */
export const wrongs = new WeakMap<Page, string[]>();

export const open = (server: ChatServer, options: BrowserContextOptions = {}): Promise<Page> =>
  openAt(server.url, options);

/** Opens an address as somebody who was never there. */
export async function openAt(url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  context.setDefaultTimeout(10_000);
  ends.push(() => context.close());
  const page = await context.newPage();
  const wrong: string[] = [];
  wrongs.set(page, wrong);
  page.on('pageerror', ({ message }) => wrong.push(message));
  page.on('console', (message) => {
    if (/Content Security Policy|Trusted/i.test(message.text())) wrong.push(message.text());
  });
  const { origin } = new URL(url);
  page.on('request', (request) => {
    if (!/^(data:|blob:)/.test(request.url()) && !request.url().startsWith(`${origin}/`)) wrong.push(request.url());
  });
  await page.goto(url);
  return page;
}

/** Ends something with the test. */
export const endWith = (end: () => Promise<unknown>): void => void ends.push(end);

export const box = (page: Page) => page.getByLabel('Message', { exact: true });
export const turn = (page: Page) => page.locator('.turn').last();

export async function say(page: Page, text: string): Promise<void> {
  await box(page).fill(text);
  await box(page).press('Enter');
}
/** Waits for a text, but not in what only screen readers are told. */
export const shown = (page: Page, text: string) => page.locator('.timeline').getByText(text).first().waitFor();
export const gone = (page: Page, text: string) =>
  page.locator('.timeline, .composer').getByText(text).first().waitFor({ state: 'detached' });
export const written = (page: Page) => expect.poll(() => box(page).inputValue());
