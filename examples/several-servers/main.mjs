// Two servers behind one address, one of them with less to see than it has.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const words = 'serve --config examples/several-servers/switchboard.json --port 0 --log-level warn';
const switchboard = spawn(process.execPath, ['packages/switchboard/dist/cli/main.js', ...words.split(' ')], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.on('exit', () => switchboard.kill());

let address;
for await (const line of createInterface({ input: switchboard.stdout })) {
  const [, url] = /^ +HTTP +(\S+\/mcp)$/.exec(line) ?? [];
  if (!url) continue;
  address = new URL(url);
  break;
}
console.log(`switchboard ${words}\nserves all servers at ${address}`);

const client = new Client({ name: 'several-servers', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(address));

const { tools } = await client.listTools();
const names = tools.map(({ name }) => name);
console.log(`one list has ${names.filter((name) => name.startsWith('demo__')).length} tools of demo and these of files:
  ${names.filter((name) => name.startsWith('files__')).join('\n  ')}`);
assert.ok(names.includes('files__read_text_file'));
assert.ok(!names.includes('files__write_file'));
assert.equal(tools.find(({ name }) => name === 'demo__add').description, 'Adds two numbers. Use it for every sum.');

const { structuredContent: added } = await client.callTool({ name: 'demo__add', arguments: { a: 20, b: 22 } });
console.log(`demo__add says ${added.sum}`);
assert.equal(added.sum, 42);

const path = fileURLToPath(new URL('written.txt', import.meta.url));
const refused = client.callTool({ name: 'files__write_file', arguments: { path, content: 'no' } });
await assert.rejects(refused, { code: -32602 });
console.log('files__write_file is refused');

await client.close();
switchboard.kill();
await once(switchboard, 'exit');
