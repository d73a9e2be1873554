// WebSockets at /mcp of a server that serves pages already: one program for each framework.
import assert from 'node:assert/strict';

setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

await import('./express.mjs');
await import('./fastify.mjs');
await import('./hono.mjs');
