// Isolation "shared": everybody talks to one process, and sees what the others keep there.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Client as ClientV2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { createGateway } from 'mcp-switchboard';
import { WebSocket } from 'ws';

// SDK v1 takes the WebSocket of the browser, which Node has from version 22 on.
globalThis.WebSocket ??= WebSocket;
setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const demo = fileURLToPath(new URL('../../servers/demo/dist/main.js', import.meta.url));
const gateway = createGateway({
  port: 0,
  isolation: 'shared',
  upstreams: { demo: { command: process.execPath, args: [demo] } },
});
const [{ websocket, http }] = await gateway.listen();

const ann = new ClientV1({ name: 'Ann', version: '1.0.0' });
const ben = new ClientV2({ name: 'Ben', version: '1.0.0' });
await ann.connect(new WebSocketClientTransport(new URL(websocket)));
await ben.connect(new StreamableHTTPClientTransport(new URL(http)));

await ann.callTool({ name: 'note_add', arguments: { text: 'Ann brings bread' } });
await ben.callTool({ name: 'note_add', arguments: { text: 'Ben brings butter' } });

const pids = [];
for (const [name, client] of Object.entries({ Ann: ann, Ben: ben })) {
  const { structuredContent: list } = await client.callTool({ name: 'note_list' });
  const { structuredContent: whoami } = await client.callTool({ name: 'whoami' });
  const texts = list.notes.map(({ text }) => text);
  console.log(`${name} talks to process ${whoami.pid} and sees: ${texts.join(', ')}`);
  assert.deepEqual(texts, ['Ann brings bread', 'Ben brings butter']);
  pids.push(whoami.pid);
}
assert.equal(pids[0], pids[1]);
assert.equal(gateway.stats.upstreams.demo.running, 1);

await ann.close();
await ben.close();
await gateway.close();
