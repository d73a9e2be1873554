// Both ends used directly, without MCP: a client sends what it wants to have done, handles notifications, and receives the answer.
import assert from 'node:assert/strict';
import { WebSocketClientTransport, WebSocketServerTransport } from 'mcp-switchboard/websocket';

setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const server = new WebSocketServerTransport({ port: 0 });
const url = await server.listen();

// The server's end: without a handler, messages are received one by one.
const work = (async () => {
  for await (const { client, message } of server.receive()) {
    if (message.action === 'process_data') {
      client.send({ type: 'notification', done: 0.5 });
      client.send({ type: 'response', sum: message.data.reduce((sum, each) => sum + each, 0) });
    }
  }
})();

// The client's end. What its handler does not answer is received as well.
const handled = [];
const transport = new WebSocketClientTransport(url, {
  onForeign: async (message) => void handled.push(message.type),
});
await transport.start();
await transport.send({ type: 'request', action: 'process_data', data: [1, 2, 3] });
const received = [];
for await (const message of transport.receive()) {
  console.log('received', message);
  received.push(message);
  if (message.type === 'response') break;
}
assert.deepEqual(received, [
  { type: 'notification', done: 0.5 },
  { type: 'response', sum: 6 },
]);
assert.deepEqual(handled, ['notification', 'response']);
console.log('traffic', transport.traffic);
assert.equal(transport.state, 'open');

await transport.close();
assert.equal(transport.state, 'closed');
await server.close();
// Ends with the server.
await work;
