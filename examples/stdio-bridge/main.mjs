// `switchboard connect`: a client that speaks only stdio starts it like any server, and is at a WebSocket address.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { createGateway } from 'mcp-switchboard';

setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const demo = fileURLToPath(new URL('../../servers/demo/dist/main.js', import.meta.url));
const cli = fileURLToPath(new URL('../../packages/switchboard/dist/cli/main.js', import.meta.url));

const gateway = createGateway({
  port: 0,
  isolation: 'shared',
  upstreams: { demo: { command: process.execPath, args: [demo] } },
});
const [{ websocket }] = await gateway.listen();

const pids = [];
for (const name of ['Ann', 'Ben']) {
  const transport = new StdioClientTransport({ command: process.execPath, args: [cli, 'connect', websocket] });
  const client = new Client({ name, version: '1.0.0' });
  await client.connect(transport);
  const { tools } = await client.listTools();
  const { structuredContent } = await client.callTool({ name: 'whoami' });
  console.log(`${name}: stdio to process ${transport.pid}, ${websocket} to server process ${structuredContent.pid}`);
  assert.ok(tools.some((tool) => tool.name === 'whoami'));
  assert.notEqual(structuredContent.pid, transport.pid);
  pids.push(structuredContent.pid);

  const { pid } = transport;
  await client.close();
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, 'the bridge ends with its client');
}
assert.equal(pids[0], pids[1], 'both bridges lead to the one server');

await gateway.close();
