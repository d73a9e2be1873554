// Takes the pictures of the console for the documents, or of all its views to look at:
//   node packages/console/scripts/console-pictures.mjs             docs/images/console*.png
//   node packages/console/scripts/console-pictures.mjs --all DIR [NAMES]   every view, wide and on a phone, light and dark; empty; with many
//     sessions; in error; NAMES is a regular expression for those that are wanted
// Gateway, servers, clients and Chromium are real.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
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
const LOAD_MS = Number(process.env.LOAD_MS ?? 60_000);

const TOKEN = 'the-admin-token-of-the-pictures';
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const demo = { command: node, args: [join(root, 'servers/demo/dist/main.js')] };
const broken = {
  command: node,
  args: ['-e', 'console.error("Error: cannot open /srv/files: no such folder"); process.exit(3)'],
};
const hanging = { command: node, args: [join(root, 'packages/switchboard/test/fixtures/scripted-server.mjs')] };

const ROLES = {
  default: {},
  reader: { upstreams: ['demo'], readOnly: true, limits: { requestsPerMinute: 120, concurrent: 4 } },
};
const KEYS = [
  { principal: 'ann', roles: ['reader'], label: 'laptop', expires: '90d' },
  { principal: 'ci-runner', roles: ['default'], label: 'build server' },
  { principal: 'olga', roles: ['operator'], label: 'on call' },
  { principal: 'arno', roles: ['auditor'] },
];

/** What an administrator has done before: keys, one of them revoked, and somebody who shows wrong ones. */
async function administer(gateway) {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const keys = `${gateway.adminUrl}/keys`;
  const make = async (key) => (await fetch(keys, { method: 'POST', headers, body: JSON.stringify(key) })).json();
  for (const key of KEYS) await make(key);
  const old = await make({ principal: 'bob', roles: ['reader'], label: 'old phone' });
  await fetch(`${keys}/${old.id}`, { method: 'DELETE', headers });
  const wrong = { authorization: 'Bearer swb_000000000000_wrong', 'content-type': 'application/json' };
  for (let nth = 0; nth < 12; nth++) {
    await fetch(new URL('/mcp/demo', gateway.adminUrl), { method: 'POST', headers: wrong, body: '{}' });
  }
}

/** @param sessions how many clients are connected; with some of them there are calls, and what goes wrong. */
async function start(sessions) {
  const home = mkdtempSync(join(tmpdir(), 'switchboard-pictures-'));
  const keysFile = join(home, 'keys.json');
  writeFileSync(keysFile, '{ "version": 1, "keys": [] }', { mode: 0o600 });
  const gateway = createGateway({
    ...(sessions > 0 && { keysFile, auditLog: join(home, 'audit.jsonl'), adminToken: TOKEN, roles: ROLES }),
    port: 0,
    warm: 0,
    rateLimit: sessions > 100 ? 100_000 : 600,
    connectRateLimit: 'unlimited',
    maxConnections: 20_000,
    maxSessionsPerPrincipal: 20_000,
    isolation: 'shared',
    environment: process.env,
    servePages: serveConsole,
    upstreams: sessions === 0 ? { demo } : { demo, files: broken, github: hanging },
  });
  await gateway.listen();
  if (sessions > 0) await administer(gateway);
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
    close: async () => {
      end.abort();
      await gateway.close();
      rmSync(home, { recursive: true });
    },
  };
}

/** A `serve` with a configuration file, as a process. */
async function serve() {
  const home = mkdtempSync(join(tmpdir(), 'switchboard-pictures-'));
  // As it is named, it is seen.
  const file = 'switchboard.json';
  const upstreams = { demo, github: hanging, files: { ...hanging, disabled: true } };
  writeFileSync(
    join(home, file),
    JSON.stringify({ rateLimit: 600, idleTimeout: '90m', upstreams, roles: ROLES }, null, 2),
    {
      mode: 0o600,
    },
  );
  const cli = join(root, 'packages/switchboard/dist/cli/main.js');
  const env = { ...process.env, XDG_RUNTIME_DIR: home, SWITCHBOARD_ADMIN_TOKEN: TOKEN };
  const child = spawn(node, [cli, 'serve', '--config', file, '--port', '0', '--log-level', 'silent'], {
    cwd: home,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let origin = '';
  for await (const line of createInterface({ input: child.stdout })) {
    origin = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? '';
    if (origin !== '') break;
  }
  child.stdout.resume();
  const ask = async (path, body) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    return (await fetch(`${origin}/admin${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).json();
  };
  await ask('/configuration/apply', { options: { maxConnections: '200' } });
  const links = [];
  for (let nth = 0; nth < 12; nth++) links.push((await ask('/console-link', {})).url);
  return {
    gateway: { consoleLink: () => ({ url: links.pop() }) },
    close: async () => {
      child.kill();
      await new Promise((done) => child.once('exit', done));
      rmSync(home, { recursive: true });
    },
  };
}

/** @param place of the view, as in its address; @param opens what is clicked, if anything. */
async function take(browser, gateway, { place, options, opens, file, link = gateway.consoleLink }) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const { url } = await link.call(gateway);
  await page.goto(url);
  await page.getByText('Live', { exact: true }).waitFor();
  if (place !== '') await page.goto(url.split('#')[0] + place);
  await page.getByText('Live', { exact: true }).waitFor();
  for (const each of [opens ?? []].flat()) {
    if (typeof each === 'string') await page.locator(each).first().click();
    else await each(page);
  }
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
  { name: 'people', place: 'people', opens: '.table-row' },
  { name: 'keys', place: 'people?show=keys' },
  { name: 'lockouts', place: 'people?show=lockouts' },
  { name: 'audit', place: 'audit', opens: '.table-row' },
  { name: 'nodes', place: 'nodes' },
];
/** What can go wrong with every view: no answer, a sign-in that is over, and a role that may only look. */
const answered = (answer) => async (page) => {
  await page.route('**/console/api/**', answer);
  // The stream is opened again for the topics of another view, and what the view asks for is asked for again.
  for (const place of ['nodes', undefined]) {
    await page.evaluate((to) => {
      if (to === undefined) history.back();
      else {
        history.pushState(null, '', to);
        dispatchEvent(new PopStateEvent('popstate'));
      }
    }, place);
    await pause(500);
  }
};
const refused = { error: { message: 'Authentication required', data: { code: 'SWB_UNAUTHORIZED' } } };
const ERRORS = [
  { name: 'gone', opens: answered((route) => route.abort()) },
  { name: 'signed-out', opens: answered((route) => route.fulfill({ status: 401, json: refused })) },
  {
    name: 'viewer',
    async link() {
      const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
      const asked = { method: 'POST', headers, body: '{"role":"viewer"}' };
      return (await fetch(`${this.adminUrl}/console-link`, asked)).json();
    },
  },
];
const DIFFERENCE = [
  async (page) => {
    await page.getByLabel('Value in the file').fill('1200');
    await page.getByRole('button', { name: 'Show the difference…' }).click();
    await page.locator('dialog ins').waitFor();
  },
];
const BLOCKS = ['.blocks summary', '.blocks + .blocks summary'];
const all = process.argv[2] === '--all';
const wanted = new RegExp(process.argv[4] ?? '');
const folder = all ? process.argv[3] : join(root, 'docs/images');
if (folder === undefined) throw new Error('Usage: console-pictures.mjs [--all DIR]');
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: find('chromium'), args: ['--no-sandbox'] });

async function takeAll(sessions, all) {
  const pictures = all.filter(({ file }) => wanted.test(basename(file)));
  if (pictures.length === 0) return;
  const { gateway, close } = await start(sessions);
  try {
    for (const picture of pictures) await take(browser, gateway, picture);
  } finally {
    await close();
  }
}

async function takeConfiguration(all) {
  const views = all.filter(({ name }) => wanted.test(name));
  if (views.length === 0) return;
  const { gateway, close } = await serve();
  try {
    for (const { name, ...view } of views) {
      await take(browser, gateway, { ...view, options: LIGHT, file: to(`${name}.png`) });
      if (name.startsWith('console-')) continue;
      await take(browser, gateway, { ...view, options: DARK, file: to(`${name}-dark.png`) });
      await take(browser, gateway, {
        ...view,
        options: { ...PHONE, colorScheme: 'light' },
        file: to(`${name}-phone.png`),
      });
    }
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
    /** @type {[string, object][]} */
    const looks = [
      ['', LIGHT],
      ['-dark', DARK],
      ['-phone', { ...PHONE, colorScheme: 'light' }],
      ['-phone-dark', { ...PHONE, colorScheme: 'dark' }],
    ];
    await takeAll(
      8,
      ERRORS.flatMap(({ name: error, ...how }) =>
        [...VIEWS, { name: 'configuration', place: 'configuration' }].flatMap(({ name, place }) =>
          looks.map(([look, options]) => ({ place, options, file: to(`${name}-${error}${look}.png`), ...how })),
        ),
      ),
    );
    await takeAll(
      0,
      VIEWS.map(({ name, place }) => ({ place: place.split('?')[0], options: LIGHT, file: to(`${name}-empty.png`) })),
    );
    await takeConfiguration([
      { name: 'configuration', place: 'configuration', opens: BLOCKS },
      { name: 'configuration-change', place: 'configuration?id=rateLimit', opens: DIFFERENCE },
    ]);
    await takeAll(10_000, [
      { place: 'sessions', options: { ...PHONE, colorScheme: 'light' }, file: to('sessions-many-phone.png') },
      { place: 'people', options: DARK, file: to('people-many-dark.png') },
      { place: 'sessions?group=principal', options: LIGHT, file: to('sessions-many.png') },
    ]);
  } else {
    await takeAll(8, [
      { place: '', options: LIGHT, file: to('console.png') },
      { place: 'sessions', opens: '.table-row', options: DARK, file: to('console-sessions.png') },
      { place: '', options: { ...PHONE, colorScheme: 'dark' }, file: to('console-phone.png') },
      { place: 'people', opens: '.table-row', options: LIGHT, file: to('console-people.png') },
      { place: 'audit', opens: '.table-row', options: DARK, file: to('console-audit.png') },
    ]);
    await takeConfiguration([
      { name: 'console-configuration', place: 'configuration?id=rateLimit', opens: DIFFERENCE },
    ]);
  }
} finally {
  await browser.close();
}
process.exit(0);
