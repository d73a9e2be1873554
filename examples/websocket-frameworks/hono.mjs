import { once } from 'node:events';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { serveWebSocket } from 'mcp-switchboard/websocket';

import { check, createServer } from './server.mjs';

const app = new Hono();
app.get('/', (context) => context.text('a page of Hono'));
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
await once(server, 'listening');

const mcp = await serveWebSocket(createServer, { server });

await check('Hono', server.address().port);
await mcp.close();
server.close();
