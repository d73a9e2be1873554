// Two people in one chat, each with a key of their own for Tallyfy: a simple client that knows only the first messages, and one of
// chat.v2 that sees each tool as it runs and is asked before one deletes something.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ChatClient } from 'mcp-switchboard-chat/client';
import { WebSocket } from 'ws';

setTimeout(() => assert.fail('not done after 30 s'), 30_000).unref();
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// A small stand-in for the Tallyfy API, which knows two people.
const people = { 'Bearer key-of-ada': 'Ada Byron', 'Bearer key-of-bob': 'Bob Frost' };
const deleted = [];
const api = createServer((request, response) => {
  const name = people[request.headers.authorization];
  if (request.method === 'DELETE') deleted.push(name);
  const task = { id: 'task-1', title: `a task of ${name}`, status: 'active' };
  const data = request.url.includes('/me/tasks') ? [task] : { id: 1, full_name: name, ...task };
  response
    .writeHead(name === undefined ? 401 : 200, { 'content-type': 'application/json' })
    .end(JSON.stringify(name === undefined ? { message: 'Unauthenticated.' } : { data }));
});
await new Promise((resolve) => api.listen(0, '127.0.0.1', resolve));

const command = here('../../packages/switchboard/bin/switchboard.js');
const chat = spawn(
  process.execPath,
  [command, 'chat', '--port', '0', '--log-level', 'silent', '--config', here('switchboard.json')],
  {
    env: {
      ...process.env,
      TALLYFY_API: `http://127.0.0.1:${api.address().port}/api`,
      TALLYFY_SERVER: here('../../servers/tallyfy/dist/main.js'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
process.on('exit', () => chat.kill());
let url;
for await (const line of createInterface({ input: chat.stdout })) if ((url = /ws:\S+/.exec(line)?.[0])) break;

// Ada has a client that sends and reads JSON by hand.
const ada = new WebSocket(url);
const messages = [];
let heard = () => {};
ada.on('message', (/** @type {Buffer} */ data) => {
  messages.push(JSON.parse(data.toString()));
  heard();
});
const next = async () => {
  while (messages.length === 0) await new Promise((resolve) => (heard = resolve));
  return messages.shift();
};
assert.equal((await next()).type, 'connection_established');
ada.send(JSON.stringify({ type: 'auth', api_key: 'a guess', org_id: 'example' }));
assert.equal((await next()).type, 'auth_error');
ada.send(JSON.stringify({ type: 'auth', api_key: 'key-of-ada', org_id: 'example' }));
assert.equal((await next()).type, 'auth_success');
ada.send(JSON.stringify({ type: 'query', content: 'get_my_tasks' }));
assert.equal((await next()).type, 'processing');
const answer = await next();
assert.equal(answer.type, 'response');
assert.match(answer.message, /a task of Ada Byron/);
console.log('Ada sees her own tasks, with a client that knows five messages');

// Bob has the typed client.
const shown = [];
const bob = new ChatClient(url, {
  open: (address, protocols) => new WebSocket(address, protocols),
  onMessage: (message) => {
    shown.push(message.type);
    if (message.type === 'approval_request') {
      console.log(`Bob is asked: ${message.message}`);
      bob.send({ type: 'approval', approval: message.approval, approved: false });
    }
  },
});
await bob.next('connection_established');
await bob.authenticate('key-of-bob', 'example');
assert.match((await bob.ask('get_my_tasks')).message, /a task of Bob Frost/);
console.log(`Bob sees his own, and how: ${[...new Set(shown)].join(', ')}`);
const refused = await bob.ask('delete_task task_id=task-1');
assert.match(refused.message, /did not approve/);
assert.deepEqual(deleted, []);
console.log('Bob said no, and nothing was deleted');

bob.close();
ada.send('quit');
assert.equal((await next()).type, 'info');
await once(ada, 'close');
chat.kill('SIGTERM');
await once(chat, 'exit');
api.close();
api.closeAllConnections();
