// A legacy MCP server on stdio for load: notes each call in the file of its first argument before it answers, so that one that is done twice
// shows, whichever process did it.
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [file] = process.argv.slice(2);
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === 'initialize') {
    const serverInfo = { name: 'counting', version: '1' };
    send({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo } });
  } else if (method === 'tools/call') {
    const { text, ms } = params.arguments;
    appendFileSync(file, `${text}\n`);
    setTimeout(() => send({ id, result: { content: [{ type: 'text', text }] } }), ms);
  } else if (method === 'ping') send({ id, result: {} });
  else send({ id, error: { code: -32601, message: 'unknown' } });
});
