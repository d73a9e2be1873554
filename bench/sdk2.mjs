/** An in-process server of the official SDK v2 over modern HTTP: what clients get with no gateway at all. */
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { Server, createMcpHandler } from '@modelcontextprotocol/server';

const tool = { name: 'echo', inputSchema: { type: 'object' } };

function build() {
  const server = new Server({ name: 'bench-sdk', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler('tools/list', () => ({ tools: [tool] }));
  server.setRequestHandler('tools/call', ({ params }) => {
    const { text, size } = params.arguments;
    return { content: [{ type: 'text', text: text.padEnd(size, 'x') }] };
  });
  return server;
}

createServer(toNodeHandler(createMcpHandler(build))).listen(Number(process.argv[2]), '127.0.0.1');
