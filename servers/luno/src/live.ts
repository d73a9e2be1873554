import { LunoError } from './errors.ts';
import type { Luno } from './luno.ts';
import { normalPair } from './pair.ts';
import type { Streams } from './streams.ts';

const LIVE_URI = /^luno:\/\/(ticker|orderbook)\/([^/]+)$/;
/** As many levels as the API gives at once. */
export const DEPTH = 100;

interface Live {
  kind: 'ticker' | 'orderbook';
  pair: string;
}

/** Reads a ticker or an order book: from the stream while it is in step, otherwise from the API. */
export async function readLive({ api, streams }: Luno, uri: string, signal: AbortSignal): Promise<object> {
  const { kind, pair } = liveOf(uri);
  const book = streams?.book(pair);
  if (!book) {
    const now = kind === 'ticker' ? await api.ticker(pair, { signal }) : await api.orderBook(pair, { signal });
    return { ...now, pair, source: 'api' };
  }
  if (kind === 'ticker' && book.lastTrade === undefined) {
    const { last_trade: last } = await api.ticker(pair, { signal });
    // A trade may have come meanwhile, and is newer.
    book.lastTrade ??= last;
  }
  const { sequence, status, timestamp } = book;
  const now =
    kind === 'ticker'
      ? { bid: book.bestBid, ask: book.bestAsk, last_trade: book.lastTrade }
      : { bids: book.bids(DEPTH), asks: book.asks(DEPTH) };
  return { pair, source: 'stream', sequence, status, timestamp, ...now };
}

/** Throws what is in the way of watching a URI: it is not live, there is no API key, or too much is watched. */
export function mustBeWatchable(luno: Luno, uri: string): Live & { streams: Streams } {
  const live = liveOf(uri);
  const { streams } = luno;
  if (!streams) {
    throw new LunoError('credentials_missing', `'${uri}' can only be read: Luno streams to those with an API key.`);
  }
  streams.mustAdmit(live.pair);
  return { ...live, streams };
}

/** Calls back when what a URI names has changed, until the function it gives is called. Throws like `mustBeWatchable`. */
export function watchLive(luno: Luno, uri: string, changed: () => void): () => void {
  const { kind, pair, streams } = mustBeWatchable(luno, uri);
  if (kind === 'orderbook') return streams.watch(pair, changed);
  let before: string | undefined;
  return streams.watch(pair, () => {
    const book = streams.book(pair);
    const now = JSON.stringify([book?.bestBid, book?.bestAsk, book?.lastTrade, book?.status]);
    if (now === before) return;
    before = now;
    changed();
  });
}

function liveOf(uri: string): Live {
  const [, kind, pair] = LIVE_URI.exec(uri) ?? [];
  if (kind && pair) return { kind: kind as Live['kind'], pair: normalPair(decodeURIComponent(pair)) };
  throw new LunoError(
    'invalid_argument',
    `'${uri}' is not live: name luno://ticker/{pair} or luno://orderbook/{pair}.`,
  );
}
