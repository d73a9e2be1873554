// The simulator is forty clients of two servers: Switchboard, where every answer comes home, and one that mixes its clients up.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createGateway } from 'mcp-switchboard';
import { readSettings, run } from 'mcp-switchboard-simulator';
import { WebSocketServer } from 'ws';

setTimeout(() => assert.fail('not done after 30 s'), 30_000).unref();

const demo = fileURLToPath(new URL('../../servers/demo/dist/main.js', import.meta.url));
const gateway = createGateway({
  port: 0,
  isolation: 'shared',
  rateLimit: 'unlimited',
  upstreams: { demo: { command: process.execPath, args: [demo] } },
});
const [{ websocket }] = await gateway.listen();

/** Answers go to whoever came last, as in a bridge that was made for one client. */
const careless = createServer();
let last;
new WebSocketServer({ server: careless }).on('connection', (socket) => {
  socket.on('message', (data) => {
    const { id, method, params } = JSON.parse(/** @type {Buffer} */ (data).toString());
    const to = method === 'tools/call' ? last : socket;
    last = socket;
    const result = {
      initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'careless' } },
      'tools/list': { tools: [{ name: 'echo', inputSchema: { properties: { text: { type: 'string' } } } }] },
      'tools/call': { content: [{ type: 'text', text: params?.arguments?.text }] },
    }[method];
    if (id !== undefined) to.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
});
await new Promise((resolve) => careless.listen(0, '127.0.0.1', resolve));

for (const [name, url, timeout] of [
  ['Switchboard', websocket, '20s'],
  // Many answers never come there, and each is waited for.
  ['the careless server', `ws://127.0.0.1:${careless.address().port}`, '500ms'],
]) {
  const settings = readSettings({ clients: '40', calls: '2000', timeout });
  const { integrity, answers } = await run({ url, headers: {} }, settings);
  console.log(`${name}: ${integrity.crossed} of 2000 answers reached the wrong client`);
  if (integrity.examples.length > 0) console.log(`  ${integrity.examples[0].what}`);
  if (name === 'Switchboard')
    assert.deepEqual([answers, integrity.crossed, integrity.lost, integrity.doubled], [2000, 0, 0, 0]);
  else assert.ok(integrity.crossed > 0);
}

careless.closeAllConnections();
careless.close();
await gateway.close();
