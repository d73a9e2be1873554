// The library: a server that is built in this very program, so that its tools reach what the program has in memory.
import assert from 'node:assert/strict';
import { Client as ClientV2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { McpServer } from '@modelcontextprotocol/server';
import { createGateway } from 'mcp-switchboard';
import { WebSocket } from 'ws';
import { z } from 'zod';

// SDK v1 takes the WebSocket of the browser, which Node has from version 22 on.
globalThis.WebSocket ??= WebSocket;
setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const stock = new Map([['apples', 3]]);

// Called once for each session, so what clients shall share is outside of it.
function createServer() {
  const server = new McpServer({ name: 'shop', version: '1.0.0' });
  const inputSchema = z.object({ fruit: z.string() });
  server.registerTool(
    'take',
    { description: 'Takes one piece of fruit out of the shop.', inputSchema },
    ({ fruit }) => {
      stock.set(fruit, (stock.get(fruit) ?? 0) - 1);
      return { content: [{ type: 'text', text: `${stock.get(fruit)} ${fruit} left` }] };
    },
  );
  return server;
}

const gateway = createGateway({ port: 0, upstreams: { shop: { server: createServer } } });
const [{ websocket, http }] = await gateway.listen();

const overWebSocket = new ClientV1({ name: 'over-websocket', version: '1.0.0' });
await overWebSocket.connect(new WebSocketClientTransport(new URL(websocket)));
// SDK v2 speaks MCP 2026-07-28 only when told to; SDK v1 knows only what was before.
const overHttp = new ClientV2({ name: 'over-http', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
await overHttp.connect(new StreamableHTTPClientTransport(new URL(http)));
assert.equal(overHttp.getNegotiatedProtocolVersion(), '2026-07-28');

const take = { name: 'take', arguments: { fruit: 'apples' } };
const first = await overWebSocket.callTool(take);
const second = await overHttp.callTool(take);
console.log(`over WebSocket: ${first.content[0].text}\nover HTTP: ${second.content[0].text}`);
assert.equal(first.content[0].text, '2 apples left');
assert.equal(second.content[0].text, '1 apples left');
assert.equal(stock.get('apples'), 1);

await overWebSocket.close();
await overHttp.close();
await gateway.close();
