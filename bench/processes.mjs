/** Starting and ending targets and load generators. Nothing outlives the run: `endAll` is called in every case. */
import { spawn, spawnSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { alive, tree } from './memory.mjs';
import { here } from './targets.mjs';

const READY_MS = 20_000;
const started = new Set();
let closing = false;
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0,1', 'true']).status === 0;

export function on(core, command) {
  return pinned ? ['taskset', '-c', String(core), ...command] : command;
}

/** Ended with the run. */
export function start(command, stdio) {
  if (closing) throw new Error('the run is ending');
  const child = spawn(command[0], command.slice(1), { cwd: here, stdio });
  started.add(child);
  child.on('error', () => {});
  return child;
}

export function freePort() {
  return new Promise((done, fail) => {
    const server = createServer().on('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(String(port)));
    });
  });
}

function answers(port) {
  return new Promise((done) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('connect', () => done(true)).on('error', () => done(false));
    socket.on('connect', () => socket.destroy());
  });
}

/** Starts a target and waits until it can be spoken to; null where the load generator starts it itself. @param pin to a core of its own */
export async function startTarget(target, { collectable = false, pin = true, patienceMs = READY_MS } = {}) {
  if (!target.args) return { pid: undefined };
  const port = await freePort();
  const flags = ['--require', './preload.cjs', ...(collectable ? ['--expose-gc'] : [])];
  const began = performance.now();
  // Standard input stays open: some targets take its end as the order to stop.
  const command = [process.execPath, ...flags, ...target.args(port).flat()];
  const child = start(pin ? on(0, command) : command, 'pipe');
  let output = '';
  let complaint = '';
  child.stdout.on('data', (chunk) => (output = (output + chunk).slice(-4000)));
  child.stderr.on('data', (chunk) => (complaint = (complaint + chunk).slice(-2000)));
  const find = async () => {
    if (target.ready) return target.ready.exec(output)?.[0];
    return (await answers(port)) ? `${target.link === 'ws' ? 'ws' : 'http'}://127.0.0.1:${port}/mcp` : undefined;
  };
  let url;
  while (!(url = await find())) {
    const over = child.exitCode !== null || child.signalCode !== null || performance.now() - began > patienceMs;
    if (over) {
      await end(child);
      throw new Error(`${target.key} did not start: ${complaint || output || 'no output'}`);
    }
    await sleep(10);
  }
  return { child, pid: child.pid, url, readyMs: performance.now() - began };
}

/** @param more of its configuration: where to go besides, and how */
export function startLoad(target, { url, pid, ...more }, { pin = true } = {}) {
  const command = target.command && on(0, target.command);
  const config = JSON.stringify({ link: target.link, echo: target.echo, command, url, pid, ...more });
  const load = [process.execPath, 'load.mjs', config];
  return start(pin ? on(1, load) : load, ['ignore', 'inherit', 'inherit', 'ipc']);
}

export const startSimulator = (args) => start(on(1, [process.execPath, ...args]), ['ignore', 'ignore', 'pipe']);

/** Gives the load generator one order and waits for its answer, never for ever. */
export function ask(load, message, limit = 60_000) {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => settle(fail, new Error(`no answer to ${message.order}`)), limit);
    const gone = () => settle(fail, new Error('the load generator ended'));
    const answered = (answer) => settle(done, answer);
    function settle(how, value) {
      clearTimeout(timer);
      load.off('message', answered).off('exit', gone);
      how(value);
    }
    load.once('message', answered).once('exit', gone);
    load.send(message, (error) => error && settle(fail, error));
  });
}

export async function end(child) {
  if (!child) return;
  const family = child.pid === undefined ? [] : tree(child.pid);
  child.stdin?.destroy();
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  const left = () => family.filter(alive);
  for (let i = 0; i < 40 && (left().length > 0 || (child.exitCode ?? child.signalCode) === null); i++) {
    await sleep(25);
    if (i === 38 && child.exitCode === null) child.kill('SIGKILL');
  }
  for (const { pid } of left()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {}
  }
  started.delete(child);
}

export function endAll() {
  closing = true;
  return Promise.all([...started].map(end));
}
