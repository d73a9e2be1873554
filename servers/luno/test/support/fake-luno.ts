import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

export const KEY_ID = 'cnz2yjswbv3jd';
export const SECRET = 'not-the-secret-of-anybody-0hydMZDb9HRR3Qq';

export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  form: URLSearchParams;
  authorization: string | undefined;
  /** Of the connection it came over. */
  port: number;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  /** Sent as it is if it is a text. */
  body?: unknown;
  /** Never answers; `aborted` tells when the caller has gone. */
  hang?: boolean;
}

export type Route = (seen: Seen) => Answer;

const MARKETS = [
  market('XBTZAR', 'XBT', 'ZAR', { price_scale: 0, volume_scale: 6, min_volume: '0.0001', max_volume: '100.00' }),
  market('ETHZAR', 'ETH', 'ZAR', { price_scale: 2, volume_scale: 4, min_volume: '0.0005', max_volume: '1000.00' }),
  market('ETHXBT', 'ETH', 'XBT', { price_scale: 4, volume_scale: 2, min_volume: '0.01', max_volume: '1000.00' }),
];

function market(id: string, base: string, counter: string, rest: object): object {
  return {
    market_id: id,
    trading_status: 'ACTIVE',
    base_currency: base,
    counter_currency: counter,
    min_price: id === 'ETHXBT' ? '0.0001' : '10.00',
    max_price: '10000000.00',
    fee_scale: 8,
    ...rest,
  };
}

/** A ticker as Luno writes it. */
export function ticker(pair: string): object {
  return {
    pair,
    timestamp: 1_794_000_000_000,
    bid: '1250000.00000000',
    ask: '1250100.00000000',
    last_trade: '1250050.00000000',
    rolling_24_hour_volume: '53.12345678',
    status: 'ACTIVE',
  };
}

/** Luno's HTTP API and streaming API on loopback: answers as recorded shapes have it, unless a test sets a route. */
export class FakeLuno {
  readonly seen: Seen[] = [];
  readonly routes = new Map<string, Route>();
  readonly streams: FakeStream[] = [];
  /** Resolves when a caller has given up a request that hangs. */
  readonly aborted: Promise<void>;
  #abort: () => void = () => {};
  #streamed: () => void = () => {};
  #onStream: (stream: FakeStream) => void = (stream) => stream.snapshot();
  readonly #http = createServer((request, response) => void this.#answer(request, response));
  readonly #sockets = new WebSocketServer({ noServer: true });

  private constructor() {
    this.aborted = new Promise((resolve) => (this.#abort = resolve));
    this.#http.on('upgrade', (request, socket, head) =>
      this.#sockets.handleUpgrade(request, socket, head, (client) => this.#stream(client, request.url!)),
    );
  }

  /** Listens until the test ends. */
  static async start(): Promise<FakeLuno> {
    const fake = new FakeLuno();
    fake.#http.listen(0, '127.0.0.1');
    await once(fake.#http, 'listening');
    onTestFinished(async () => {
      for (const client of fake.#sockets.clients) client.terminate();
      fake.#http.close();
      fake.#http.closeAllConnections();
    });
    return fake;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get streamUrl(): string {
    return this.baseUrl.replace('http', 'ws');
  }

  /** What was asked of a path. */
  asked(path: string): Seen[] {
    return this.seen.filter((seen) => seen.path === path);
  }

  /** What a stream is told once it has shown its key; a snapshot unless set. */
  onStream(handle: (stream: FakeStream, nth: number) => void): void {
    this.#onStream = (stream) => handle(stream, this.streams.length);
  }

  /** Waits for the nth stream, from 1. */
  async stream(nth: number): Promise<FakeStream> {
    while (this.streams.length < nth) await new Promise<void>((resolve) => (this.#streamed = resolve));
    return this.streams[nth - 1]!;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, this.baseUrl);
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const seen: Seen = {
      method: request.method!,
      path: url.pathname,
      query: url.searchParams,
      form: new URLSearchParams(body),
      authorization: request.headers.authorization,
      port: request.socket.remotePort!,
    };
    this.seen.push(seen);
    const route = this.routes.get(url.pathname) ?? ROUTES[url.pathname];
    const answer = this.#refused(seen) ?? route?.(seen) ?? error(404, 'Not found', 'ErrNotFound');
    if (answer.hang) {
      response.on('close', () => this.#abort());
      return;
    }
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  }

  /** What needs a key is refused without the right one. */
  #refused({ path, authorization }: Seen): Answer | undefined {
    if (PUBLIC.includes(path) && authorization === undefined) return undefined;
    const right = `Basic ${Buffer.from(`${KEY_ID}:${SECRET}`).toString('base64')}`;
    return authorization === right ? undefined : error(401, 'API credentials are invalid.', 'ErrUnauthorised');
  }

  #stream(client: WebSocket, path: string): void {
    client.once('message', (data) => {
      const { api_key_id: id, api_key_secret: secret } = JSON.parse((data as Buffer).toString()) as Record<
        string,
        string
      >;
      const stream = new FakeStream(client, path);
      this.streams.push(stream);
      if (id !== KEY_ID || secret !== SECRET) stream.refuse('invalid_credentials');
      else this.#onStream(stream);
      this.#streamed();
    });
  }
}

/** One connection of the streaming API. */
export class FakeStream {
  readonly path: string;
  readonly #client: WebSocket;

  constructor(client: WebSocket, path: string) {
    this.#client = client;
    this.path = path;
  }

  /** Bids at 100 (twice) and 99, asks at 101 and 102; the sequence is 40. */
  snapshot(sequence = 40): void {
    this.send({
      sequence: String(sequence),
      bids: [
        { id: 'b1', price: '100.00', volume: '0.1' },
        { id: 'b2', price: '100.00', volume: '0.2' },
        { id: 'b3', price: '99.00', volume: '3.000000000000000001' },
      ],
      asks: [
        { id: 'a2', price: '102.00', volume: '2' },
        { id: 'a1', price: '101.00', volume: '1' },
      ],
      status: 'ACTIVE',
      timestamp: 1_794_000_000_000,
    });
  }

  update(sequence: number, rest: object = {}): void {
    const none = { trade_updates: null, create_update: null, delete_update: null, status_update: null };
    this.send({ sequence: String(sequence), ...none, timestamp: 1_794_000_000_000 + sequence, ...rest });
  }

  refuse(code: string): void {
    this.send({ error_code: code, error: 'No.' });
    this.#client.close(1000);
  }

  send(message: unknown): void {
    this.#client.send(JSON.stringify(message));
  }

  cut(): void {
    this.#client.terminate();
  }

  /** Resolves when the other end has closed it. */
  async closed(): Promise<void> {
    if (this.#client.readyState !== this.#client.CLOSED) await once(this.#client, 'close');
  }
}

/** An answer of Luno that refuses. */
export function error(status: number, message: string, code: string, headers: Record<string, string> = {}): Answer {
  return { status, headers, body: { error: message, error_code: code } };
}

const PUBLIC = ['/api/exchange/1/markets', '/api/1/ticker', '/api/1/tickers', '/api/1/orderbook_top', '/api/1/trades'];

const ORDER = {
  order_id: 'BXMC2CJ7HNB88U4',
  client_order_id: 'mine-1',
  pair: 'XBTZAR',
  type: 'LIMIT',
  side: 'BUY',
  status: 'PENDING',
  limit_price: '1250000.00',
  limit_volume: '0.000500',
  stop_price: '0',
  stop_direction: 'BELOW',
  time_in_force: 'GTC',
  base: '0.00',
  counter: '0.00',
  fee_base: '0.00',
  fee_counter: '0.00',
  base_account_id: 1_234_567_890_123_456_789n.toString(),
  creation_timestamp: 1_794_000_000_000,
  completed_timestamp: 0,
  expiration_timestamp: 0,
};

const ROUTES: Record<string, Route> = {
  '/api/exchange/1/markets': () => ({ body: { markets: MARKETS } }),
  '/api/1/ticker': ({ query }) => {
    const pair = query.get('pair')!;
    if (!MARKETS.some((one) => (one as { market_id: string }).market_id === pair)) {
      return error(400, 'Market pair is not supported.', 'ErrInvalidMarketPair');
    }
    return { body: ticker(pair) };
  },
  '/api/1/tickers': ({ query }) => {
    const pairs = query.getAll('pair');
    return { body: { tickers: (pairs.length ? pairs : ['XBTZAR', 'ETHZAR', 'ETHXBT']).map(ticker) } };
  },
  '/api/1/orderbook_top': () => ({
    body: {
      timestamp: 1_794_000_000_000,
      bids: Array.from({ length: 100 }, (_, n) => ({ price: `${1_250_000 - n}.00`, volume: '0.1' })),
      asks: Array.from({ length: 100 }, (_, n) => ({ price: `${1_250_100 + n}.00`, volume: '0.123456789012345678' })),
    },
  }),
  '/api/1/trades': () => ({
    body: {
      trades: [3, 2, 1].map((n) => ({
        sequence: n,
        price: '1250000.00',
        volume: '0.1',
        is_buy: true,
        timestamp: 1_794_000_000_000 + n,
      })),
    },
  }),
  // Hours from `since` to the time at which these were recorded, at most 1000 at once.
  '/api/exchange/1/candles': ({ query }) => {
    const step = Number(query.get('duration')) * 1000;
    const first = Math.ceil(Number(query.get('since')) / step);
    const count = Math.max(0, Math.min(1000, Math.floor(Date.now() / step) - first + 1));
    const candles = Array.from({ length: count }, (_, n) => ({
      timestamp: (first + n) * step,
      open: '100.1',
      high: '110.3',
      low: '90.2',
      close: '105.105',
      volume: '0.1',
    }));
    return { body: { candles, pair: query.get('pair'), duration: step / 1000 } };
  },
  '/api/1/balance': () => ({
    body: {
      balance: [
        { account_id: '111', asset: 'XBT', balance: '0.10000000', reserved: '0.00', unconfirmed: '0.00', name: 'BTC' },
        { account_id: '222', asset: 'ZAR', balance: '1000.00', reserved: '625.00', unconfirmed: '0.00', name: 'Rand' },
      ],
    },
  }),
  // Twelve rows, with amounts as numbers that no floating point number holds.
  '/api/1/accounts/111/transactions': ({ query }) => {
    const [min, max] = [Number(query.get('min_row')), Number(query.get('max_row'))];
    const [from, to] = [min < 1 ? Math.max(1, 13 + min) : min, max < 1 ? 13 + max : max];
    const rows = Array.from({ length: Math.max(0, to - from) }, (_, n) => transaction(from + n));
    return { body: `{"id":"111","transactions":[${rows.join(',')}]}` };
  },
  '/api/1/accounts/111/pending': () => ({ body: { id: '111', name: 'BTC', currency: 'XBT', pending: null } }),
  '/api/1/fee_info': () => ({
    body: { maker_fee: '0.004', taker_fee: '0.006', thirty_day_volume: '0.00' },
  }),
  '/api/exchange/2/listorders': ({ query }) => {
    const before = Number(query.get('created_before') ?? Infinity);
    const all = [3, 2, 1].map((n) => ({ ...ORDER, order_id: `BX${n}`, creation_timestamp: n * 1000 }));
    const orders = all.filter((one) => one.creation_timestamp < before).slice(0, Number(query.get('limit')));
    return { body: { orders } };
  },
  '/api/exchange/3/order': ({ query }) =>
    query.get('id') === ORDER.order_id || query.get('client_order_id') === ORDER.client_order_id
      ? { body: ORDER }
      : error(404, 'Order not found.', 'ErrOrderNotFound'),
  '/api/1/listtrades': ({ query }) => ({
    body: {
      trades: [5, 4, 3, 2, 1]
        .filter((n) => n < Number(query.get('before_seq') ?? Infinity))
        .slice(0, Number(query.get('limit')))
        .map((n) => ({
          sequence: n,
          order_id: 'BX1',
          client_order_id: '',
          pair: query.get('pair'),
          type: 'BID',
          is_buy: true,
          price: '1250000.00',
          volume: '0.1',
          base: '0.1',
          counter: '125000.00',
          fee_base: '0.0001',
          fee_counter: '0.00',
          timestamp: n,
        })),
    },
  }),
  '/api/1/postorder': () => ({ body: { order_id: 'BXNEW' } }),
  '/api/1/marketorder': () => ({ body: { order_id: 'BXNEWMARKET' } }),
  '/api/1/stoporder': () => ({ body: { success: true } }),
};

function transaction(row: number): string {
  return (
    `{"account_id":"111","row_index":${row},"timestamp":${1_794_000_000_000 + row},"balance":0.100000000000000000${row},` +
    `"available":1e-8,"balance_delta":-0.1,"available_delta":0,"currency":"XBT","description":"Sold","kind":"EXCHANGE"}`
  );
}
