// Three nodes behind HAProxy, with Redis: one session is served at each of them, also while one is killed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const PROGRAMS = { 'redis-server': ['--version'], haproxy: ['-v'] };
for (const [program, args] of Object.entries(PROGRAMS)) {
  if (await isThere(program, args)) continue;
  console.log(`this example needs ${program}, which is not installed here`);
  process.exit(0);
}
setTimeout(() => assert.fail('not done after 30 s'), 30_000).unref();

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const cli = path('../../packages/switchboard/dist/cli/main.js');
const demo = path('../../servers/demo/dist/main.js');
const children = [];
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

const [PORT, redisPort, ...ports] = await Promise.all(Array.from({ length: 8 }, freePort));
const redis = ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
await started('redis-server', redis, /Ready to accept connections/);

const key = randomBytes(48).toString('base64');
const nodes = await Promise.all(['a', 'b', 'c'].map((name, nth) => node(name, ports[nth], ports[nth + 3])));
console.log('three nodes serve');
const [PORT_A, PORT_B, PORT_C] = ports;
const environment = { PORT, PORT_A, PORT_B, PORT_C };
await started('haproxy', ['-f', path('haproxy.cfg'), '-db'], undefined, environment);
const url = new URL(`http://127.0.0.1:${PORT}/mcp`);
while (
  !(await fetch(url).then(
    ({ status }) => status < 502,
    () => false,
  ))
)
  await pause(50);

const client = new Client({ name: 'cluster', version: '1.0.0' });
const transport = new StreamableHTTPClientTransport(url);
await client.connect(transport);
const pids = new Set();
for (let n = 0; n < 9; n++) {
  const { structuredContent } = await client.callTool({ name: 'whoami' });
  pids.add(structuredContent.pid);
}
console.log('nine calls of one session went to three nodes, and reached one process');
assert.equal(pids.size, 1);

// The node that has the session is killed while it counts: what came in at the others fails at once, with its name.
const owner = nodes.find(({ id }) => transport.sessionId.startsWith(id));
const counts = nodes.map(() => {
  let onprogress;
  const started = new Promise((resolve) => (onprogress = resolve));
  return { started, ended: client.callTool({ name: 'count', arguments: { to: 1000 } }, undefined, { onprogress }) };
});
await Promise.all(counts.map(({ started }) => started));
owner.child.kill('SIGKILL');
const [error] = await Promise.all([
  Promise.race(counts.map(({ ended }) => ended)).then(
    () => assert.fail('it was answered'),
    (thrown) => thrown,
  ),
  ...counts.map(({ ended }) => Promise.race([ended.catch(() => {}), pause(2000)])),
]);
console.log(`a call that ran at node ${owner.name}: ${error.message}`);
assert.equal(error.data.code, 'SWB_NODE_LOST');

// Its session ended with it, and the client begins again.
const again = new Client({ name: 'cluster', version: '1.0.0' });
await again.connect(new StreamableHTTPClientTransport(url));
await again.callTool({ name: 'whoami' });
console.log('a new session is served by the others');
await again.close();
process.exit(0);

/** @returns a node, once it serves. */
async function node(name, port, peerPort) {
  const args = ['serve', '--port', `${port}`, '--isolation', 'session', '--log-format', 'json', '--node-name', name];
  const cluster = ['--store', `redis://127.0.0.1:${redisPort}`, '--peer-listen', `127.0.0.1:${peerPort}`];
  const env = { SWITCHBOARD_CLUSTER_KEY: key, SWITCHBOARD_ADMIN_TOKEN: key.slice(0, 32) };
  const child = await started(
    process.execPath,
    [cli, ...args, ...cluster, '--', process.execPath, demo],
    /Ctrl-C/,
    env,
  );
  const headers = { authorization: `Bearer ${env.SWITCHBOARD_ADMIN_TOKEN}` };
  const status = await (await fetch(`http://127.0.0.1:${port}/admin/status`, { headers })).json();
  return { name, child, id: status.nodes.find(({ self }) => self).id };
}

/** Starts a program, and waits until it prints this. */
function started(program, args, ready, env = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  child.stderr.resume();
  if (ready === undefined) return Promise.resolve(child.stdout.resume() && child);
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)));
    child.stdout.on('data', (chunk) => {
      text += chunk;
      if (ready.test(text)) resolve(child);
    });
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function isThere(program, args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('exit', () => resolve(true));
  });
}
