/**
 * What was said in one conversation, in a store. Nothing waits for it: entries are written one after the other, sealed, and the oldest are given
 * up beyond the limits. A conversation in which nothing was said leaves nothing.
 */
import type { KeepOptions, Log, Store } from 'mcp-switchboard';
import { z } from 'zod';

import { entrySchema } from '../protocol/history.ts';
import type { Entry, ModelEntry } from '../protocol/history.ts';
import { cut } from '../tools/result.ts';
import type { Vault } from './vault.ts';

/** Keeps what is said. */
export interface Archive {
  add(entry: Entry): void;
  /** The model begins to answer. */
  begin(turn: string): void;
  /** @param seq of the last entry that is forgotten. */
  clear(seq: number): void;
}

/** What was kept of a conversation. */
export interface Kept {
  entries: Entry[];
  /** Of the last entry that there was, also where it is forgotten. */
  seq: number;
}

export interface KeptLogOptions {
  store: Store;
  vault: Vault;
  /** In the store. */
  name: string;
  keep: KeepOptions;
  maxBytes: number;
  /** What was said before at another node, in place of what that one has left. @default nothing */
  earlier?: readonly Entry[];
  /** The first entry is about to be written. */
  onBegin(): void;
}

const MAX_RECORDS = 2000;
/** The longest text of an entry that is kept, in characters; images are not kept. */
const MAX_TEXT = 65_536;

const mark = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('began'), turn: z.string() }),
  z.object({ kind: z.literal('cleared'), seq: z.int().min(0) }),
]);
const record = z.union([entrySchema, mark]);

export class KeptLog implements Archive {
  readonly #options: KeptLogOptions;
  #log: Log | undefined;
  /** What the first entry is written behind. */
  #earlier: readonly Entry[];
  #isClosed = false;

  constructor(options: KeptLogOptions) {
    this.#options = options;
    this.#earlier = options.earlier ?? [];
  }

  add(entry: Entry): void {
    this.#append(withoutWeight(entry));
  }

  begin(turn: string): void {
    this.#append({ kind: 'began', turn });
  }

  clear(seq: number): void {
    const { length } = this.#earlier;
    this.#earlier = [];
    if (this.#isClosed || (this.#log === undefined && length === 0)) return;
    // What another node has left is given up as well.
    const log = this.#open();
    log.trim(log.last);
    this.#append({ kind: 'cleared', seq });
  }

  /** Goes on with what an earlier process has left. What cannot be read is left out. @returns undefined where nothing was left. */
  async recall(): Promise<(Kept & { unread: number }) | undefined> {
    const { store, vault, name, keep } = this.#options;
    const log = await store.recall(name, keep);
    if (log === undefined) return undefined;
    this.#log = log;
    const texts = await log.after(0);
    const entries: Entry[] = [];
    const open = new Set<string>();
    let seq = 0;
    let unread = 0;
    for (const text of texts) {
      const sealed = typeof text === 'string' ? text : Buffer.from(text).toString();
      const read = record.safeParse(vault.open(sealed, name));
      // Who can write to the store can put back what stood there, but in no other order.
      if (!read.success || ('seq' in read.data && read.data.seq <= seq)) {
        unread++;
        continue;
      }
      const { data } = read;
      if ('seq' in data) ({ seq } = data);
      if (data.kind === 'began') open.add(data.turn);
      else if (data.kind === 'cleared') {
        entries.length = 0;
        open.clear();
      } else {
        if (data.kind === 'model') open.delete(data.turn);
        entries.push(data);
      }
    }
    for (const turn of open) {
      const ended = interrupted(turn, ++seq);
      entries.push(ended);
      this.add(ended);
    }
    return { entries, seq, unread };
  }

  /** Whether there is something in it. */
  get isBegun(): boolean {
    return this.#log !== undefined;
  }

  /** Nothing more is kept. */
  close(): void {
    this.#isClosed = true;
  }

  /** The same. Resolves when it is written; what is there stays for whoever recalls it. */
  async leave(): Promise<void> {
    this.close();
    await this.#log?.leave();
  }

  #open(): Log {
    if (this.#log !== undefined) return this.#log;
    const { store, name, keep, onBegin } = this.#options;
    onBegin();
    const log = store.log(name, keep);
    this.#log = log;
    for (const entry of this.#earlier) this.add(entry);
    return log;
  }

  #append(value: z.infer<typeof record>): void {
    if (this.#isClosed) return;
    const { vault, name, maxBytes } = this.#options;
    const log = this.#open();
    log.append(vault.seal(value, name));
    while (log.size > MAX_RECORDS || (log.bytes > maxBytes && log.size > 1)) log.trim(log.last - log.size + 1);
  }
}

/** The process ended while the model answered. */
const interrupted = (turn: string, seq: number): ModelEntry => ({
  kind: 'model',
  seq,
  at: new Date().toISOString(),
  turn,
  text: '',
  stopped: 'interrupted',
  usage: { input_tokens: 0, output_tokens: 0 },
});

function withoutWeight(entry: Entry): Entry {
  const text = cut(entry.text, MAX_TEXT);
  if (entry.kind !== 'tool') return { ...entry, text };
  const { images: _, ...rest } = entry;
  const isTooLong = JSON.stringify(entry.arguments).length > MAX_TEXT;
  return { ...rest, text, ...(isTooLong && { arguments: {} }) };
}
