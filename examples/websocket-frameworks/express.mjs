import { once } from 'node:events';
import express from 'express';
import { serveWebSocket } from 'mcp-switchboard/websocket';

import { check, createServer } from './server.mjs';

const app = express();
app.get('/', (_request, response) => void response.send('a page of Express'));
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');

const mcp = await serveWebSocket(createServer, { server });

await check('Express', server.address().port);
await mcp.close();
server.close();
