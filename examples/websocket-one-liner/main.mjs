// One line serves a server of the official SDK over WebSocket, and one connects to it; both eras at the same address.
import assert from 'node:assert/strict';
import { McpServer } from '@modelcontextprotocol/server';
import { connect } from 'mcp-switchboard/client';
import { serveWebSocket } from 'mcp-switchboard/websocket';
import { z } from 'zod';

setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

// Called once for each client.
function createServer() {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' });
  const inputSchema = z.object({ name: z.string() });
  server.registerTool('greet', { description: 'Greets somebody.', inputSchema }, ({ name }) => ({
    content: [{ type: 'text', text: `Hello, ${name}!` }],
  }));
  return server;
}

const server = await serveWebSocket(createServer, { port: 0 });
const url = await server.listen();

for (const era of ['auto', 'legacy']) {
  const client = await connect(url, { era });
  const { content } = await client.callTool({ name: 'greet', arguments: { name: 'Ann' } });
  console.log(`${client.getNegotiatedProtocolVersion()}: ${content[0].text}`);
  assert.equal(content[0].text, 'Hello, Ann!');
  assert.equal(client.getProtocolEra(), era === 'auto' ? 'modern' : 'legacy');
  await client.close();
}

await server.close();
