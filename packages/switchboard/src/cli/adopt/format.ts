/**
 * What is needed of a file format to move servers in it: their entries, and the few edits that a change takes. `jsonc.ts`, `toml.ts` and
 * `yaml.ts` each are one; `test/cli/adopt/format-contract.ts` is what all of them must do.
 */
import { isDeepStrictEqual } from 'node:util';

import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { applyEdits, eolOf } from './edit.ts';
import type { Edit } from './edit.ts';

/** The keys that lead to a block of entries. Empty for the document itself. */
export type Path = readonly string[];

export interface Entry {
  name: string;
  value: unknown;
  line: number;
}

/** What happens to the entries of one block. */
export interface Change {
  path: Path;
  /** Names of those that go. */
  remove?: ReadonlySet<string>;
  /** Members that entries get, or have changed, by the name of the entry. */
  set?: ReadonlyMap<string, readonly [key: string, value: boolean]>;
  /** Whether a block that has to be made is a list, in which each entry has its name in it. @default false */
  isList?: boolean;
  /** Those that come: at the place of the first that goes, else at the end. The block is made where there is none. */
  add?: readonly { name: string; value: unknown }[];
}

export interface Document {
  /** All of it. Any key can be there as a property of its own, `__proto__` too. */
  readonly value: JsonObject;
  /** Those of a block in the order of the file; none where the block is not there or has no entries. */
  entries(path: Path): Entry[];
  /** The edits for a change. They touch the entries that the change names, and what separates them. */
  edits(change: Change): Edit[];
}

export interface Format {
  /** @throws {Unreadable} naming the line. `text` has no byte order mark. */
  parse(text: string): Document;
}

/** A text that cannot be read, or cannot be changed without touching more than is meant. */
export class Unreadable extends Error {
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}

const BOM = '\uFEFF';
const withoutBom = (text: string): string => (text.startsWith(BOM) ? text.slice(1) : text);

/** No file of a client is nested like this; what is can use up the stack of whatever looks through it. */
const MAX_DEPTH = 200;

/** @throws {Unreadable} also for what is nested too deeply to be looked through, as a mapping of YAML that has itself in it */
export function parseDocument(format: Format, text: string): Document {
  try {
    const document = format.parse(withoutBom(text));
    checkDepth(document.value, MAX_DEPTH);
    return document;
  } catch (error) {
    if (error instanceof RangeError) throw new Unreadable('it is nested too deeply');
    throw error;
  }
}

/** @throws {RangeError} */
function checkDepth(value: unknown, left: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (left === 0) throw new RangeError('too deep');
  for (const each of Object.values(value)) checkDepth(each, left - 1);
}

/**
 * A text with the changes made, and every other byte as it was. The result is read again: what does not say exactly what was meant is
 * not returned.
 *
 * @param changes of different blocks.
 * @throws {Unreadable}
 */
export function changeText(format: Format, text: string, changes: readonly Change[]): string {
  const document = parseDocument(format, text);
  const body = withoutBom(text);
  const eol = eolOf(body);
  const edits = changes
    .flatMap((change) => document.edits(change))
    .map((edit) => ({ ...edit, text: edit.text.replaceAll(/\r?\n/g, eol) }));
  const changed = `${text.startsWith(BOM) ? BOM : ''}${applyEdits(body, edits)}`;
  const meant = changes.reduce(valueAfter, document.value);
  let found: unknown;
  try {
    found = parseDocument(format, changed).value;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
  }
  if (!isDeepStrictEqual(plain(found), plain(meant))) {
    throw new Unreadable('its entries cannot be changed without changing more of the file');
  }
  return changed;
}

/** The value that a document must have after a change. */
function valueAfter(value: JsonObject, change: Change): JsonObject {
  const [key, ...rest] = change.path;
  if (key !== undefined) {
    const below = Object.hasOwn(value, key) && isObject(value[key]) ? value[key] : undefined;
    const list = Object.hasOwn(value, key) && Array.isArray(value[key]) ? (value[key] as unknown[]) : undefined;
    if (below === undefined && list === undefined && change.add === undefined) return value;
    const isList = list !== undefined || (below === undefined && change.isList === true);
    const inside = isList ? listAfter(list ?? [], change) : valueAfter(below ?? {}, { ...change, path: rest });
    return fromEntries([...Object.entries(value).filter(([name]) => name !== key), [key, inside]]);
  }
  const { remove, set, add = [] } = change;
  const kept = Object.entries(value).filter(([name]) => remove?.has(name) !== true);
  const all: [string, unknown][] = kept.map(([name, each]) => [name, withMember(each, set?.get(name))]);
  return fromEntries([...all, ...add.map(({ name, value: each }): [string, unknown] => [name, each])]);
}

/** The same for a list in which each entry has its name in it. */
const listAfter = (list: readonly unknown[], { remove, set, add = [] }: Change): unknown[] => [
  ...list
    .filter((each) => !(isObject(each) && remove?.has(String(each['name'])) === true))
    .map((each) => (isObject(each) ? withMember(each, set?.get(String(each['name']))) : each)),
  ...add.map(({ name, value }) => ({ name, ...(value as JsonObject) })),
];

const withMember = (value: unknown, member: readonly [string, boolean] | undefined): unknown =>
  member === undefined || !isObject(value)
    ? value
    : fromEntries([...Object.entries(value).filter(([key]) => key !== member[0]), member]);

const fromEntries = (entries: readonly (readonly [string, unknown])[]): JsonObject => Object.fromEntries(entries);

/** For comparing: lists of entries in any order, as a new one takes the place of one that goes. */
const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) {
    const all = value.map(plain);
    return all.every((each) => isObject(each) && typeof each['name'] === 'string')
      ? all.toSorted((a, b) => (String((a as JsonObject)['name']) < String((b as JsonObject)['name']) ? -1 : 1))
      : all;
  }
  return isObject(value) ? fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)])) : value;
};

/** A value as JSON on one line, with blanks as people write them. */
export function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${spaced(each)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}
