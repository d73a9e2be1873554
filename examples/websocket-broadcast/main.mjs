// A server that waits for its clients, knows them, and speaks to all of them, to some, or to one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocketClientTransport, WebSocketServerTransport } from 'mcp-switchboard/websocket';

setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const server = new WebSocketServerTransport({
  port: 0,
  authenticate: (_request, { bearer }) => (bearer === undefined ? undefined : { principal: bearer }),
});
const url = await server.listen();

assert.equal(await server.waitForClients(2, { timeoutMs: 50 }), false);
console.log('nobody came within 50 ms');

const came = server.waitForClients(2, { timeoutMs: 5000 });
const inboxes = {};
for (const token of ['Ann', 'Ben']) {
  const transport = new WebSocketClientTransport(url, { token });
  await transport.start();
  inboxes[token] = transport;
}
assert.equal(await came, true);
for (const { principal, address, since } of server.clients.values()) {
  console.log(`${principal} from ${address} since ${since.toISOString()}`);
}
assert.equal(server.clients.size, 2);

const status = { event: 'server_update', data: { status: 'processing', queueLength: 5 } };
assert.equal(server.broadcastNotification(status), 2);
assert.equal(server.broadcast({ type: 'announcement', message: 'Server maintenance in 5 minutes' }), 2);
assert.equal(
  server.broadcast({ type: 'announcement', message: 'You too, Ben' }, ({ principal }) => principal === 'Ben'),
  1,
);
const ann = [...server.clients.values()].find(({ principal }) => principal === 'Ann');
assert.equal(server.send(ann.id, { type: 'announcement', message: 'You have mail' }), true);

const heard = async (name, count) => {
  const messages = [];
  for await (const message of inboxes[name].receive()) if (messages.push(message) === count) break;
  return messages;
};
for (const [name, last] of [
  ['Ann', 'You have mail'],
  ['Ben', 'You too, Ben'],
]) {
  const messages = await heard(name, 3);
  console.log(`${name} heard:`, messages.map((message) => message.message ?? message.event).join(' · '));
  assert.deepEqual(messages[0], { type: 'notification', ...status });
  assert.equal(messages[2].message, last);
}

const left = once(server, 'disconnect');
await inboxes.Ann.close();
const [gone, reason] = await left;
console.log(`${gone.principal} left: ${reason}`);
assert.equal(gone.principal, 'Ann');
assert.equal(server.clients.size, 1);

await inboxes.Ben.close();
await server.close();
