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

// All of it is one command: "switchboard cluster up 3". How HAProxy is set is in haproxy.cfg, and for nginx in nginx.conf.
const token = randomBytes(24).toString('base64url');
const cluster = spawn(
  process.execPath,
  [cli, 'cluster', 'up', '3', '--port', `${await freePort()}`, '--json', '--', process.execPath, demo],
  {
    env: { ...process.env, SWITCHBOARD_ADMIN_TOKEN: token },
    stdio: ['ignore', 'pipe', 'ignore'],
  },
);
process.on('exit', () => cluster.kill('SIGTERM'));
let printed = '';
for await (const chunk of cluster.stdout) {
  printed += chunk;
  if (printed.endsWith('}\n')) break;
}
const started = JSON.parse(printed);
const url = new URL(started.url);
let status = {};
while (status.nodes?.length !== 3) {
  await pause(100);
  status = await ask(started.nodes[0], '/admin/status');
}
const nodes = started.nodes.map((node) => ({ ...node, id: status.nodes.find(({ name }) => name === node.name).id }));
console.log('three nodes serve');

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
process.kill(owner.pid, 'SIGKILL');
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

async function ask(node, route) {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${node.url}${route}`, { headers })).json();
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
