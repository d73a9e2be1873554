/** What the browser keeps of the conversations, for this tab, others and later ones. No credentials. */
import { isTurn, textOf, type Item } from './items.ts';
import type { ChatState, Log, SessionKey } from './state.ts';

export interface Kept {
  readonly key: string;
  /** What the person calls it. */
  readonly name: string | undefined;
  /** What was said first. */
  readonly title: string;
  /** What is written and not sent. */
  readonly draft: string;
  /** When it last changed, in milliseconds since 1970. */
  readonly at: number;
  readonly session: SessionKey | undefined;
  readonly room: { readonly name: string; readonly me: string } | undefined;
  readonly log: Log;
}

export type ArchiveStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

const PREFIX = 'switchboard.conversation.';

/** So many are kept, the newest. */
export const MOST_KEPT = 200;

/** Of a longer conversation the end is kept, in characters of JSON. */
const LONGEST_LOG = 200_000;
/** Of a longer result of a tool the beginning is kept. */
const LONGEST_RESULT = 4_000;

const slim = (item: Item): Item =>
  isTurn(item)
    ? {
        ...item,
        parts: item.parts.map((part) =>
          part.kind === 'call' && part.result !== undefined
            ? { ...part, result: { ...part.result, images: [], text: part.result.text.slice(0, LONGEST_RESULT) } }
            : part,
        ),
      }
    : item;

/** The end of what was said, as far as it fits. */
function ending(items: readonly Item[]): readonly Item[] {
  let kept = items.map(slim);
  while (kept.length > 0 && JSON.stringify(kept).length > LONGEST_LOG) kept = kept.slice(Math.ceil(kept.length / 4));
  return kept;
}

/** What to keep of a state. Images are not kept: the server has them as long as it has the conversation. */
export const logOf = ({ past, copy, items, outgoing }: ChatState): Log => ({
  past: ending(past),
  items: ending(items.length > 0 ? items : copy),
  outgoing: outgoing.filter(({ state }) => state !== 'refused'),
});

/** All the words of it, for a search. */
export const wordsOf = ({ past, items }: Pick<Log, 'past' | 'items'>): string =>
  [...past, ...items].map((item) => (isTurn(item) ? textOf(item.parts) : item.text)).join('\n');

/** Another version of the page, or somebody else, may have written it. */
function parse(text: string | null): Kept | undefined {
  try {
    const kept = JSON.parse(text ?? '') as Partial<Kept> | null;
    const isKept =
      typeof kept?.key === 'string' &&
      typeof kept.title === 'string' &&
      typeof kept.draft === 'string' &&
      typeof kept.at === 'number' &&
      [kept.log?.past, kept.log?.items, kept.log?.outgoing].every(Array.isArray);
    return isKept ? (kept as Kept) : undefined;
  } catch {
    return undefined;
  }
}

/** Each conversation has an entry of its own, so that tabs do not overwrite what others have written. */
export class Archive {
  readonly #storage: ArchiveStorage;

  constructor(storage: ArchiveStorage) {
    this.#storage = storage;
  }

  /** The newest first. */
  all(): Kept[] {
    return this.#keys()
      .flatMap((key) => parse(this.#storage.getItem(key)) ?? [])
      .toSorted((a, b) => b.at - a.at);
  }

  read(key: string): Kept | undefined {
    return parse(this.#storage.getItem(PREFIX + key));
  }

  /** A browser has little room: the oldest make place. One that refuses to keep anything forgets with the tab. */
  put(kept: Kept): void {
    const text = JSON.stringify(kept);
    const others = this.all().filter(({ key }) => key !== kept.key);
    for (const { key } of others.splice(MOST_KEPT - 1)) this.remove(key);
    for (;;) {
      try {
        this.#storage.setItem(PREFIX + kept.key, text);
        return;
      } catch {
        const oldest = others.pop();
        if (oldest === undefined) return;
        this.remove(oldest.key);
      }
    }
  }

  remove(key: string): void {
    this.#storage.removeItem(PREFIX + key);
  }

  clear(): void {
    for (const key of this.#keys()) this.#storage.removeItem(key);
  }

  #keys(): string[] {
    const all = Array.from({ length: this.#storage.length }, (_, index) => this.#storage.key(index) ?? '');
    return all.filter((key) => key.startsWith(PREFIX));
  }
}
