import type { Book } from './book.ts';
import { LunoError } from './errors.ts';
import { Stream, type StreamOptions } from './stream.ts';

/** Luno allows a key 50 streams; other programs may use it too. */
const MAX_STREAMS = 20;
/** Watchers are told of a busy market no more often than this. */
const NOTIFY_MS = 1_000;

interface Watched {
  stream: Stream;
  watchers: Set<() => void>;
  timer?: NodeJS.Timeout | undefined;
  changed: boolean;
}

/** The live order books that somebody watches, one stream for each pair. */
export class Streams {
  readonly #options: StreamOptions;
  readonly #pairs = new Map<string, Watched>();

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /**
   * Calls back when the book of a pair has changed, come or gone, at most once a second, until the function it gives is called.
   * Throws `refused` when too many pairs are watched.
   */
  watch(pair: string, changed: () => void): () => void {
    const watched = this.#pairs.get(pair) ?? this.#open(pair);
    // A function of its own for each watcher: the same may watch twice.
    const watcher = (): void => changed();
    watched.watchers.add(watcher);
    return () => {
      watched.watchers.delete(watcher);
      if (watched.watchers.size > 0 || this.#pairs.get(pair) !== watched) return;
      this.#pairs.delete(pair);
      clearTimeout(watched.timer);
      watched.stream.close();
    };
  }

  /** The book of a pair if it is watched and in step. */
  book(pair: string): Book | undefined {
    return this.#pairs.get(pair)?.stream.book;
  }

  /** Throws `refused` unless the pair is watched already or there is room for one more. */
  mustAdmit(pair: string): void {
    if (this.#pairs.has(pair) || this.#pairs.size < MAX_STREAMS) return;
    throw new LunoError(
      'refused',
      `${MAX_STREAMS} markets are live, which is the most: end a subscription before you watch ${pair}.`,
    );
  }

  #open(pair: string): Watched {
    this.mustAdmit(pair);
    const watched: Watched = {
      stream: new Stream(pair, this.#options, () => notify(watched)),
      watchers: new Set(),
      changed: false,
    };
    this.#pairs.set(pair, watched);
    return watched;
  }
}

/** Notifies the watchers now, or when the last time is a second ago. */
function notify(watched: Watched): void {
  watched.changed = true;
  if (watched.timer) return;
  watched.changed = false;
  watched.timer = setTimeout(() => {
    watched.timer = undefined;
    if (watched.changed) notify(watched);
  }, NOTIFY_MS).unref();
  for (const watcher of watched.watchers) watcher();
}
