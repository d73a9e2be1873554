// What goes wrong: in the server's handler, in the client's, when sending, and when connecting.
import assert from 'node:assert/strict';
import { WebSocketClientTransport, WebSocketServerTransport } from 'mcp-switchboard/websocket';

setTimeout(() => assert.fail('not done after 10 s'), 10_000).unref();

const server = new WebSocketServerTransport({
  port: 0,
  onForeign: ({ type, value }) => {
    // What the client did wrong is for the handler to say …
    if (typeof value !== 'number') return { type: 'error', error: `Invalid value: ${JSON.stringify(value)}` };
    // … and what it throws is for the log: the client gets a reference to find it there.
    if (value < 0) throw new Error('the square root of a negative number, in /srv/secret/path.js');
    return { type, result: Math.sqrt(value) };
  },
});
const log = [];
server.on('error', (error, reference) => log.push({ reference, what: error.message }));
const url = await server.listen();

const transport = new WebSocketClientTransport(url);
await transport.start();
const answers = transport.receive();
const ask = async (value) => {
  await transport.send({ type: 'success', value });
  return (await answers.next()).value;
};

assert.deepEqual(await ask(9), { type: 'success', result: 3 });
assert.deepEqual(await ask('nine'), { type: 'error', error: 'Invalid value: "nine"' });
const failed = await ask(-9);
console.log('the client is told:', failed);
console.log('the log says:', log);
assert.equal(failed.error, 'Internal error');
assert.deepEqual(log, [
  { reference: failed.reference, what: 'the square root of a negative number, in /srv/secret/path.js' },
]);
await transport.close();

// The client's handler.
const careless = new WebSocketClientTransport(url, {
  onForeign: () => {
    throw new Error('did not expect that');
  },
});
const heard = new Promise((resolve) => (careless.onerror = resolve));
await careless.start();
await careless.send({ type: 'success', value: 4 });
console.log('the client’s own handler failed:', (await heard).message);
assert.equal((await heard).message, 'did not expect that');
await careless.close();

// A transport that is closed sends nothing, and says so; one that is only away keeps what is sent until it is back.
const refused = await careless.send({ type: 'late' }).catch((error) => error);
console.log(`${refused.code}: ${refused.message}`);
assert.equal(refused.code, 'SWB_CONNECTION_LOST');

await server.close();
const nobody = await new WebSocketClientTransport(url).start().catch((error) => error);
console.log(`${nobody.code}: ${nobody.message}`);
assert.equal(nobody.code, 'SWB_CONNECT_FAILED');
