import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import type { Subscriptions } from 'mcp-switchboard-demo/subscriptions';
import { LunoError } from './errors.ts';
import { DEPTH, mustBeWatchable, readLive, watchLive } from './live.ts';
import type { Luno } from './luno.ts';

const JSON_TYPE = 'application/json';
/** A client may name a market in many spellings; so many URIs it may watch at a time. */
const MAX_WATCHED = 100;

const LIVE = {
  ticker: ['Ticker', 'Best bid and ask, last price and status of a market.'],
  orderbook: ['Order book', `The best ${DEPTH} bids and asks of a market.`],
} as const;

/** Registers the markets, the tickers and the order books; the last two are live while they are subscribed to. */
export function registerResources(server: McpServer, luno: Luno, subscriptions: Subscriptions): void {
  server.registerResource(
    'markets',
    'luno://markets',
    { title: 'Markets', description: 'All markets of Luno, with what an order may have in each.', mimeType: JSON_TYPE },
    (uri, { mcpReq: { signal } }) => reading(uri, async () => ({ markets: await luno.markets.all({ signal }) })),
  );
  for (const [kind, [title, description]] of Object.entries(LIVE)) {
    server.registerResource(
      kind,
      new ResourceTemplate(`luno://${kind}/{pair}`, {
        list: undefined,
        complete: { pair: (start) => luno.markets.completions(start) },
      }),
      { title, description: `${description} Subscribe to it to be told of changes.`, mimeType: JSON_TYPE },
      (uri, _variables, { mcpReq: { signal } }) => reading(uri, () => readLive(luno, uri.href, signal)),
    );
  }
  acceptSubscriptions(server, luno, subscriptions);
  notifyOfChanges(server, luno, subscriptions);
}

/** The legacy way to subscribe; a modern client listens instead, and its serving entry answers that. */
function acceptSubscriptions(server: McpServer, luno: Luno, subscriptions: Subscriptions): void {
  server.server.setRequestHandler('resources/subscribe', ({ params: { uri } }) => {
    try {
      mustBeWatchable(luno, uri);
      if (!subscriptions.uris().has(uri)) mustHaveRoom(subscriptions.uris().size);
    } catch (error) {
      throw protocolError(uri, error);
    }
    subscriptions.subscribe(uri, [uri]);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', ({ params: { uri } }) => {
    subscriptions.unsubscribe(uri);
    return {};
  });
}

/** Watches each URI that is subscribed to, and tells the client when what it names has changed. */
function notifyOfChanges(server: McpServer, luno: Luno, subscriptions: Subscriptions): void {
  const watched = new Map<string, () => void>();
  subscriptions.watch(() => {
    const wanted = subscriptions.uris();
    for (const [uri, end] of watched) {
      if (wanted.has(uri)) continue;
      end();
      watched.delete(uri);
    }
    for (const uri of wanted) {
      if (watched.has(uri)) continue;
      try {
        mustHaveRoom(watched.size);
        // The connection may end meanwhile; then nobody is left to be told.
        const notify = (): void => void server.server.sendResourceUpdated({ uri }).catch(() => {});
        watched.set(uri, watchLive(luno, uri, notify));
      } catch (error) {
        // A modern client was told that it listens before this server could object.
        luno.onError(error as Error);
      }
    }
  });
}

function mustHaveRoom(watched: number): void {
  if (watched < MAX_WATCHED) return;
  throw new LunoError('refused', `${MAX_WATCHED} resources are watched, which is the most: end a subscription first.`);
}

async function reading(
  uri: URL,
  read: () => Promise<object>,
): Promise<{ contents: { uri: string; mimeType: string; text: string }[] }> {
  try {
    return { contents: [{ uri: uri.href, mimeType: JSON_TYPE, text: JSON.stringify(await read()) }] };
  } catch (error) {
    throw protocolError(uri.href, error);
  }
}

function protocolError(uri: string, error: unknown): unknown {
  if (!(error instanceof LunoError)) return error;
  const { code, message, advice } = error;
  const text = `${code}: ${message} ${advice}`;
  if (code === 'not_found') return new ResourceNotFoundError(uri, text);
  const wrong = code === 'invalid_argument' || code === 'credentials_missing';
  return new ProtocolError(wrong ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError, text, { code });
}
