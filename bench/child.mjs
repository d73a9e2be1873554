/** The stdio server every target runs: as little work of its own as possible, 2025 era only. */
import { lines } from './lines.mjs';

const tool = {
  name: 'echo',
  description: 'Answers its text, padded to size',
  inputSchema: { type: 'object', properties: { text: { type: 'string' }, size: { type: 'number' } } },
};
const pads = new Map();
let out = '';

function pad(length) {
  if (length <= 0) return '';
  if (!pads.has(length)) pads.set(length, 'x'.repeat(length));
  return pads.get(length);
}

function result(method, params) {
  if (method === 'tools/call') {
    const { text, size = 0 } = params.arguments;
    return { content: [{ type: 'text', text: text + pad(size - text.length) }] };
  }
  if (method === 'initialize') {
    const protocolVersion = params.protocolVersion;
    return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'bench-child', version: '1.0.0' } };
  }
  if (method === 'tools/list') return { tools: [tool] };
  return method === 'ping' ? {} : undefined;
}

// Node writes to a pipe synchronously, so the answers of one chunk are joined into one write.
function flush() {
  process.stdout.write(out);
  out = '';
}

lines(process.stdin, (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined || method === undefined) return;
  const value = result(method, params);
  const error = { code: -32601, message: 'Method not found' };
  if (out === '') process.nextTick(flush);
  const progressToken = params?._meta?.progressToken;
  if (progressToken !== undefined) {
    const note = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } };
    out += JSON.stringify(note) + '\n';
  }
  out += JSON.stringify(value ? { jsonrpc: '2.0', id, result: value } : { jsonrpc: '2.0', id, error }) + '\n';
});
process.stdin.on('end', () => process.exit());
