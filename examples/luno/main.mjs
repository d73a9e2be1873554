// A server for an exchange behind Switchboard: market data, an order that the user agrees to, and a live ticker. The exchange is a
// small stand-in in this very program, so no key is needed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createGateway } from 'mcp-switchboard';
import { WebSocketServer } from 'ws';

setTimeout(() => assert.fail('not done after 20 s'), 20_000).unref();

// The exchange: the three calls and the one stream that this story needs.
const market = {
  market_id: 'XBTZAR',
  base_currency: 'XBT',
  counter_currency: 'ZAR',
  trading_status: 'ACTIVE',
  min_price: '10',
  max_price: '10000000',
  price_scale: 0,
  min_volume: '0.0001',
  max_volume: '100',
  volume_scale: 6,
};
const prices = { bid: '1250000', ask: '1250100', last_trade: '1250050', rolling_24_hour_volume: '53.1' };
const orders = [];
const answers = {
  '/api/exchange/1/markets': () => ({ markets: [market] }),
  '/api/1/ticker': () => ({ pair: 'XBTZAR', status: 'ACTIVE', timestamp: Date.now(), ...prices }),
  '/api/1/postorder': (form) => ({ order_id: `BX${orders.push(form)}` }),
};
const exchange = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://exchange');
  const answer = (form) =>
    response.end(JSON.stringify(answers[pathname](Object.fromEntries(new URLSearchParams(form)))));
  text(request).then(answer, assert.fail);
});
const streams = new WebSocketServer({ server: exchange });
const shown = {
  sequence: '1',
  status: 'ACTIVE',
  timestamp: Date.now(),
  asks: [],
  bids: [{ id: 'b', price: '1250000', volume: '1' }],
};
streams.on('connection', (socket) => socket.once('message', () => socket.send(JSON.stringify(shown))));
exchange.listen(0, '127.0.0.1');
await once(exchange, 'listening');
const address = `127.0.0.1:${exchange.address().port}`;

const gateway = createGateway({
  port: 0,
  upstreams: {
    luno: {
      command: process.execPath,
      args: [
        fileURLToPath(new URL('../../servers/luno/dist/main.js', import.meta.url)),
        '--base-url',
        `http://${address}`,
        '--stream-url',
        `ws://${address}`,
      ],
      env: { LUNO_API_KEY_ID: 'example', LUNO_API_SECRET: 'example' },
      // All sessions of a caller share a process, and with it the rate that Luno allows their key.
      isolation: 'principal',
    },
  },
});
const [{ http }] = await gateway.listen();

/** Connects a client of either era whose user agrees or not. */
async function connect(mode, confirm) {
  const client = new Client(
    { name: 'luno', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode } },
  );
  client.setRequestHandler('elicitation/create', ({ params }) => {
    console.log(`asked: ${params.message}`);
    return { action: 'accept', content: { confirm } };
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(http)));
  return client;
}

const careful = await connect('legacy', false);
const bold = await connect({ pin: '2026-07-28' }, true);

const ticker = await careful.callTool({ name: 'get_ticker', arguments: { pair: 'btc/zar' } });
console.log(`one bitcoin costs ${ticker.structuredContent.ask} rand`);
assert.equal(ticker.structuredContent.ask, prices.ask);

const order = {
  name: 'place_limit_order',
  arguments: { pair: 'BTC-ZAR', side: 'BUY', volume: '0.0005', price: '1250000' },
};
const declined = await careful.callTool(order);
console.log(`declined: ${declined.content[0].text.split('\n')[0]}`);
assert.equal(declined.isError, true);
assert.deepEqual(orders, []);

const placed = await bold.callTool(order);
console.log(`placed: ${placed.structuredContent.order_id}`);
const [{ client_order_id: clientOrderId, ...sent }] = orders;
assert.equal(clientOrderId, placed.structuredContent.client_order_id);
assert.deepEqual(sent, {
  pair: 'XBTZAR',
  type: 'BID',
  volume: '0.0005',
  price: '1250000',
  post_only: 'false',
  time_in_force: 'GTC',
});

const uri = 'luno://ticker/XBTZAR';
const updates = [];
let updated;
careful.setNotificationHandler('notifications/resources/updated', ({ params }) => {
  updates.push(params.uri);
  updated?.();
});
/** Waits for the nth update. */
async function update(nth) {
  while (updates.length < nth) await new Promise((resolve) => (updated = resolve));
  const { contents } = await careful.readResource({ uri });
  return JSON.parse(contents[0].text);
}
await careful.subscribeResource({ uri });
assert.equal((await update(1)).bid, '1250000');
const created = { order_id: 'c', type: 'BID', price: '1250099', volume: '0.1' };
for (const socket of streams.clients) {
  socket.send(JSON.stringify({ sequence: '2', timestamp: Date.now(), create_update: created }));
}
const live = await update(2);
console.log(`live: somebody bids ${live.bid}`);
assert.equal(live.bid, '1250099');
assert.equal(live.source, 'stream');

await Promise.all([careful.close(), bold.close()]);
await gateway.close();
streams.close();
exchange.closeAllConnections();
exchange.close();
