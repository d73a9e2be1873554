/**
 * The part of a run about the console: what three open pages cost the calls of others, at a steady rate and with all that the gateway can do;
 * and how smoothly a page draws ten thousand sessions, and what it is sent for that.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { find as findProgram } from '../scripts/programs.mjs';
import { ask, end, sleep, startLoad, startTarget } from './processes.mjs';
import { maxFiles } from './sessions.mjs';
import { targets } from './targets.mjs';

const CONSOLES = 3;
const CLIENTS = 50;
const RATE = 5000;
const GOALS = { lossPercent: 2, frameMs: 1000 / 60, paintMs: 1000 };
/** What the page asks for on the views that are told of most. */
const TOPICS = [
  ['status', 'health', 'history.minute', 'load', 'changes', 'upstreams'],
  ['status', 'health', 'sessions', 'requests', 'recent'],
  ['status', 'health', 'requests', 'recent'],
];
const TOKEN = 'the-admin-token-of-the-benchmark';
const PORT = /\d+(?=\/mcp)/;
const say = (text) => process.stderr.write(`${text}\n`);
const target = () => targets.find(({ key }) => key === 'ours-ws');
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const sum = (values) => values.reduce((all, each) => all + each, 0);

async function order(load, message) {
  const answer = await ask(load, message, 150_000);
  if (answer.error) throw new Error(answer.error);
  return answer;
}

/** Reads what an open page reads. @returns how many bytes came, and what ends it */
function openConsole(port, topics) {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const found = { bytes: 0, close: () => request.destroy() };
  const request = get(`http://127.0.0.1:${port}/admin/live?topics=${topics.join(',')}`, { headers }, (response) => {
    if (response.statusCode !== 200) throw new Error(`the live stream answered ${response.statusCode}`);
    response.on('data', (chunk) => (found.bytes += chunk.length));
    response.on('error', () => {});
  });
  request.on('error', () => {});
  return found;
}

/** The same calls without a console and with three, in turns. */
async function measureCalls(options) {
  const kinds = { 'no console': 0, [`${CONSOLES} consoles`]: CONSOLES };
  const rows = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, { paced: [], full: [], bytes: [] }]));
  let running, load;
  try {
    running = await startTarget(target());
    load = startLoad(target(), running);
    const [port] = PORT.exec(running.url);
    await order(load, { order: 'open', max: CLIENTS });
    const run = {
      order: 'run',
      clients: CLIENTS,
      inflight: 4,
      size: 100,
      warm: options.warm,
      measure: options.consoleMs,
    };
    await order(load, { ...run, name: 'warm-up', warm: 0, measure: options.firstWarm });
    for (let round = 0; round < options.consoleRounds; round++) {
      const turns = Object.entries(kinds);
      for (const [kind, count] of round % 2 === 0 ? turns : turns.toReversed()) {
        say(`console, round ${round}, ${kind}`);
        const consoles = TOPICS.slice(0, count).map((topics) => openConsole(port, topics));
        // Everything comes first, which is no part of what is measured.
        await sleep(options.consoleSettleMs);
        const began = performance.now();
        const before = sum(consoles.map(({ bytes }) => bytes));
        const paced = {
          order: 'steady',
          clients: CLIENTS,
          rate: RATE,
          size: 100,
          warm: options.warm,
          measure: options.consoleMs,
        };
        rows[kind].paced.push(await order(load, paced));
        rows[kind].bytes.push(
          ((sum(consoles.map(({ bytes }) => bytes)) - before) * 1000) / (performance.now() - began),
        );
        rows[kind].full.push(await order(load, { ...run, name: `${kind} ${round}` }));
        for (const each of consoles) each.close();
      }
    }
  } finally {
    await Promise.all([end(load), end(running?.child)]);
  }
  return Object.entries(rows).map(([kind, { paced, full, bytes }]) => ({
    kind,
    rate: median(paced.map((each) => each.rate)),
    cpuMicros: median(paced.map(({ cpuMs, answers }) => (cpuMs * 1000) / answers)),
    fullRate: median(full.map((each) => each.rate)),
    bytes: median(bytes),
  }));
}

/** How long frames take while somebody scrolls through many sessions that change, and what the page is sent. */
async function measureFrames({ consoleSessions, frameMs }) {
  const program = findProgram('chromium');
  const spare = 500;
  if (program === undefined || consoleSessions + spare > maxFiles()) return undefined;
  const { chromium } = await import('playwright-core');
  let running, holder, browser;
  try {
    running = await startTarget(target());
    holder = startLoad(target(), running);
    const [port] = PORT.exec(running.url);
    say(`console, ${consoleSessions} sessions on one page`);
    await order(holder, { order: 'open', max: consoleSessions, ms: 140_000 });
    const headers = { authorization: `Bearer ${TOKEN}` };
    const made = await fetch(`http://127.0.0.1:${port}/admin/console-link`, { method: 'POST', headers });
    const { url } = await made.json();
    browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
    const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
    const network = await page.context().newCDPSession(page);
    let bytes = 0;
    network.on(
      'Network.dataReceived',
      ({ encodedDataLength, dataLength }) => (bytes += encodedDataLength || dataLength),
    );
    await network.send('Network.enable');
    await page.goto(url.replace('/#', '/sessions#'));
    await page.locator('.table-row').nth(10).waitFor({ timeout: 60_000 });
    await page
      .locator('.table')
      .and(page.locator(`[aria-rowcount="${consoleSessions + 1}"]`))
      .waitFor({ timeout: 60_000 });
    const working = order(holder, { order: 'steady', clients: 50, rate: 500, size: 100, warm: 0, measure: frameMs });
    const first = bytes;
    bytes = 0;
    const frames = await page.evaluate(async (ms) => {
      const body = document.querySelector('.table-body');
      const found = [];
      const until = performance.now() + ms;
      for (let before = performance.now(); before < until;) {
        body.scrollTop += 40;
        const now = await new Promise((done) => requestAnimationFrame(done));
        found.push(now - before);
        before = now;
      }
      return found.slice(1);
    }, frameMs);
    await working;
    frames.sort((a, b) => a - b);
    const at = (share) => frames[Math.ceil(frames.length * share) - 1];
    return {
      sessions: consoleSessions,
      p50: at(0.5),
      p99: at(0.99),
      worst: at(1),
      inTime: frames.filter((each) => each < GOALS.frameMs * 1.5).length / frames.length,
      bytes: (bytes * 1000) / frameMs,
      first,
    };
  } finally {
    await browser?.close();
    await Promise.all([end(holder), end(running?.child)]);
  }
}

/** How long the first paint of the console takes, from the navigation on, each time by a browser that was never there. */
async function measurePaint({ paints }) {
  const program = findProgram('chromium');
  if (program === undefined) return undefined;
  const { chromium } = await import('playwright-core');
  let running, browser;
  try {
    running = await startTarget(target());
    const [port] = PORT.exec(running.url);
    browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
    const found = [];
    // The first time much is loaded that belongs to the browser.
    for (let nth = 0; nth <= paints; nth++) {
      const made = await fetch(`http://127.0.0.1:${port}/admin/console-link`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      const { url } = await made.json();
      const context = await browser.newContext({ viewport: { width: 1360, height: 860 } });
      const page = await context.newPage();
      await page.goto(url);
      const paint = await page.evaluate(
        () =>
          new Promise((done) => {
            const look = (list) => {
              const first = list.getEntriesByName('first-contentful-paint')[0];
              if (first !== undefined) done(first.startTime);
            };
            new PerformanceObserver(look).observe({ type: 'paint', buffered: true });
          }),
      );
      found.push(paint);
      await context.close();
    }
    const [first, ...others] = found;
    return { first, median: median(others), worst: Math.max(...others), paints };
  } finally {
    await browser?.close();
    await end(running?.child);
  }
}

/** With an address and a token of its own, as long as something is measured. */
async function alone(measure) {
  // What is written down of a running Switchboard must not be found by the commands of whoever measures.
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-bench-'));
  const before = { ...process.env };
  Object.assign(process.env, { SWITCHBOARD_ADMIN_TOKEN: TOKEN, XDG_RUNTIME_DIR: folder });
  try {
    return await measure();
  } finally {
    for (const name of ['SWITCHBOARD_ADMIN_TOKEN', 'XDG_RUNTIME_DIR']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function consoles(options) {
  const [load] = loadavg();
  return alone(async () => {
    const rows = await measureCalls(options);
    const frames = await measureFrames(options);
    return { rows, frames, load, files: spawnSync('sh', ['-c', 'ulimit -n']).stdout?.toString().trim() };
  });
}

export async function firstPaint(options) {
  const [load] = loadavg();
  return { paint: await alone(() => measurePaint(options)), load };
}

const count = (value) => Math.round(value).toLocaleString('en-US');
const number = (value) => String(Number(value.toPrecision(3)));
const kilobytes = (value) => `${number(value / 1000)} KB`;

const wanted = (load) =>
  `When the run began, ${number(load)} processes wanted the ${availableParallelism()} cores: where that is more than one or two, others were measured too.`;

export function paintTable({ paint, load }) {
  if (paint === undefined) return 'Nothing was measured: that needs Chromium.';
  const { first, median: middle, worst, paints } = paint;
  return [
    '| first contentful paint of the console | ms |',
    '| --- | --: |',
    `| median of ${paints} pages, each with an empty cache | ${number(middle)} (goal under ${count(GOALS.paintMs)}) |`,
    `| the slowest of them | ${number(worst)} |`,
    `| the first page of a browser that has just started | ${number(first)} |\n`,
    wanted(load),
  ].join('\n');
}

export function consolesTable({ rows, frames, load }) {
  const [without, withThem] = rows;
  const lost = (field) => (1 - withThem[field] / without[field]) * 100;
  const cost = (withThem.cpuMicros / without.cpuMicros - 1) * 100;
  return [
    [
      `| open | calls/s of ${count(RATE)} that were made | µs CPU a call | calls/s at the most | sent to the consoles a second |`,
      '| --- | --: | --: | --: | --: |',
      ...rows.map(
        ({ kind, rate, cpuMicros, fullRate, bytes }) =>
          `| ${kind} | ${count(rate)} | ${number(cpuMicros)} | ${count(fullRate)} | ${kilobytes(bytes)} |`,
      ),
    ].join('\n'),
    [
      `- at ${count(RATE)} calls/s ${CONSOLES} consoles cost ${number(lost('rate'))} % of the calls (goal under ${GOALS.lossPercent}), and ${number(cost)} % more CPU a call`,
      `- at the most that the gateway does they cost ${number(lost('fullRate'))} % of the calls`,
      frames === undefined
        ? '- no page was measured: that needs Chromium, and files for ten thousand sessions'
        : `- a page that scrolls through ${count(frames.sessions)} sessions draws a frame in ${number(frames.p50)} / ${number(frames.p99)} ms (p50 / p99; goal 16.7), ` +
          `${number(frames.inTime * 100)} % of them in time, the slowest in ${number(frames.worst)} ms; it is sent ${kilobytes(frames.first)} at first, then ${kilobytes(frames.bytes)} a second`,
    ].join('\n'),
    wanted(load),
  ].join('\n\n');
}
