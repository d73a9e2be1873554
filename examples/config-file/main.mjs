// A configuration file: two servers behind one port, each at /mcp/<name>.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const words = 'serve --config examples/config-file/switchboard.json --port 0 --log-level warn';
const switchboard = spawn(process.execPath, ['packages/switchboard/dist/cli/main.js', ...words.split(' ')], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  env: { ...process.env, SHARED_FOLDER: 'examples' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.on('exit', () => switchboard.kill());

const addresses = [];
for await (const line of createInterface({ input: switchboard.stdout })) {
  const [, url] = /^ +HTTP +(\S+)$/.exec(line) ?? [];
  if (url) addresses.push(new URL(url));
  if (addresses.length === 2) break;
}
console.log(`switchboard ${words}\nserves ${addresses.join(' and ')}`);
assert.deepEqual(
  addresses.map(({ pathname }) => pathname),
  ['/mcp/demo', '/mcp/filesystem'],
);

const [demo, filesystem] = addresses.map(() => new Client({ name: 'config-file', version: '1.0.0' }));
await demo.connect(new StreamableHTTPClientTransport(addresses[0]));
await filesystem.connect(new StreamableHTTPClientTransport(addresses[1]));

const { structuredContent: added } = await demo.callTool({ name: 'add', arguments: { a: 20, b: 22 } });
console.log(`demo adds 20 and 22: ${added.sum}`);
assert.equal(added.sum, 42);

const path = fileURLToPath(new URL('switchboard.json', import.meta.url));
const { content } = await filesystem.callTool({ name: 'read_text_file', arguments: { path } });
console.log(`filesystem reads switchboard.json: ${content[0].text.length} characters`);
assert.equal(content[0].text, readFileSync(path, 'utf8'));

const outside = fileURLToPath(new URL('../../package.json', import.meta.url));
const refused = await filesystem.callTool({ name: 'read_text_file', arguments: { path: outside } });
console.log('filesystem refuses what is outside of $SHARED_FOLDER');
assert.match(refused.content[0].text, /access denied/i);
assert.equal(refused.isError, true);

await Promise.all([demo.close(), filesystem.close()]);
switchboard.kill();
await once(switchboard, 'exit');
