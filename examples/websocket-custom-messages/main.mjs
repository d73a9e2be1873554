// Messages of one's own: JSON objects that are no MCP go to a handler, and what it returns goes back to who sent them. MCP is served
// over the same connection.
import assert from 'node:assert/strict';
import { McpServer } from '@modelcontextprotocol/server';
import { Client } from '@modelcontextprotocol/client';
import { WebSocketClientTransport, serveWebSocket } from 'mcp-switchboard/websocket';

setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const server = await serveWebSocket(() => new McpServer({ name: 'custom', version: '1.0.0' }), {
  port: 0,
  maxMessageBytes: 10 * 1024 * 1024,
  onForeign: (message, client) => {
    if (message.type === 'custom_command') return { type: 'custom_response', data: 'processed', for: client.principal };
    return { type: 'echo', original: message };
  },
});

const transport = new WebSocketClientTransport(await server.listen());
const client = new Client({ name: 'custom', version: '1.0.0' });
await client.connect(transport);
const answers = transport.receive();

await transport.send({ type: 'custom_command' });
const { value: response } = await answers.next();
console.log('custom_command:', response);
assert.deepEqual(response, { type: 'custom_response', data: 'processed', for: 'anonymous' });

await transport.send({ type: 'else', n: 1 });
const { value: echo } = await answers.next();
console.log('else:', echo);
assert.deepEqual(echo, { type: 'echo', original: { type: 'else', n: 1 } });

assert.equal(client.getServerVersion().name, 'custom');
await client.ping();

await client.close();
await server.close();
