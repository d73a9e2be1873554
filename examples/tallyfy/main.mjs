// The Tallyfy server through Switchboard: a task from a sentence, a process launched, and an archive that the user agrees to.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Client as ClientV2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { createGateway } from 'mcp-switchboard';
import { WebSocket } from 'ws';

// SDK v1 takes the WebSocket of the browser, which Node has from version 22 on.
globalThis.WebSocket ??= WebSocket;
setTimeout(() => assert.fail('not done after 20 s'), 20_000).unref();

// A small stand-in for the Tallyfy API, with one member, one template, and what is made of it.
const made = [];
const things = {
  'GET me': { id: 1001, full_name: 'Ada Byron' },
  'GET checklists': [{ id: 'template-1', title: 'Customer contracts' }],
  'GET checklists/template-1': { id: 'template-1', title: 'Customer contracts', prerun: [], steps: [] },
  'GET runs/run-1': { id: 'run-1', name: 'Contract with Acme' },
  'POST tasks': { id: 'task-1' },
  'POST runs': { id: 'run-1' },
  'DELETE runs/run-1': { id: 'run-1', status: 'archived' },
};
const api = createServer((request, response) => void answer(request, response));
async function answer(request, response) {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { pathname } = new URL(request.url, 'http://api');
  const key = `${request.method} ${pathname.replace('/api/organizations/example/', '')}`;
  const isAda = request.headers.authorization === 'Bearer key-of-ada';
  if (request.method !== 'GET') made.push({ key, ...(body && JSON.parse(body)) });
  response
    .writeHead(isAda ? (key in things ? 200 : 404) : 401, { 'content-type': 'application/json' })
    .end(JSON.stringify(isAda ? { data: things[key] } : { message: 'Unauthenticated.' }));
}
await new Promise((resolve) => api.listen(0, '127.0.0.1', resolve));

const program = fileURLToPath(new URL('../../servers/tallyfy/dist/main.js', import.meta.url));
const baseUrl = `http://127.0.0.1:${api.address().port}/api`;
const gateway = createGateway({
  port: 0,
  isolation: 'session',
  upstreams: {
    tallyfy: {
      command: process.execPath,
      args: [program, '--base-url', baseUrl, '--time-zone', 'Europe/Berlin'],
      env: { TALLYFY_API_KEY: 'key-of-ada', TALLYFY_ORG_ID: 'example' },
    },
  },
});
const [{ websocket, http }] = await gateway.listen();

// A modern client over HTTP.
const modern = new ClientV2({ name: 'tallyfy-example', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
await modern.connect(new StreamableHTTPClientTransport(new URL(http)));
const sentence = { text: 'Create a task called Call Acme, due in 3 days', preview: false };
const { structuredContent: task } = await modern.callTool({ name: 'create_task_from_text', arguments: sentence });
console.log(`'${sentence.text}' became '${task.understood.title}', due ${task.understood.deadline}`);
assert.equal(task.understood.title, 'Call Acme');
assert.deepEqual(task.understood.owners, { users: [1001], guests: [], groups: [] });

// A legacy client over WebSocket, whose user is asked.
const questions = [];
const legacy = new Client({ name: 'tallyfy-example', version: '1.0.0' }, { capabilities: { elicitation: {} } });
legacy.setRequestHandler(ElicitRequestSchema, ({ params }) => {
  questions.push(params.message);
  return { action: 'accept', content: { confirm: true } };
});
await legacy.connect(new WebSocketClientTransport(new URL(websocket)));
const template = await legacy.callTool({ name: 'get_template', arguments: { template_name: 'customer contracts' } });
const { id } = template.structuredContent.template;
await legacy.callTool({ name: 'launch_process', arguments: { template_id: id, name: 'Contract with Acme' } });
await legacy.callTool({ name: 'archive_process', arguments: { process_id: 'run-1' } });
console.log(`asked: ${questions.join()}`);
assert.deepEqual(questions, [
  "Archive the process 'Contract with Acme'? Its tasks disappear with it. It can be reactivated.",
]);

assert.deepEqual(made, [
  {
    key: 'POST tasks',
    title: 'Call Acme',
    task_type: 'task',
    owners: task.understood.owners,
    deadline: new Date(task.understood.deadline).toISOString(),
  },
  { key: 'POST runs', name: 'Contract with Acme', checklist_id: 'template-1' },
  { key: 'DELETE runs/run-1' },
]);

await modern.close();
await legacy.close();
await gateway.close();
api.close();
api.closeAllConnections();
