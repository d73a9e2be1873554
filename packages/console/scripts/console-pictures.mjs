// Takes the pictures of the console for the documents, or of all its views to look at:
//   node packages/console/scripts/console-pictures.mjs             docs/images/console*.png
//   node packages/console/scripts/console-pictures.mjs --all DIR   every view, wide and on a phone, light and dark; empty; with many sessions
// Gateway, servers, clients and Chromium are real.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client } from '@modelcontextprotocol/client';
import { createGateway } from 'mcp-switchboard';
import { serveConsole } from 'mcp-switchboard-console';
import { chromium } from 'playwright-core';

import { find } from '../../../scripts/programs.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const node = process.execPath;
const WIDE = { viewport: { width: 1360, height: 860 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const CLIENTS = [
  ['Claude Code', '2.1.0'],
  ['Cursor', '1.9.2'],
  ['VS Code', '1.104.0'],
  ['notes-bot', '0.3.1'],
];
const PEOPLE = ['ann', 'bob', 'carol', 'ci-runner'];
/** How long calls are made before pictures are taken, so that the charts have something to show, in ms. */
const LOAD_MS = 60_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const demo = { command: node, args: [join(root, 'servers/demo/dist/main.js')] };
const broken = {
  command: node,
  args: ['-e', 'console.error("Error: cannot open /srv/files: no such folder"); process.exit(3)'],
};
const hanging = { command: node, args: [join(root, 'packages/switchboard/test/fixtures/scripted-server.mjs')] };

/** @param sessions how many clients are connected; with some of them there are calls, and what goes wrong. */
async function start(sessions) {
  const gateway = createGateway({
    port: 0,
    warm: 0,
    rateLimit: 600,
    connectRateLimit: 'unlimited',
    maxConnections: 20_000,
    maxSessionsPerPrincipal: 20_000,
    isolation: 'shared',
    environment: process.env,
    servePages: serveConsole,
    upstreams: sessions === 0 ? { demo } : { demo, files: broken, github: hanging },
  });
  await gateway.listen();
  const clients = [];
  for (let nth = 0; nth < sessions; nth++) {
    const [name, version] = CLIENTS[nth % CLIENTS.length];
    const client = new Client({ name, version });
    const upstream = nth % 3 === 2 ? 'github' : 'demo';
    await client.connect(gateway.clientTransport({ upstream, principal: PEOPLE[nth % PEOPLE.length] }));
    clients.push(client);
  }
  const end = new AbortController();
  const work = async (client, nth) => {
    const call =
      nth % 3 === 2
        ? { name: 'echo', arguments: { text: 'hello' } }
        : { name: nth === 3 ? 'sum' : 'add', arguments: { a: 1, b: nth } };
    while (!end.signal.aborted) {
      await client.callTool(call).catch(() => {});
      await pause(40 + Math.random() * 400);
    }
  };
  for (const [nth, client] of clients.slice(0, 12).entries()) void work(client, nth);
  if (sessions > 0) {
    void clients[2].callTool({ name: 'never', arguments: {} }, { timeout: 600_000 }).catch(() => {});
    await pause(LOAD_MS);
    await new Client({ name: 'Zed', version: '0.210.0' })
      .connect(gateway.clientTransport({ upstream: 'files', principal: 'dave' }))
      .catch(() => {});
  }
  return {
    gateway,
    close: () => {
      end.abort();
      return gateway.close();
    },
  };
}

/** @param place of the view, as in its address; @param opens what is clicked, if anything. */
async function take(browser, gateway, { place, options, opens, file }) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const { url } = gateway.consoleLink();
  await page.goto(url);
  await page.getByText('Live', { exact: true }).waitFor();
  if (place !== '') await page.goto(url.split('#')[0] + place);
  await page.getByText('Live', { exact: true }).waitFor();
  if (opens !== undefined) await page.locator(opens).first().click();
  // What is live comes once a second.
  await pause(2500);
  await page.screenshot({ path: file });
  await context.close();
  console.log(file);
}

const VIEWS = [
  { name: 'overview', place: '' },
  { name: 'sessions', place: 'sessions', opens: '.table-row' },
  { name: 'requests', place: 'requests' },
  { name: 'servers', place: 'servers?id=files' },
  { name: 'tools', place: 'tools' },
];
const all = process.argv[2] === '--all';
const folder = all ? process.argv[3] : join(root, 'docs/images');
if (folder === undefined) throw new Error('Usage: console-pictures.mjs [--all DIR]');
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: find('chromium'), args: ['--no-sandbox'] });

async function takeAll(sessions, pictures) {
  const { gateway, close } = await start(sessions);
  try {
    for (const picture of pictures) await take(browser, gateway, picture);
  } finally {
    await close();
  }
}

const LIGHT = { ...WIDE, colorScheme: 'light' };
const DARK = { ...WIDE, colorScheme: 'dark' };
const to = (name) => join(folder, name);
try {
  if (all) {
    const each = VIEWS.flatMap(({ name, ...view }) => [
      { ...view, options: LIGHT, file: to(`${name}.png`) },
      { ...view, options: DARK, file: to(`${name}-dark.png`) },
      { ...view, opens: undefined, options: { ...PHONE, colorScheme: 'light' }, file: to(`${name}-phone.png`) },
      { ...view, opens: undefined, options: { ...PHONE, colorScheme: 'dark' }, file: to(`${name}-phone-dark.png`) },
    ]);
    await takeAll(8, each);
    await takeAll(
      0,
      VIEWS.map(({ name, place }) => ({ place: place.split('?')[0], options: LIGHT, file: to(`${name}-empty.png`) })),
    );
    await takeAll(2000, [{ place: 'sessions?group=principal', options: LIGHT, file: to('sessions-many.png') }]);
  } else {
    await takeAll(8, [
      { place: '', options: LIGHT, file: to('console.png') },
      { place: 'sessions', opens: '.table-row', options: DARK, file: to('console-sessions.png') },
      { place: '', options: { ...PHONE, colorScheme: 'dark' }, file: to('console-phone.png') },
    ]);
  }
} finally {
  await browser.close();
}
process.exit(0);
