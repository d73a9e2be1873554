// One development environment, two clients at once: they share its process, its jobs, and its repository.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client as ClientV2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { createGateway } from 'mcp-switchboard';
import { WebSocket } from 'ws';

// SDK v1 takes the WebSocket of the browser, which Node has from version 22 on.
globalThis.WebSocket ??= WebSocket;
setTimeout(() => assert.fail('not done after 30 s'), 30_000).unref();

// A repository where two branches changed the same line, and a task that never ends.
const root = mkdtempSync(join(tmpdir(), 'development-environment-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const commit = (text) => {
  writeFileSync(join(root, 'greeting.txt'), text);
  git('add', '--all');
  git('-c', 'commit.gpgsign=false', 'commit', '--quiet', '--message', `say ${text}`);
};
git('init', '--quiet', '--initial-branch=main');
git('config', 'user.name', 'Example');
git('config', 'user.email', 'example@example.com');
const watch = { command: ['node', '-e', 'setInterval(() => {}, 1000)'] };
writeFileSync(join(root, 'devenv.json'), JSON.stringify({ tasks: { watch } }));
commit('hello');
git('switch', '--quiet', '--create', 'feature/french');
commit('bonjour');
git('switch', '--quiet', 'main');
commit('good morning');

const devenv = fileURLToPath(new URL('../../servers/devenv/dist/main.js', import.meta.url));
const gateway = createGateway({
  port: 0,
  isolation: 'shared',
  upstreams: { devenv: { command: process.execPath, args: [devenv, '--root', root] } },
});
const [{ websocket, http }] = await gateway.listen();

const ann = new ClientV1({ name: 'Ann', version: '1.0.0' }, { capabilities: { elicitation: {} } });
const asked = [];
ann.setRequestHandler(ElicitRequestSchema, ({ params }) => {
  asked.push(params.message);
  return { action: 'accept', content: { proceed: true } };
});
await ann.connect(new WebSocketClientTransport(new URL(websocket)));
const ben = new ClientV2({ name: 'Ben', version: '1.0.0' });
await ben.connect(new StreamableHTTPClientTransport(new URL(http)));

async function call(client, name, args = {}) {
  const { structuredContent, content, isError } = await client.callTool({ name, arguments: args });
  return isError ? { error: content[0].text } : structuredContent;
}

// Both look at the repository at the same time, and talk to one process.
const [preview, impact, toAnn, toBen] = await Promise.all([
  call(ann, 'merge_preview', { source: 'feature/french' }),
  call(ben, 'change_impact', { head: 'feature/french' }),
  call(ann, 'self_diagnostic'),
  call(ben, 'self_diagnostic'),
]);
console.log(`Ann sees conflicts in: ${preview.conflicts.map(({ path }) => path).join(', ')}`);
console.log(`Ben sees changes in: ${impact.changes.map(({ path }) => path).join(', ')}`);
assert.deepEqual([preview.clean, preview.conflicts[0].path, impact.files], [false, 'greeting.txt', 1]);
assert.equal(toAnn.server.pid, toBen.server.pid);

// Ann is asked before a branch is made; Ben, whose client cannot ask, sees it.
await call(ann, 'branch_create', { name: 'feature/german', checkout: false });
const { branches } = await call(ben, 'branch_list');
console.log(`Ann was asked: ${asked[0]}`);
console.log(`Ben sees the branches: ${branches.map(({ name }) => name).join(', ')}`);
assert.match(asked[0], /^Create the branch feature\/german at main/);
assert.deepEqual(
  branches.map(({ name }) => name),
  ['feature/french', 'feature/german', 'main'],
);

// A merge that would conflict is refused, and leaves all as it was.
const { error } = await call(ben, 'branch_merge', { source: 'feature/french' });
console.log(`Ben is told: ${error.split('\n')[0]}`);
assert.match(error, /^MERGE_CONFLICT/);
assert.equal(git('status', '--porcelain'), '');

// Ann starts a job, and Ben cancels it: its process is gone.
const { job } = await call(ann, 'job_start', { task: 'watch' });
const { job: cancelled } = await call(ben, 'job_cancel', { job: job.id });
console.log(`Ann started ${job.task}, and after Ben it is ${cancelled.state}`);
assert.equal(cancelled.state, 'cancelled');
assert.throws(() => process.kill(job.pid, 0), { code: 'ESRCH' });

// Ann runs the task and waits for it; when she gives up, its process is ended too.
const enough = new AbortController();
const running = ann.callTool({ name: 'task_run', arguments: { task: 'watch' } }, undefined, { signal: enough.signal });
const waited = await untilJob('running');
enough.abort('enough');
await assert.rejects(running);
await untilJob('cancelled');
console.log('Ann gave up waiting for watch, and it was cancelled');
assert.throws(() => process.kill(waited.pid, 0), { code: 'ESRCH' });

/** The newest job, as soon as it has this state. */
async function untilJob(state) {
  for (;;) {
    const { jobs } = await call(ben, 'job_status');
    if (jobs.length === 2 && jobs[1].state === state) return jobs[1];
    await sleep(20);
  }
}

await ann.close();
await ben.close();
await gateway.close();
