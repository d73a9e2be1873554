/** The load generator: a process of its own, closed loop, told over IPC what to do; one answer an order. */
import { createHistogram } from 'node:perf_hooks';
import { Client, newCounts } from './client.mjs';
import * as links from './links.mjs';
import { cpu } from './memory.mjs';

const DRAIN_MS = 5000;
const config = JSON.parse(process.argv[2]);
const connect = links[config.link];
const counts = newCounts();
const latency = new Map();
let clients = [];

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const inMs = (histogram, percentile) => histogram.percentile(percentile) / 1e6;

async function within(limit, test) {
  const end = performance.now() + limit;
  while (!test() && performance.now() < end) await sleep(5);
}

/** Where several nodes serve, clients take turns at them; and where one address has too few ports, they come from several. */
function configOf(number) {
  const { urls, vias, addresses } = config;
  return {
    ...config,
    ...(urls && { url: urls[number % urls.length] }),
    ...(vias && { via: vias[number % vias.length] }),
    ...(addresses && { localAddress: addresses[number % addresses.length] }),
  };
}

/** Opens up to `max` clients, ten at a time or `workers`, until `ms` have passed. */
async function open({ max, ms = 30_000, workers = 10 }) {
  const opening = createHistogram();
  const end = performance.now() + ms;
  const began = performance.now();
  let next = clients.length;
  let error;
  async function worker() {
    while (next < max && performance.now() < end && !error) {
      const client = new Client(next, counts, configOf(next++));
      const start = performance.now();
      try {
        await client.open(connect);
        opening.record(Math.ceil((performance.now() - start) * 1e6));
        clients.push(client);
      } catch (reason) {
        error = String(reason?.message ?? reason);
      }
    }
  }
  await Promise.all(Array.from({ length: workers }, worker));
  const took = (performance.now() - began) / 1000;
  const rate = opening.count / took;
  return { opened: clients.length, rate, p50: inMs(opening, 50), p99: inMs(opening, 99), error, counts };
}

async function close() {
  const closing = Promise.all(clients.map((client) => client.close()));
  clients = [];
  await Promise.race([closing, sleep(3000)]);
  return {};
}

/** One more client with large results, which it reads or not; nothing that it does is counted. @returns what ends it. */
async function companion({ size, everyMs, reads }) {
  const client = new Client(clients.length + 1, newCounts(), config);
  await client.open(connect);
  if (!reads) client.pause();
  const timer = setInterval(() => client.call({ size }, () => {}), everyMs);
  return () => {
    clearInterval(timer);
    return client.close();
  };
}

/** Processor time of what is measured, in ms. */
const spentNow = () => (config.pids ?? [config.pid ?? clients[0].pid]).reduce((sum, pid) => sum + cpu(pid), 0);

async function run({ name, clients: wanted, inflight, size, sent, warm, measure, beside }) {
  const used = clients.slice(0, wanted);
  // One pipe is one client, so all the calls are in flight on it.
  const each = config.link === 'pipe' ? wanted * inflight : inflight;
  if (!latency.has(name)) latency.set(name, createHistogram());
  const histogram = latency.get(name);
  const leave = beside && (await companion(beside));
  let measuring = false;
  let stopped = false;
  let answers = 0;
  const step = (client) => {
    const answered = (ms, ok) => {
      if (measuring && ok) {
        answers++;
        histogram.record(Math.ceil(ms * 1e6));
      }
      if (!stopped) client.call({ size, sent }, answered);
    };
    client.call({ size, sent }, answered);
  };
  for (const client of used) for (let i = 0; i < each; i++) step(client);
  await sleep(warm);
  const before = { target: spentNow(), load: process.cpuUsage() };
  measuring = true;
  const began = performance.now();
  await sleep(measure);
  const took = performance.now() - began;
  measuring = false;
  const load = process.cpuUsage(before.load);
  const spent = spentNow() - before.target;
  stopped = true;
  await leave?.();
  await within(DRAIN_MS, () => used.every((client) => client.waiting === 0));
  for (const client of used) client.forget();
  counts.answers += answers;
  return {
    rate: (answers * 1000) / took,
    answers,
    cpuMs: spent,
    loadBusy: (load.user + load.system) / 1000 / took,
    p50: inMs(histogram, 50),
    p99: inMs(histogram, 99),
    counts,
  };
}

/** Each client makes a call every so often, whether the last one was answered or not; a call counts from when it was due. */
async function pace({ everyMs, measure }) {
  const histogram = createHistogram();
  const before = spentNow();
  const began = performance.now();
  const gap = everyMs / clients.length;
  let next = 0;
  while (next * gap < measure) {
    const now = performance.now() - began;
    for (; next * gap <= now && next * gap < measure; next++) {
      const due = began + next * gap;
      clients[next % clients.length].call({ size: 100 }, (_ms, ok) => {
        if (ok) histogram.record(Math.ceil((performance.now() - due) * 1e6));
      });
    }
    await sleep(1);
  }
  await within(DRAIN_MS, () => clients.every((client) => client.waiting === 0));
  for (const client of clients) client.forget();
  counts.answers += histogram.count;
  const cpuMs = spentNow() - before;
  return { asked: next, answers: histogram.count, cpuMs, p50: inMs(histogram, 50), p99: inMs(histogram, 99), counts };
}

/** Calls at a steady rate, whether those before were answered or not; nothing waits for anything. */
async function steady({ clients: wanted, rate, size, warm, measure }) {
  const used = clients.slice(0, wanted);
  let [answers, made, next] = [0, 0, 0];
  let measuring = false;
  const answered = (_ms, ok) => {
    if (measuring && ok) answers++;
  };
  const began = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) * rate) / 1000);
    for (; made < due; made++) used[next++ % used.length].call({ size }, answered);
  }, 5);
  await sleep(warm);
  const before = spentNow();
  measuring = true;
  const from = performance.now();
  await sleep(measure);
  const took = performance.now() - from;
  measuring = false;
  const cpuMs = spentNow() - before;
  clearInterval(timer);
  await within(DRAIN_MS, () => used.every((client) => client.waiting === 0));
  for (const client of used) client.forget();
  return { rate: (answers * 1000) / took, answers, cpuMs, counts };
}

const orders = { open, run, pace, steady, close };
process.on('message', async ({ order, ...rest }) => {
  try {
    process.send(await orders[order](rest));
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
});
process.on('disconnect', () => process.exit());
