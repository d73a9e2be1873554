/** YAML, in which entries are a mapping by their names, or a list with the name in each. */
import { isMap, isPair, isScalar, isSeq, parseDocument, stringify } from 'yaml';
import type { CST, Document as YamlTree, Node, Pair, YAMLMap, YAMLSeq } from 'yaml';

import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { cutOut, editList, lineAt, lineStart } from './edit.ts';
import type { Edit, Span } from './edit.ts';
import { Unreadable, spaced } from './format.ts';
import type { Change, Document, Entry, Format, Path } from './format.ts';

const COMMENT = /^#[^\n]*/;
const BETWEEN: ReadonlySet<string> = new Set(['space', 'newline', 'comment', 'comma']);

export const yaml: Format = {
  parse(text) {
    const tree = parseDocument(text, { keepSourceTokens: true, logLevel: 'error' });
    const [error] = tree.errors;
    if (error !== undefined) {
      throw new Unreadable(`${error.message.split(/ at line | \(|\n/, 1)[0]} in the YAML`, error.linePos?.[0].line);
    }
    let value: unknown;
    try {
      value = tree.toJS() ?? {};
    } catch (cause) {
      if (cause instanceof ReferenceError) throw new Unreadable(`${cause.message} in the YAML`);
      throw cause;
    }
    if (!isObject(value)) throw new Unreadable('expected a mapping', 1);
    return new YamlDocument(text, tree, value);
  },
};

/** One entry, with the tree of what it has. */
interface Item {
  name: string;
  node: unknown;
  span: Span;
}

class YamlDocument implements Document {
  readonly value: JsonObject;
  readonly #text: string;
  readonly #tree: YamlTree;

  constructor(text: string, tree: YamlTree, value: JsonObject) {
    this.#text = text;
    this.#tree = tree;
    this.value = value;
  }

  entries(path: Path): Entry[] {
    const block = path.reduce<unknown>(
      (value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined),
      this.value,
    );
    const items = this.#items(this.#nodeAt(path));
    const lineOf = (at: number): number => lineAt(this.#text, items[at]?.span.start ?? 0);
    if (Array.isArray(block)) {
      return block.flatMap((value, at) =>
        isObject(value) && typeof value['name'] === 'string' ? [{ name: value['name'], value, line: lineOf(at) }] : [],
      );
    }
    if (!isObject(block)) return [];
    return Object.entries(block).map(([name, value]) => {
      return { name, value, line: lineOf(items.findIndex((item) => item.name === name)) };
    });
  }

  edits({ path, isList = false, remove = new Set(), set = new Map(), add = [] }: Change): Edit[] {
    const node = this.#nodeAt(path);
    if (!isMap(node) && !isSeq(node)) return add.length === 0 ? [] : [this.#make(path, isList, add)];
    const items = this.#items(node);
    const drop = new Set(items.flatMap(({ name }, at) => (remove.has(name) ? [at] : [])));
    const edits = node.flow === true ? this.#inLine(node, items, drop, add) : this.#inLines(node, items, drop, add);
    for (const { name, node: entry } of items) {
      const member = set.get(name);
      if (member === undefined || remove.has(name)) continue;
      if (!isMap(entry)) throw new Unreadable('expected a mapping', lineAt(this.#text, startOf(entry)));
      edits.push(this.#set(entry, member));
    }
    return edits;
  }

  #inLine(node: YAMLMap | YAMLSeq, items: readonly Item[], drop: ReadonlySet<number>, add: Added): Edit[] {
    const texts = add.map(({ name, value }) =>
      isSeq(node) ? spaced({ name, ...(value as JsonObject) }) : `${JSON.stringify(name)}: ${spaced(value)}`,
    );
    const list = { items: items.map(({ span }) => span), open: startOf(node) + 1, comment: COMMENT };
    return editList(this.#text, list, drop, texts, ` ${texts.join(', ')} `);
  }

  #inLines(node: YAMLMap | YAMLSeq, items: readonly Item[], drop: ReadonlySet<number>, add: Added): Edit[] {
    const [first = -1] = drop;
    const isReplaced = first !== -1 && add.length > 0;
    const start = items[Math.max(0, first)]?.span.start ?? startOf(node);
    const text = linesOf(add, isSeq(node), start - lineStart(this.#text, start));
    const edits = [...drop].flatMap((at): Edit[] => {
      const { span } = items[at]!;
      if (at !== first || !isReplaced) return [cutOut(this.#text, span)];
      return [{ offset: span.start, length: span.end - span.start, text: text.trimStart() }];
    });
    if (isReplaced || add.length === 0) return edits;
    return [...edits, this.#behindLine(items.at(-1)!.span.end, `\n${text}`)];
  }

  #make(path: Path, isList: boolean, add: Added): Edit {
    const [key, ...more] = path;
    const root = this.#tree.contents;
    const pair = isMap(root)
      ? (root.items as Pair<Node, Node | null>[]).find((each) => nameOf(each.key) === key)
      : null;
    const isEmpty = pair?.value == null || (isScalar(pair.value) && pair.value.value === null);
    if (key === undefined || more.length > 0 || !isEmpty) throw new Unreadable('expected a mapping');
    if (pair != null) return this.#behindLine(startOf(pair.key), `\n${linesOf(add, isList, 2)}`);
    if (isMap(root) && root.flow === true) {
      const block = isList
        ? add.map(({ name, value }) => ({ name, ...(value as JsonObject) }))
        : Object.fromEntries(add.map(({ name, value }) => [name, value]));
      return this.#inLine(root, this.#items(root), new Set(), [{ name: key, value: block }])[0]!;
    }
    const end = this.#text.length;
    const before = end === 0 || this.#text.endsWith('\n') ? '' : '\n';
    return { offset: end, length: 0, text: `${before}${stringify(key).trimEnd()}:\n${linesOf(add, isList, 2)}\n` };
  }

  #behindLine(offset: number, text: string): Edit {
    const end = /\r?\n|$/.exec(this.#text.slice(offset))!.index + offset;
    return { offset: end, length: 0, text };
  }

  #set(entry: YAMLMap, [key, value]: readonly [string, boolean]): Edit {
    const there = (entry.items as Pair<Node, Node | null>[]).find((pair) => nameOf(pair.key) === key)?.value;
    if (there?.range != null) {
      const [start, end] = there.range;
      return { offset: start, length: end - start, text: String(value) };
    }
    const start = startOf(entry);
    if (entry.flow === true) {
      return { offset: start + 1, length: 0, text: ` ${key}: ${value}${entry.items.length > 0 ? ',' : ' '}` };
    }
    const first = startOf((entry.items as Pair<Node>[])[0]!.key);
    const column = first - lineStart(this.#text, first);
    return { offset: first, length: 0, text: `${key}: ${value}\n${' '.repeat(column)}` };
  }

  #nodeAt(path: Path): unknown {
    let node: unknown = this.#tree.contents;
    for (const key of path) {
      if (!isMap(node)) return undefined;
      node = (node.items as Pair<Node>[]).find((pair) => nameOf(pair.key) === key)?.value;
    }
    return node;
  }

  #items(node: unknown): Item[] {
    if (isMap(node)) {
      return (node.items as Pair<Node, Node | null>[]).map((pair) => {
        const source = pair.srcToken;
        const start = firstOf(source?.start) ?? startOf(pair.key);
        const end = endOfPair(pair);
        return { name: nameOf(pair.key), node: pair.value, span: this.#trimmed(start, end) };
      });
    }
    if (!isSeq(node)) return [];
    const tokens = (node.srcToken as CST.BlockSequence | CST.FlowCollection | undefined)?.items ?? [];
    return (node.items as Node[]).map((each, at) => {
      const start = firstOf(tokens[at]?.start) ?? startOf(each);
      const name = isMap(each) ? String(each.get('name')) : '';
      return { name, node: each, span: this.#trimmed(start, endOf(each)) };
    });
  }

  #trimmed = (start: number, end: number): Span => ({
    start,
    end: start + this.#text.slice(start, end).trimEnd().length,
  });
}

type Added = NonNullable<Change['add']>;

const nameOf = (key: unknown): string => (isScalar(key) ? String(key.value) : '');
const startOf = (node: unknown): number => (node as Node).range?.[0] ?? 0;
const firstOf = (tokens: readonly CST.SourceToken[] | undefined): number | undefined =>
  tokens?.find(({ type }) => !BETWEEN.has(type))?.offset;

/** The end of what a node has in it: comments that follow in its lines are not its own. */
function endOf(node: Node): number {
  const last = isMap(node) || isSeq(node) ? (node.items as (Node | Pair<Node, Node | null>)[]).at(-1) : undefined;
  if (last === undefined || (node as YAMLMap).flow === true) return node.range![1];
  return isPair(last) ? endOfPair(last) : endOf(last);
}

function endOfPair({ key, value, srcToken }: Pair<Node, Node | null>): number {
  const isEmpty = value === null || (isScalar(value) && value.source === '');
  if (!isEmpty) return endOf(value);
  const colon = srcToken?.sep?.findLast(({ type }) => type === 'map-value-ind');
  return colon === undefined ? key.range![1] : colon.offset + 1;
}

/** Entries as lines of a block, which begin at a column. */
function linesOf(add: Added, isList: boolean, column: number): string {
  const value = isList
    ? add.map(({ name, value: each }) => ({ name, ...(each as JsonObject) }))
    : Object.fromEntries(add.map(({ name, value: each }) => [name, each]));
  const lines = stringify(value, { lineWidth: 0 }).trimEnd().split('\n');
  return lines.map((line) => `${' '.repeat(column)}${line}`).join('\n');
}
