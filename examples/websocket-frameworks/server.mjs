// What the three programs serve.
import assert from 'node:assert/strict';
import { McpServer } from '@modelcontextprotocol/server';
import { connect } from 'mcp-switchboard/client';

export function createServer() {
  const server = new McpServer({ name: 'time', version: '1.0.0' });
  server.registerTool('uptime', { description: 'Tells for how long the program has run.' }, () => ({
    content: [{ type: 'text', text: `${process.uptime().toFixed(1)} s` }],
  }));
  return server;
}

/** Asks for the page that the framework serves, and calls the tool beside it. */
export async function check(name, port) {
  const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  const client = await connect(`ws://127.0.0.1:${port}/mcp`);
  const { content } = await client.callTool({ name: 'uptime', arguments: {} });
  await client.close();
  console.log(`${name} says ‹${page}›, and its tool ‹${content[0].text}›`);
  assert.equal(page, `a page of ${name}`);
  assert.match(content[0].text, /^\d+\.\d s$/);
}
