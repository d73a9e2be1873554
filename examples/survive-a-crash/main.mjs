// A server that dies: what was under way fails at once, and the same session goes on with a new process.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { createGateway, ERRORS } from 'mcp-switchboard';

setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const demo = fileURLToPath(new URL('../../servers/demo/dist/main.js', import.meta.url));
const gateway = createGateway({
  port: 0,
  isolation: 'session',
  upstreams: { demo: { command: process.execPath, args: [demo] } },
});
const [{ http }] = await gateway.listen();

const client = new Client({ name: 'survive-a-crash', version: '1.0.0' });
const transport = new StreamableHTTPClientTransport(new URL(http));
await client.connect(transport);
const { sessionId } = transport;
const { structuredContent: before } = await client.callTool({ name: 'whoami' });
console.log(`served by process ${before.pid}`);

// The first progress tells that the server is at it.
let onprogress;
const started = new Promise((resolve) => (onprogress = resolve));
const counting = client.callTool({ name: 'count', arguments: { to: 1000 } }, undefined, { onprogress });
await started;
const [counted, crashed] = await Promise.allSettled([counting, client.callTool({ name: 'crash' })]);
console.log(`the count that was under way: ${counted.reason?.message}`);
for (const { reason } of [counted, crashed]) assert.equal(reason?.code, 31003);
assert.equal(counted.reason.data.code, 'SWB_UPSTREAM_EXITED');
assert.equal(ERRORS.SWB_UPSTREAM_EXITED.code, 31003);

const { structuredContent: after } = await client.callTool({ name: 'whoami' });
console.log(`served by process ${after.pid}, in the same session`);
assert.notEqual(after.pid, before.pid);
assert.equal(transport.sessionId, sessionId);
assert.equal(typeof sessionId, 'string');

await client.close();
await gateway.close();
