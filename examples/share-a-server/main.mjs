// The command line: one stdio server, shared with three clients, each of which has it for itself.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client as ClientV2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { WebSocket } from 'ws';

// SDK v1 takes the WebSocket of the browser, which Node has from version 22 on.
globalThis.WebSocket ??= WebSocket;
setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const words = 'serve --port 0 --isolation session --log-level warn -- node servers/demo/dist/main.js';
const switchboard = spawn(process.execPath, ['packages/switchboard/dist/cli/main.js', ...words.split(' ')], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.on('exit', () => switchboard.kill());

const address = {};
for await (const line of createInterface({ input: switchboard.stdout })) {
  const [, name, url] = /^ +(WebSocket|HTTP) +(\S+)$/.exec(line) ?? [];
  if (name) address[name] = new URL(url);
  if (address.WebSocket && address.HTTP) break;
}
assert.ok(address.WebSocket && address.HTTP, 'switchboard ended before it told its addresses');
console.log(`switchboard ${words}\nserves ${address.WebSocket} and ${address.HTTP}`);

const clients = {
  Ann: new ClientV1({ name: 'Ann', version: '1.0.0' }),
  Ben: new ClientV1({ name: 'Ben', version: '1.0.0' }),
  Cleo: new ClientV2({ name: 'Cleo', version: '1.0.0' }),
};
await clients.Ann.connect(new WebSocketClientTransport(address.WebSocket));
await clients.Ben.connect(new WebSocketClientTransport(address.WebSocket));
await clients.Cleo.connect(new StreamableHTTPClientTransport(address.HTTP));

for (const [name, client] of Object.entries(clients)) {
  await client.callTool({ name: 'note_add', arguments: { text: `${name} was here` } });
}
for (const [name, client] of Object.entries(clients)) {
  const { structuredContent } = await client.callTool({ name: 'note_list' });
  console.log(`${name} sees: ${structuredContent.notes.map(({ text }) => text).join(', ')}`);
  assert.deepEqual(structuredContent.notes, [{ number: 1, text: `${name} was here` }]);
}

await Promise.all(Object.values(clients).map((client) => client.close()));
switchboard.kill();
await once(switchboard, 'exit');
