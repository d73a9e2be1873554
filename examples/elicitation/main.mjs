// A server that asks its user: two clients at once, and each answers its own question.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { createGateway } from 'mcp-switchboard';
import { WebSocket } from 'ws';

// SDK v1 takes the WebSocket of the browser, which Node has from version 22 on.
globalThis.WebSocket ??= WebSocket;
setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const demo = fileURLToPath(new URL('../../servers/demo/dist/main.js', import.meta.url));
const gateway = createGateway({
  port: 0,
  isolation: 'session',
  upstreams: { demo: { command: process.execPath, args: [demo] } },
});
const [{ websocket }] = await gateway.listen();

// Nobody answers before both have been asked: so both questions are open at the same time.
const asked = {};
let bothAsked;
const whenBothAsked = new Promise((resolve) => (bothAsked = resolve));

async function connect(name, answer) {
  const client = new Client({ name, version: '1.0.0' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    asked[name] = params.message;
    if (Object.keys(asked).length === 2) bothAsked();
    await whenBothAsked;
    return { action: 'accept', content: { answer } };
  });
  await client.connect(new WebSocketClientTransport(new URL(websocket)));
  return client;
}

const ann = await connect('Ann', 'a cat');
const ben = await connect('Ben', 'a dog');
const [toAnn, toBen] = await Promise.all([
  ann.callTool({ name: 'ask', arguments: { question: 'Which pet has Ann?' } }),
  ben.callTool({ name: 'ask', arguments: { question: 'Which pet has Ben?' } }),
]);

console.log(`Which pet has Ann? ${toAnn.structuredContent.answer}`);
console.log(`Which pet has Ben? ${toBen.structuredContent.answer}`);
assert.deepEqual(asked, { Ann: 'Which pet has Ann?', Ben: 'Which pet has Ben?' });
assert.deepEqual(toAnn.structuredContent, { action: 'accept', answer: 'a cat' });
assert.deepEqual(toBen.structuredContent, { action: 'accept', answer: 'a dog' });

await ann.close();
await ben.close();
await gateway.close();
