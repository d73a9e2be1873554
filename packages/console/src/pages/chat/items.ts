/** What a conversation shows, from top to bottom, and how what arrives changes it. */
import type { Ended, Entry, Image, Stopped, Usage } from './wire.ts';

export interface Said {
  readonly kind: 'said';
  readonly key: string;
  readonly from: string;
  readonly text: string;
  readonly at: string | undefined;
}

/** One use of a tool. Without `result` it runs. */
export interface Call {
  readonly kind: 'call';
  readonly call: string;
  readonly name: string;
  /** Whose tool it is, if the server says so. */
  readonly server: string | undefined;
  readonly title: string | undefined;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly by: string;
  readonly progress:
    | { readonly done: number; readonly total: number | undefined; readonly message: string }
    | undefined;
  readonly result: CallResult | undefined;
}

export interface CallResult {
  readonly failed: boolean;
  /** Why it was not run, or not to its end; then it has not failed. */
  readonly ended: Ended | undefined;
  readonly text: string;
  readonly images: readonly Image[];
  /** Whether the model was given less of it. */
  readonly truncated: boolean;
}

export type Part = { readonly kind: 'text'; readonly text: string } | Call;

/** What the model does after something was said: text and tools, in the order in which they came. Without `stopped` it runs. */
export interface Turn {
  readonly kind: 'turn';
  readonly key: string;
  readonly turn: string;
  readonly from: string | undefined;
  readonly parts: readonly Part[];
  readonly stopped: Stopped | undefined;
  readonly usage: Usage | undefined;
  readonly error: string | undefined;
}

/** Something that the page or the server tells. */
export interface Notice {
  readonly kind: 'notice';
  readonly key: string;
  readonly tone: 'calm' | 'bad';
  readonly text: string;
}

export type Item = Said | Turn | Notice;

export const isTurn = (item: Item): item is Turn => item.kind === 'turn';

/** The turn that runs, if one does. */
export const runningTurn = (items: readonly Item[]): Turn | undefined =>
  items.findLast((item): item is Turn => isTurn(item) && item.stopped === undefined);

const emptyTurn = (turn: string): Turn => ({
  kind: 'turn',
  key: `turn ${turn}`,
  turn,
  from: undefined,
  parts: [],
  stopped: undefined,
  usage: undefined,
  error: undefined,
});

/** The items with a turn changed; it is added if it is not there. */
export function changeTurn(items: readonly Item[], id: string, change: (turn: Turn) => Turn): readonly Item[] {
  const at = items.findLastIndex((item) => isTurn(item) && item.turn === id);
  if (at === -1) return [...items, change(emptyTurn(id))];
  return items.with(at, change(items[at] as Turn));
}

export const textOf = (parts: readonly Part[]): string =>
  parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');

/** A piece of text: to the last part, unless a tool came between. */
export function addText(parts: readonly Part[], text: string): readonly Part[] {
  const last = parts.at(-1);
  if (last?.kind !== 'text') return [...parts, { kind: 'text', text }];
  return parts.with(parts.length - 1, { kind: 'text', text: last.text + text });
}

type CallStart = Pick<Call, 'call' | 'name' | 'arguments' | 'by'> & {
  readonly server?: string;
  readonly title?: string;
};

/** A call that began. After a cut it may be told again. */
export function addCall(
  parts: readonly Part[],
  { call, name, server, title, arguments: given, by }: CallStart,
): readonly Part[] {
  if (parts.some((part) => part.kind === 'call' && part.call === call)) return parts;
  const started = { call, name, server, title, arguments: given, by };
  return [...parts, { kind: 'call', ...started, progress: undefined, result: undefined }];
}

export function changeCall(parts: readonly Part[], id: string, change: (call: Call) => Call): readonly Part[] {
  return parts.map((part) => (part.kind === 'call' && part.call === id ? change(part) : part));
}

/** The whole answer. What was streamed stays where it is, between the tools, if it is the same. */
export function settleText(parts: readonly Part[], text: string): readonly Part[] {
  if (textOf(parts) === text) return parts;
  const calls = parts.filter((part) => part.kind === 'call');
  return text === '' ? calls : [...calls, { kind: 'text', text }];
}

/** Adds an entry of the conversation, as it is added or as history tells of it. */
export function addEntry(items: readonly Item[], entry: Entry): readonly Item[] {
  if (entry.kind === 'person') {
    const { from, text, at, seq } = entry;
    return [...items, { kind: 'said', key: `said ${seq}`, from, text, at }];
  }
  if (entry.kind === 'model') {
    const { text, stopped, usage } = entry;
    return changeTurn(items, entry.turn, (turn) => ({ ...turn, parts: settleText(turn.parts, text), stopped, usage }));
  }
  const { is_error, ended, text, images = [], truncated } = entry;
  return changeTurn(items, entry.turn, (turn) => ({
    ...turn,
    parts: changeCall(addCall(turn.parts, entry), entry.call, (call) => ({
      ...call,
      result: { failed: is_error && ended === undefined, ended, text, images, truncated },
    })),
  }));
}

/** Puts older items before the others. A turn of which both have a piece becomes one. */
export function putBefore(older: readonly Item[], items: readonly Item[]): readonly Item[] {
  const cut = older.at(-1);
  if (cut === undefined || !isTurn(cut)) return [...older, ...items];
  const at = items.findIndex((item) => isTurn(item) && item.turn === cut.turn);
  if (at === -1) return [...older, ...items];
  const rest = items[at] as Turn;
  return [...older.slice(0, -1), ...items.with(at, { ...rest, parts: [...cut.parts, ...rest.parts] })];
}

/** Nothing runs any more: what the server has forgotten will not end. */
export const interrupted = (items: readonly Item[]): readonly Item[] =>
  items.map((item) =>
    isTurn(item) && item.stopped === undefined
      ? { ...item, stopped: 'failed', error: 'The connection was lost.' }
      : item,
  );

/** What was said, where nobody goes on with it. */
export const closed = (items: readonly Item[], prefix: string): readonly Item[] =>
  interrupted(items).map((item) => ({ ...item, key: `${prefix} ${item.key}` }));
