import Fastify from 'fastify';
import { serveWebSocket } from 'mcp-switchboard/websocket';

import { check, createServer } from './server.mjs';

const app = Fastify();
app.get('/', () => 'a page of Fastify');

const mcp = await serveWebSocket(createServer, { server: app.server });

await app.listen({ port: 0, host: '127.0.0.1' });
await check('Fastify', app.server.address().port);
await mcp.close();
await app.close();
