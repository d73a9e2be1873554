/** JSON, with comments and trailing commas where a file has them. */
import { parseTree, printParseErrorCode } from 'jsonc-parser';
import type { Node, ParseError } from 'jsonc-parser';

import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { editList, indentAt, lineAt } from './edit.ts';
import type { Edit, Span } from './edit.ts';
import { Unreadable, spaced } from './format.ts';
import type { Change, Document, Entry, Format, Path } from './format.ts';

const COMMENT = /^(?:\/\/[^\n]*|\/\*[^]*?\*\/)/;

export const jsonc: Format = {
  parse(text) {
    const errors: ParseError[] = [];
    const tree = parseTree(text, errors, { allowTrailingComma: true });
    const [error] = errors;
    if (error !== undefined && tree !== undefined) {
      throw new Unreadable(`${printParseErrorCode(error.error)} in the JSON`, lineAt(text, error.offset));
    }
    if (tree === undefined) throw new Unreadable('the file is empty', 1);
    if (tree.type !== 'object') throw new Unreadable('expected an object', 1);
    return new JsonDocument(text, tree);
  },
};

class JsonDocument implements Document {
  readonly value: JsonObject;
  readonly #text: string;
  readonly #root: Node;

  constructor(text: string, root: Node) {
    this.#text = text;
    this.#root = root;
    this.value = valueOf(root) as JsonObject;
  }

  entries(path: Path): Entry[] {
    const found = new Map<string, Entry>();
    for (const { name, property, value } of membersOf(nodeAt(this.#root, path))) {
      // The last of several with one name is what programs read.
      found.set(name, { name, value: valueOf(value), line: lineAt(this.#text, property.offset) });
    }
    return [...found.values()];
  }

  edits({ path, remove = new Set(), set = new Map(), add = [] }: Change): Edit[] {
    const node = nodeAt(this.#root, path);
    if (node === undefined) return add.length === 0 ? [] : this.#make(path, add);
    if (node.type !== 'object') throw new Unreadable('expected an object', lineAt(this.#text, node.offset));
    const members = membersOf(node);
    const drop = new Set(members.flatMap(({ name }, at) => (remove.has(name) ? [at] : [])));
    return [
      ...this.#list(node, drop, add),
      ...members.flatMap(({ name, value }) => {
        const member = set.get(name);
        return member === undefined || remove.has(name) ? [] : this.#set(value, member);
      }),
    ];
  }

  #list(node: Node, drop: ReadonlySet<number>, add: NonNullable<Change['add']>): Edit[] {
    const indent = indentAt(this.#text, node.offset);
    const texts = add.map(({ name, value }) => `${JSON.stringify(name)}: ${spaced(value)}`);
    const inEmpty = `\n${texts.map((each) => `${indent}  ${each}`).join(',\n')}\n${indent}`;
    const items = membersOf(node).map(({ property }) => spanOf(property));
    return editList(this.#text, { items, open: node.offset + 1, comment: COMMENT }, drop, texts, inEmpty);
  }

  /** A block that is not there, in the deepest object on the way to it that is. */
  #make(path: Path, add: NonNullable<Change['add']>): Edit[] {
    const depth = path.findIndex((_, at) => nodeAt(this.#root, path.slice(0, at + 1)) === undefined);
    const parent = nodeAt(this.#root, path.slice(0, depth))!;
    if (parent.type !== 'object') throw new Unreadable('expected an object', lineAt(this.#text, parent.offset));
    const block: JsonObject = Object.fromEntries(add.map(({ name, value }) => [name, value]));
    const value = path.slice(depth + 1).reduceRight<JsonObject>((inside, key) => ({ [key]: inside }), block);
    return this.#list(parent, new Set(), [{ name: path[depth]!, value }]);
  }

  #set(node: Node, [key, value]: readonly [string, boolean]): Edit[] {
    const members = membersOf(node);
    const there = members.filter(({ name }) => name === key);
    if (there.length > 0) {
      return there.map(({ value: { offset, length } }) => ({ offset, length, text: String(value) }));
    }
    const blanks = /^\s*/.exec(this.#text.slice(node.offset + 1))?.[0] ?? '';
    const text = `${blanks || ' '}${JSON.stringify(key)}: ${value}${members.length > 0 ? ',' : ''}${blanks === '' ? ' ' : ''}`;
    return [{ offset: node.offset + 1, length: 0, text }];
  }
}

interface Member {
  name: string;
  property: Node;
  value: Node;
}

const membersOf = (node: Node | undefined): Member[] =>
  node?.type !== 'object'
    ? []
    : (node.children ?? []).flatMap((property) => {
        const [key, value] = property.children ?? [];
        return key === undefined || value === undefined ? [] : [{ name: key.value as string, property, value }];
      });

function nodeAt(root: Node, path: Path): Node | undefined {
  let node: Node | undefined = root;
  for (const key of path) node = membersOf(node).findLast(({ name }) => name === key)?.value;
  return node;
}

const spanOf = ({ offset, length }: Node): Span => ({ start: offset, end: offset + length });

function valueOf(node: Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(valueOf);
  if (node.type !== 'object') return node.value;
  return Object.fromEntries(membersOf(node).map(({ name, value }) => [name, valueOf(value)]));
}
