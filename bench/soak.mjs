/**
 * `node bench/soak.mjs [--minutes 30] [--write]`: one Switchboard at half of what it can do, for long, with something going wrong every ten
 * seconds. What it holds must be the same at the end as after the warm-up. Linux only, as it reads /proc.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client, newCounts } from './client.mjs';
import * as links from './links.mjs';
import { tree } from './memory.mjs';
import { end, endAll, sleep, startTarget } from './processes.mjs';
import { here, targets } from './targets.mjs';

const { values: flags } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, write: { type: 'boolean', default: false } },
});
const minutes = Number(flags.minutes);
const [CLIENTS, FAULT_MS, SAMPLE_MS, TICK_MS, FULL_SPEED_MS] = [60, 10_000, 5000, 20, 8000];
/** Of the time, for caches and pools to fill. */
const WARM_UP = 0.2;
const MOST_GROWTH_MB_A_MINUTE = 1;
/** The size of every so manieth result. */
const SIZES = [
  [1, 100],
  [50, 10_240],
  [2000, 1 << 20],
];

const MOST_ATTEMPTS = 120;

const target = targets.find(({ key }) => key === 'ours-ws');
const gateway = await startTarget(target, { pin: false });
const httpUrl = gateway.url.replace('ws:', 'http:');
const counts = newCounts();
let number = 0;

/** One that is refused while the server starts again tries once more. */
async function newClient(link) {
  for (let attempt = 1; ; attempt++) {
    const client = new Client(++number, counts, { link, url: link === 'ws' ? gateway.url : httpUrl });
    try {
      await client.open(links[link]);
      return client;
    } catch (error) {
      await client.close();
      if (attempt === MOST_ATTEMPTS) throw error;
      await sleep(500);
    }
  }
}
const places = [];
for (let n = 0; n < CLIENTS; n++) places.push({ link: n % 3 === 0 ? 'http' : 'ws', client: undefined });
for (const place of places) place.client = await newClient(place.link);

let calls = 0;
const sizeOf = () => SIZES.findLast(([every]) => calls % every === 0)[1];
const call = ({ client }, done = () => {}) => client.call({ size: (calls++, sizeOf()) }, done);

async function fullSpeed() {
  let going = true;
  let answers = 0;
  const loop = (place) => call(place, () => (answers++, going && loop(place)));
  for (const place of places) loop(place);
  await sleep(FULL_SPEED_MS);
  going = false;
  await drained();
  return (answers * 1000) / FULL_SPEED_MS;
}

async function drained(limitMs = 5000) {
  for (let waited = 0; waited < limitMs && places.some(({ client }) => client.waiting > 0); waited += 50)
    await sleep(50);
}

/** What was in flight is not lost by the gateway where its client went. */
async function replace(place, leave) {
  const former = place.client;
  place.client = await newClient(place.link);
  await leave(former);
}
const any = (link) => {
  const ours = places.filter((place) => place.link === link);
  return ours[Math.floor(Math.random() * ours.length)];
};
const faults = [
  ['a client of WebSocket is cut off', () => replace(any('ws'), (client) => client.close())],
  [
    'its server is killed',
    () =>
      void tree(gateway.pid)
        .slice(1)
        .forEach(({ pid }) => process.kill(pid, 'SIGKILL')),
  ],
  ['a session over HTTP ends with its DELETE', () => replace(any('http'), (client) => client.close())],
  [
    'a client reads nothing for a while',
    async () => {
      const client = await newClient('ws');
      client.pause();
      for (let n = 0; n < 40; n++) client.call({ size: 1 << 18 }, () => {});
      await sleep(2000);
      client.close();
    },
  ],
  [
    'a client sends what is no message',
    async () => {
      const link = await links.ws({ url: gateway.url }, () => {});
      for (let n = 0; n < 20; n++) link.send('{"jsonrpc":');
      await sleep(200);
      link.close();
    },
  ],
  [
    'requests over HTTP are no requests',
    async () => {
      for (const body of ['', '[]', '{}', 'x'.repeat(70_000)]) {
        await fetch(httpUrl, { method: 'POST', body, headers: { 'content-type': 'application/json' } }).then((r) =>
          r.text(),
        );
      }
    },
  ],
];

const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;
const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
const sample = (began) => ({
  minute: (performance.now() - began) / 60_000,
  mb: resident(gateway.pid),
  descriptors: descriptors(gateway.pid),
  children: tree(gateway.pid).length - 1,
});

/** The slope of a line through the samples, by least squares. */
function slope(samples) {
  const mean = (of) => samples.reduce((sum, each) => sum + of(each), 0) / samples.length;
  const [x, y] = [mean(({ minute }) => minute), mean(({ mb }) => mb)];
  const over = samples.reduce((sum, { minute, mb }) => sum + (minute - x) * (mb - y), 0);
  return over / samples.reduce((sum, { minute }) => sum + (minute - x) ** 2, 0);
}

async function soak() {
  const most = await fullSpeed();
  const began = performance.now();
  const over = began + minutes * 60_000;
  const samples = [];
  let [nextFault, nextSample, due, faulted, at] = [began + FAULT_MS, began, 0, 0, began];
  let fault = Promise.resolve();
  while (performance.now() < over) {
    await sleep(TICK_MS);
    const now = performance.now();
    for (due += ((now - at) / 1000) * (most / 2), at = now; due >= 1; due--) {
      const place = places[calls % places.length];
      // While a server starts again, its clients wait.
      if (place.client.waiting < 20) call(place);
      else calls++;
    }
    if (now >= nextSample) {
      samples.push(sample(began));
      nextSample += SAMPLE_MS;
      if (process.stderr.isTTY)
        process.stderr.write(`\r${samples.at(-1).minute.toFixed(1)} min, ${samples.at(-1).mb.toFixed(0)} MB `);
    }
    if (now >= nextFault) {
      nextFault += FAULT_MS;
      const [, cause] = faults[faulted++ % faults.length];
      fault = fault.then(cause);
    }
  }
  await fault;
  await drained();
  const lost = places.reduce((sum, { client }) => sum + client.waiting, 0);
  return { most, samples, faulted, lost };
}

function report({ most, samples, faulted, lost }) {
  const warm = samples.filter(({ minute }) => minute >= minutes * WARM_UP);
  const range = (of) => `${Math.min(...warm.map(of)).toFixed(0)} to ${Math.max(...warm.map(of)).toFixed(0)}`;
  const growth = slope(warm);
  const { answers: _, ...wrong } = counts;
  const rows = [
    ['calls', `${calls.toLocaleString('en')}, at half of ${Math.round(most).toLocaleString('en')} a second`],
    ['faults', `${faulted}: ${faults.map(([what]) => what).join(' · ')}`],
    [
      'resident memory, MB',
      `${range(({ mb }) => mb)}, ${growth.toFixed(2)} a minute (goal under ${MOST_GROWTH_MB_A_MINUTE})`,
    ],
    ['file descriptors', range(({ descriptors }) => descriptors)],
    ['server processes', range(({ children }) => children)],
    ['crossed / twice / without an answer at the end', `${wrong.crossed} / ${wrong.twice} / ${lost}`],
    ['answered with an error, most of them while the server was killed', String(wrong.failed)],
  ];
  const isFlat = growth < MOST_GROWTH_MB_A_MINUTE && wrong.crossed + wrong.twice + lost === 0;
  const day = new Date().toISOString().slice(0, 10);
  const text = [
    '| | |',
    '| --- | --- |',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    `${minutes} minutes, ${day}, Node ${process.versions.node}.`,
  ];
  return { text: text.join('\n'), isFlat };
}

try {
  const { text, isFlat } = report(await soak());
  console.log(text);
  if (flags.write) {
    const file = join(here, 'README.md');
    const between = /(<!-- soak -->\n)[^]*?(<!-- \/soak -->)/;
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(between, (_all, from, to) => `${from}${text}\n${to}`),
    );
  }
  if (!isFlat) process.exitCode = 1;
} finally {
  for (const { client } of places) await Promise.race([client?.close(), sleep(500)]);
  await end(gateway.child);
  await endAll();
}
process.exit();
