import { newId } from '../common/id.ts';
import { Conversation, type Credentials } from './conversation.ts';
import type { SessionKey } from './state.ts';
import type { Connect } from './link.ts';
import type { Exported } from './wire.ts';

/** What is kept of a conversation for when the page is loaded again. Not what was said, and no credentials. */
interface Kept {
  readonly key: string;
  readonly title: string;
  readonly session: SessionKey | undefined;
  readonly room: { readonly name: string; readonly me: string } | undefined;
}

export interface Listed {
  readonly key: string;
  readonly conversation: Conversation;
  /** What was said first, once something was. */
  readonly title: string;
  /** How much of it was there when it was last shown. */
  readonly seen: number;
}

export interface ConversationsOptions {
  readonly url: string;
  readonly storage: Pick<Storage, 'getItem' | 'setItem'>;
  readonly connect?: Connect;
  onExport(exported: Exported): void;
}

/** Each has a connection of its own, and a server has so many for everybody. */
export const MOST_CONVERSATIONS = 8;

const STORAGE_KEY = 'switchboard.conversations';
const LONGEST_TITLE = 60;

/** The conversations of this tab, the newest first. There is always one. */
export class Conversations {
  list: readonly Listed[] = [];
  active = '';
  token: string | undefined;
  credentials: Credentials | undefined;
  readonly #options: ConversationsOptions;
  #stored = '';
  readonly #listeners = new Set<() => void>();

  constructor(options: ConversationsOptions) {
    this.#options = options;
    const kept = this.#kept();
    this.list = kept.map((one) => this.#open(one));
    if (kept.length === 0) this.add();
    else this.active = kept[0]!.key;
  }

  get current(): Listed {
    return this.list.find(({ key }) => key === this.active) ?? this.list[0]!;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins another one and shows it; the one that is shown if nothing was said in that yet. */
  add(): void {
    const empty = this.list.find(({ title, conversation }) => title === '' && conversation.state.room === undefined);
    if (empty === undefined && this.list.length >= MOST_CONVERSATIONS) return;
    const next = empty ?? this.#open({ key: newId(), title: '', session: undefined, room: undefined });
    if (empty === undefined) this.list = [next, ...this.list];
    this.select(next.key);
  }

  select(key: string): void {
    this.active = key;
    this.#changed(key);
  }

  /** Ends a conversation, and begins one if it was the last. */
  remove(key: string): void {
    const at = this.list.findIndex((one) => one.key === key);
    this.list[at]?.conversation.close();
    this.list = this.list.filter((one) => one.key !== key);
    if (this.list.length === 0) this.add();
    else this.select(key === this.active ? (this.list[at] ?? this.list.at(-1)!).key : this.active);
  }

  /** Shows credentials in every conversation. */
  signIn(credentials: Credentials): void {
    this.credentials = credentials;
    for (const { conversation } of this.list) if (!conversation.state.authenticated) conversation.signIn(credentials);
  }

  /** Does not wait for the next attempts: there may be a network again. */
  retry(): void {
    for (const { conversation } of this.list) if (conversation.state.link === 'waiting') conversation.retry();
  }

  /** Connects anew with a token. */
  useToken(token: string | undefined): void {
    this.token = token;
    this.list = this.list.map(({ key, title, conversation }) => {
      conversation.close();
      return this.#open({ key, title, session: conversation.state.session, room: undefined });
    });
    this.#changed(this.active);
  }

  /** Forgets the credentials, here and on the server, and what was said with them. */
  signOut(): void {
    this.credentials = undefined;
    for (const { conversation } of this.list) {
      conversation.signOut();
      conversation.close();
    }
    this.list = [];
    this.add();
  }

  #open({ key, title, session, room }: Kept): Listed {
    const { url, connect, onExport } = this.#options;
    const conversation = new Conversation({
      url,
      token: this.token,
      session,
      room,
      credentials: () => this.credentials,
      // The first changes come before the conversation is in the list.
      onChange: () => queueMicrotask(() => this.#changed(key)),
      onExport,
      ...(connect && { connect }),
    });
    return { key, conversation, title, seen: 0 };
  }

  #changed(key: string): void {
    this.list = this.list.map((one) => (one.key === key ? this.#refreshed(one) : one));
    this.#keep();
    for (const listener of this.#listeners) listener();
  }

  #refreshed(one: Listed): Listed {
    const { items, past, outgoing } = one.conversation.state;
    const said = [...past, ...items].find((item) => item.kind === 'said')?.text ?? outgoing[0]?.text ?? one.title;
    const title = said.trim().split('\n', 1)[0]!.slice(0, LONGEST_TITLE);
    return { ...one, title, seen: one.key === this.active ? lengthOf(one) : one.seen };
  }

  #kept(): Kept[] {
    try {
      const kept: unknown = JSON.parse(this.#options.storage.getItem(STORAGE_KEY) ?? '[]');
      return Array.isArray(kept) ? (kept as Kept[]).slice(0, MOST_CONVERSATIONS) : [];
    } catch {
      return [];
    }
  }

  #keep(): void {
    const kept = this.list.map(({ key, title, conversation: { state } }): Kept => {
      const room = state.room && { name: state.room.name, me: state.room.me };
      return { key, title, session: state.session, room };
    });
    const text = JSON.stringify(kept);
    if (text === this.#stored) return;
    this.#stored = text;
    try {
      this.#options.storage.setItem(STORAGE_KEY, text);
    } catch {
      // A browser may refuse to keep anything: a page that is loaded again then begins anew.
    }
  }
}

/** How much was said in a conversation. */
const lengthOf = ({ conversation: { state } }: Listed): number =>
  state.items.filter((item) => item.kind === 'said' || (item.kind === 'turn' && item.stopped !== undefined)).length;

/** Whether something was said while another conversation was shown. */
export const isUnread = (one: Listed): boolean => lengthOf(one) > one.seen;
