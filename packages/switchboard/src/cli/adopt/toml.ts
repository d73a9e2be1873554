/** TOML, in which an entry may stand in tables of its own, in one line, or in single keys with dots. */
import { parseTOML } from 'toml-eslint-parser';
import type { AST } from 'toml-eslint-parser';

import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { cutOut, editList, indentAt, lineAt } from './edit.ts';
import type { Edit, Span } from './edit.ts';
import { Unreadable } from './format.ts';
import type { Change, Document, Entry, Format, Path } from './format.ts';

type Keys = readonly (string | number)[];

/** A part of the document that belongs to one entry. */
interface Piece {
  name: string;
  node: AST.TOMLTable | AST.TOMLKeyValue;
  span: Span;
  /** The whole path of its key. */
  keys: Keys;
  /** The path of the table that it stands in; undefined for a table. */
  below?: Keys;
  /** The table in one line that it stands in. */
  inline?: AST.TOMLInlineTable;
}

const COMMENT = /^#[^\n]*/;

export const toml: Format = {
  parse(text) {
    try {
      return new TomlDocument(text, parseTOML(text).body[0]);
    } catch (error) {
      const { lineNumber, message } = error as { lineNumber?: unknown; message: string };
      if (error instanceof RangeError || typeof lineNumber !== 'number') throw error;
      throw new Unreadable(`${message} in the TOML`, lineNumber);
    }
  },
};

class TomlDocument implements Document {
  readonly value: JsonObject = {};
  readonly #text: string;
  readonly #top: AST.TOMLTopLevelTable;

  constructor(text: string, top: AST.TOMLTopLevelTable) {
    this.#text = text;
    this.#top = top;
    for (const node of top.body) {
      if (node.type === 'TOMLKeyValue') put(this.value, keysOf(node), valueOf(node.value));
      else {
        put(this.value, node.resolvedKey, {});
        for (const each of node.body) put(this.value, [...node.resolvedKey, ...keysOf(each)], valueOf(each.value));
      }
    }
  }

  entries(path: Path): Entry[] {
    const block = path.reduce<unknown>(
      (value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined),
      this.value,
    );
    if (!isObject(block)) return [];
    const pieces = this.#pieces(path);
    return Object.entries(block).map(([name, value]) => {
      const piece = pieces.find((each) => each.name === name);
      return { name, value, line: lineAt(this.#text, piece?.span.start ?? 0) };
    });
  }

  edits({ path, remove = new Set(), set = new Map(), add = [] }: Change): Edit[] {
    const pieces = this.#pieces(path);
    const going = pieces.filter(({ name }) => remove.has(name));
    const [first] = going;
    const edits = going.flatMap((piece) => {
      if (piece.inline !== undefined) return [];
      if (piece !== first || add.length === 0) return [cutOut(this.#text, piece.span)];
      const { start, end } = piece.span;
      const { below } = piece;
      const text = below === undefined ? tablesOf(path, add) : pairsOf([...path].slice(below.length), add);
      return [{ offset: start, length: end - start, text }];
    });
    const home = first === undefined ? this.#inlineAt(path) : first.inline;
    for (const inline of new Set([...going.map((piece) => piece.inline), home])) {
      if (inline === undefined) continue;
      const drop = new Set(inline.body.flatMap((node, at) => (going.some((piece) => piece.node === node) ? [at] : [])));
      edits.push(...this.#list(inline, drop, inline === home ? add : [], path, pieces));
    }
    if (first === undefined && home === undefined && add.length > 0) edits.push(this.#append(tablesOf(path, add)));
    for (const [name, member] of set) {
      const own = pieces.filter((piece) => piece.name === name && !remove.has(name));
      if (own.length > 0) edits.push(this.#set(own, [...path, name], member));
    }
    return edits;
  }

  #list(
    inline: AST.TOMLInlineTable,
    drop: ReadonlySet<number>,
    add: NonNullable<Change['add']>,
    path: Path,
    pieces: readonly Piece[],
  ): Edit[] {
    const below = pieces.find((piece) => piece.inline === inline)?.below ?? path;
    const texts = add.map((each) => pairsOf([...path].slice(below.length), [each]));
    const items = inline.body.map(spanOf);
    const list = { items, open: inline.range[0] + 1, comment: COMMENT };
    return editList(this.#text, list, drop, texts, ` ${texts.join(', ')} `);
  }

  #append(tables: string): Edit {
    const end = this.#text.length;
    const before = end === 0 ? '' : this.#text.endsWith('\n') ? '\n' : '\n\n';
    return { offset: end, length: 0, text: `${before}${tables}\n` };
  }

  #set(own: readonly Piece[], keys: Keys, [key, value]: readonly [string, boolean]): Edit {
    const whole = [...keys, key];
    for (const { node, keys: at } of own) {
      const pairs = node.type === 'TOMLTable' ? node.body : [node];
      const base = node.type === 'TOMLTable' ? at : [...at].slice(0, at.length - keysOf(node).length);
      const found = pairs.flatMap((pair) => membersOf(pair, base)).find((each) => isSame(each.keys, whole));
      if (found !== undefined) return replaced(found.node.value, String(value));
    }
    const table = own.find(({ node, keys: at }) => node.type === 'TOMLTable' && isSame(at, keys))?.node;
    if (table?.type === 'TOMLTable') {
      const lineEnd = /\r?\n|$/.exec(this.#text.slice(table.key.range[1]))!.index + table.key.range[1];
      return { offset: lineEnd, length: 0, text: `\n${key} = ${value}` };
    }
    const inline = own.find(({ keys: at }) => isSame(at, keys))?.node;
    if (inline?.type === 'TOMLKeyValue' && inline.value.type === 'TOMLInlineTable') {
      const text = ` ${key} = ${value}${inline.value.body.length > 0 ? ',' : ' '}`;
      return { offset: inline.value.range[0] + 1, length: 0, text };
    }
    const [{ span, below }] = own as [Piece];
    const line =
      below === undefined
        ? `[${dotted(keys)}]\n${key} = ${value}\n\n`
        : `${dotted(whole.slice(below.length))} = ${value}\n${indentAt(this.#text, span.start)}`;
    return { offset: span.start, length: 0, text: line };
  }

  /** The parts of all entries of a block, in the order of the file. */
  #pieces(path: Path): Piece[] {
    const inside = (node: AST.TOMLKeyValue, below: Keys, inline?: AST.TOMLInlineTable): Piece[] => {
      const keys = [...below, ...keysOf(node)];
      if (startsWith(keys, path) && keys.length > path.length) {
        const name = String(keys[path.length]);
        return [{ name, node, span: spanOf(node), keys, below, ...(inline !== undefined && { inline }) }];
      }
      if (!startsWith(path, keys) || node.value.type !== 'TOMLInlineTable') return [];
      const { value } = node;
      return value.body.flatMap((each) => inside(each, keys, value));
    };
    return this.#top.body.flatMap((node): Piece[] => {
      if (node.type === 'TOMLKeyValue') return inside(node, []);
      const keys = node.resolvedKey;
      if (startsWith(keys, path) && keys.length > path.length) {
        return [{ name: String(keys[path.length]), node, span: spanOf(node), keys }];
      }
      return startsWith(path, keys) ? node.body.flatMap((each) => inside(each, keys)) : [];
    });
  }

  /** The table in one line that a block is. */
  #inlineAt(path: Path): AST.TOMLInlineTable | undefined {
    const pairs = this.#top.body.flatMap((node) =>
      node.type === 'TOMLKeyValue'
        ? membersOf(node, [])
        : node.body.flatMap((each) => membersOf(each, node.resolvedKey)),
    );
    const value = pairs.find(({ keys }) => isSame(keys, path))?.node.value;
    return value?.type === 'TOMLInlineTable' ? value : undefined;
  }
}

/** A pair, and those in the tables in one line below it, with their whole paths. */
function membersOf(node: AST.TOMLKeyValue, below: Keys): { keys: Keys; node: AST.TOMLKeyValue }[] {
  const keys = [...below, ...keysOf(node)];
  const inside = node.value.type === 'TOMLInlineTable' ? node.value.body : [];
  return [{ keys, node }, ...inside.flatMap((each) => membersOf(each, keys))];
}

const keysOf = ({ key }: AST.TOMLKeyValue): string[] =>
  key.keys.map((each) => (each.type === 'TOMLBare' ? each.name : each.value));
const spanOf = ({ range: [start, end] }: AST.TOMLNode): Span => ({ start, end });
const replaced = ({ range: [start, end] }: AST.TOMLNode, text: string): Edit => ({
  offset: start,
  length: end - start,
  text,
});
const startsWith = (keys: Keys, prefix: Keys): boolean => prefix.every((key, at) => keys[at] === key);
const isSame = (one: Keys, other: Keys): boolean => one.length === other.length && startsWith(one, other);

function valueOf(node: AST.TOMLContentNode): unknown {
  if (node.type === 'TOMLArray') return node.elements.map(valueOf);
  if (node.type === 'TOMLValue') return node.value;
  const object: JsonObject = {};
  for (const each of node.body) put(object, keysOf(each), valueOf(each.value));
  return object;
}

/** Puts a value where a path leads to. Every key becomes a property of its own. */
function put(root: JsonObject, keys: Keys, value: unknown): void {
  let at: Record<string | number, unknown> = root;
  for (const [index, key] of keys.entries()) {
    const isLast = index === keys.length - 1;
    const there = Object.hasOwn(at, key) ? at[key] : undefined;
    if (isLast && there !== undefined && isObject(value) && Object.keys(value).length === 0) return;
    const next = isLast ? value : (there ?? (typeof keys[index + 1] === 'number' ? [] : {}));
    Object.defineProperty(at, key, { value: next, enumerable: true, configurable: true, writable: true });
    at = next as Record<string | number, unknown>;
  }
}

const dotted = (keys: Keys): string => keys.map((key) => keyText(String(key))).join('.');
const keyText = (key: string): string => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key));

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, each]) => `${keyText(key)} = ${textOf(each)}`);
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
}

const tablesOf = (path: Path, add: NonNullable<Change['add']>): string =>
  add
    .map(({ name, value }) => {
      const pairs = Object.entries(value as JsonObject).map(([key, each]) => `\n${keyText(key)} = ${textOf(each)}`);
      return `[${dotted([...path, name])}]${pairs.join('')}`;
    })
    .join('\n\n');

const pairsOf = (path: Keys, add: NonNullable<Change['add']>): string =>
  add.map(({ name, value }) => `${dotted([...path, name])} = ${textOf(value)}`).join('\n');
