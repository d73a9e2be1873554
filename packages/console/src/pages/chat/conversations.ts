import { newId } from '../common/id.ts';
import { Archive, logOf, wordsOf, type ArchiveStorage, type Kept } from './archive.ts';
import { Conversation, type Credentials } from './conversation.ts';
import { runningTurn } from './items.ts';
import type { Connect } from './link.ts';
import type { Export } from './wire.ts';

export interface Listed {
  readonly key: string;
  /** Only those that were shown lately are connected. */
  readonly conversation: Conversation | undefined;
  /** What the person calls it. */
  readonly name: string | undefined;
  /** What was said first, once something was. */
  readonly title: string;
  readonly draft: string;
  /** How much of it was there when it was last shown. */
  readonly seen: number;
}

/** One that is connected. */
export type Live = Listed & { readonly conversation: Conversation };

export interface ConversationsOptions {
  readonly url: string;
  /** For all tabs, and after them. */
  readonly storage: ArchiveStorage;
  /** For this tab. */
  readonly tab: Pick<Storage, 'getItem' | 'setItem'>;
  readonly connect?: Connect;
  onExport(exported: Export): void;
}

/** So many are connected at once, as a server has so many connections for everybody. Those that are at work stay connected. */
export const MOST_CONNECTED = 8;

const ACTIVE_KEY = 'switchboard.active';
const LONGEST_TITLE = 60;
/** How long after a change it is kept, in milliseconds. */
const KEEP_MS = 500;

const isLive = (one: Listed): one is Live => one.conversation !== undefined;
const dormant = ({ key, name, title, draft }: Kept): Listed => ({
  key,
  conversation: undefined,
  name,
  title,
  draft,
  seen: 0,
});

/** All conversations, the newest first. There is always one, and one is shown. */
export class Conversations {
  list: readonly Listed[] = [];
  active = '';
  token: string | undefined;
  credentials: Credentials | undefined;
  readonly #options: ConversationsOptions;
  readonly #archive: Archive;
  readonly #listeners = new Set<() => void>();
  /** Which were shown, the latest last. */
  #shown: readonly string[] = [];
  readonly #changes = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConversationsOptions) {
    this.#options = options;
    this.#archive = new Archive(options.storage);
    this.list = this.#archive.all().map(dormant);
    const last = options.tab.getItem(ACTIVE_KEY);
    if (last !== null && this.list.some(({ key }) => key === last)) this.select(last);
    else this.add();
  }

  get live(): readonly Live[] {
    return this.list.filter(isLive);
  }

  get current(): Live {
    return this.live.find(({ key }) => key === this.active)!;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins another one and shows it; the one that is empty if there is one. */
  add(): void {
    const empty = this.live.find(
      (one) => one.title === '' && one.draft === '' && one.conversation.state.room === undefined,
    );
    const key = empty?.key ?? newId();
    if (empty === undefined) {
      this.list = [{ key, conversation: undefined, name: undefined, title: '', draft: '', seen: 0 }, ...this.list];
    }
    this.select(key);
  }

  select(key: string): void {
    this.active = key;
    this.#shown = [...this.#shown.filter((one) => one !== key), key];
    this.list = this.list.map((one) => (one.key === key && !isLive(one) ? this.#wake(one) : one));
    this.#rest();
    this.#options.tab.setItem(ACTIVE_KEY, key);
    this.#changed(key);
  }

  /** Calls it so; after what was said first if the name is empty. */
  rename(key: string, name: string): void {
    this.#change(key, { name: name.trim().slice(0, LONGEST_TITLE) || undefined });
  }

  write(key: string, draft: string): void {
    if (this.list.some((one) => one.key === key && one.draft !== draft)) this.#change(key, { draft });
  }

  /** Those in whose name or texts the words are. */
  found(words: string): readonly Listed[] {
    const wanted = words.trim().toLowerCase();
    const textOf = (one: Listed): string =>
      wordsOf(
        isLive(one) ? logOf(one.conversation.state) : (this.#archive.read(one.key)?.log ?? { past: [], items: [] }),
      );
    return wanted === ''
      ? this.list
      : this.list.filter((one) => `${one.name ?? ''}\n${one.title}\n${textOf(one)}`.toLowerCase().includes(wanted));
  }

  /** Ends a conversation, and begins one if it was the last. */
  remove(key: string): void {
    const at = this.list.findIndex((one) => one.key === key);
    this.list[at]?.conversation?.close();
    this.list = this.list.filter((one) => one.key !== key);
    this.#archive.remove(key);
    if (this.list.length === 0) this.add();
    else this.select(key === this.active ? (this.list[at] ?? this.list.at(-1)!).key : this.active);
  }

  /** Shows credentials in every conversation. */
  signIn(credentials: Credentials): void {
    this.credentials = credentials;
    for (const { conversation } of this.live) if (!conversation.state.authenticated) conversation.signIn(credentials);
  }

  /** Does not wait for the next attempts: there may be a network again. */
  retry(): void {
    for (const { conversation } of this.live) if (conversation.state.link === 'waiting') conversation.retry();
  }

  /** Connects again with a token. */
  useToken(token: string | undefined): void {
    this.token = token;
    this.flush();
    this.list = this.list.map((one) => {
      one.conversation?.close();
      return isLive(one) ? this.#wake(one) : one;
    });
    this.#changed(this.active);
  }

  /** Forgets the credentials, here and on the server, and all that was said, in this browser. */
  signOut(): void {
    this.credentials = undefined;
    for (const { conversation } of this.live) {
      conversation.signOut();
      conversation.close();
    }
    this.list = [];
    this.#changes.clear();
    this.#archive.clear();
    this.add();
  }

  /** Another tab has changed what is kept. */
  reread(): void {
    const live = new Map(this.live.map((one) => [one.key, one]));
    const kept = this.#archive.all();
    const known = new Set(kept.map(({ key }) => key));
    this.list = [
      ...this.live.filter(({ key }) => !known.has(key)),
      ...kept.map((one) => live.get(one.key) ?? dormant(one)),
    ];
    this.#notify();
  }

  /** Keeps what has changed, now: the page may be about to go. */
  flush = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const one of this.live.filter(({ key }) => this.#changes.has(key))) this.#keep(one);
    this.#changes.clear();
  };

  #wake(one: Listed): Live {
    const { url, connect, onExport } = this.#options;
    const { key } = one;
    const kept = this.#archive.read(key);
    const conversation = new Conversation({
      url,
      token: this.token,
      session: kept?.session,
      room: kept?.room,
      log: kept?.log,
      credentials: () => this.credentials,
      // The first changes come before the conversation is in the list.
      onChange: () => queueMicrotask(() => this.#changed(key)),
      onExport,
      ...(connect && { connect }),
    });
    return { ...one, conversation };
  }

  /** Disconnects those that were not shown for the longest time, and do nothing. */
  #rest(): void {
    const idle = this.live
      .filter(({ key, conversation: { state } }) => {
        const isBusy = state.asks.length + state.outgoing.length > 0 || runningTurn(state.items) !== undefined;
        return key !== this.active && !isBusy && state.room === undefined;
      })
      .toSorted((a, b) => this.#shown.indexOf(a.key) - this.#shown.indexOf(b.key))
      .slice(0, Math.max(0, this.live.length - MOST_CONNECTED));
    for (const one of idle) {
      this.#keep(one);
      one.conversation.close();
    }
    const resting = new Set(idle.map(({ key }) => key));
    this.list = this.list.map((one) => (resting.has(one.key) ? { ...one, conversation: undefined } : one));
  }

  #change(key: string, change: Partial<Pick<Listed, 'name' | 'draft'>>): void {
    this.list = this.list.map((one) => (one.key === key ? { ...one, ...change } : one));
    this.#changed(key);
  }

  #changed(key: string): void {
    this.list = this.list.map((one) => (one.key === key && isLive(one) ? this.#refreshed(one) : one));
    this.#changes.add(key);
    this.#timer ??= setTimeout(this.flush, KEEP_MS);
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }

  #refreshed(one: Live): Live {
    const { items, copy, past, outgoing } = one.conversation.state;
    const said =
      [...past, ...copy, ...items].find((item) => item.kind === 'said')?.text ?? outgoing[0]?.text ?? one.title;
    const title = said.trim().split('\n', 1)[0]!.slice(0, LONGEST_TITLE);
    return { ...one, title, seen: one.key === this.active ? lengthOf(one) : one.seen };
  }

  #keep({ key, name, title, draft, conversation: { state } }: Live): void {
    if (title === '' && draft === '' && name === undefined && state.room === undefined) return;
    const room = state.room && { name: state.room.name, me: state.room.me };
    this.#archive.put({ key, name, title, draft, at: Date.now(), session: state.session, room, log: logOf(state) });
  }
}

/** How much was said in a conversation. */
const lengthOf = ({ conversation: { state } }: Live): number =>
  state.items.filter((item) => item.kind === 'said' || (item.kind === 'turn' && item.stopped !== undefined)).length;

/** Whether something was said while another conversation was shown. */
export const isUnread = (one: Listed): boolean => isLive(one) && lengthOf(one) > one.seen;
