import { type Found, groupName } from './directory.ts';

/** Who a sentence gives a task to, and what is left of it. */
export interface Assignment {
  rest: string;
  emails: string[];
  people: string[];
  groups: string[];
  /** Names after "for" that nobody has; they stay in the sentence. */
  unknown: string[];
}

export type Finder = (text: string) => Found | undefined;

const EMAIL = /^[\w.+-]+@[\w-]+(?:\.[\w-]+)+/;
const SELF = /^(?:me|myself)\b/i;
const SEPARATOR = /^(?:,? and |, ?| & )/i;
/** Up to three words with capital letters. */
const CAPITALS = /^\p{Lu}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*){0,2}/u;
/** "assign it to Ada": whoever follows is somebody, known or not. */
const ASSIGNED = /,?\s*\b(?:and )?(?:assign(?:ed)?(?: (?:it|this|that))? to|give (?:it|this) to) /i;
/** "for Ada", or for Christmas: only a name that somebody has is one. */
const MEANT_FOR = /,?\s*\b(?:and )?for /gi;
/** "remind Ada to …" and "ask Ada to …": who it is for comes before what it is. */
const REMINDED = /^(?:please )?(?:remind|ask|tell|have) /i;
/** Where the name of somebody unknown ends. */
const NAME_END = /(?=[,.;:!?]|$| (?:by|due|before|until|on|at|with|and|for|in|to)\b)/i;

/** Whether a sentence may name somebody at all: else nobody has to be looked up. */
export const mayName = (text: string): boolean => REMINDED.test(text) || ASSIGNED.test(text) || / for /i.test(text);

/** Takes who a task is for out of a sentence. */
export function assignmentIn(text: string, find: Finder): Assignment {
  const taken: Assignment = { rest: text, emails: [], people: [], groups: [], unknown: [] };

  const reminded = REMINDED.exec(taken.rest);
  if (reminded) {
    const list = namesAt(taken.rest.slice(reminded[0].length), find, capitalsBefore(/^ to /));
    if (list !== undefined) take(taken, list, 0, reminded[0].length + list.length, /^ (?:to )?/);
  }
  const assigned = ASSIGNED.exec(taken.rest);
  if (assigned) {
    const list = namesAt(taken.rest.slice(assigned.index + assigned[0].length), find, anybody);
    if (list !== undefined) take(taken, list, assigned.index, assigned[0].length + list.length);
  }
  for (const { index, 0: words } of taken.rest.matchAll(MEANT_FOR)) {
    const after = taken.rest.slice(index + words.length);
    const list = namesAt(after, find);
    // "for sales meetings" is not for the group Sales.
    if (list !== undefined && after.slice(list.length).search(NAME_END) === 0) {
      take(taken, list, index, words.length + list.length);
      break;
    }
    const name = CAPITALS.exec(after.replace(/^the /i, ''))?.[0];
    if (name !== undefined) taken.unknown.push(name);
  }
  return taken;
}

interface Names {
  names: { kind: 'person' | 'group' | 'email'; name: string }[];
  /** How much of the text they take. */
  length: number;
}

/** The names that a text begins with, one or more. @param otherwise reads a name that nobody has */
function namesAt(text: string, find: Finder, otherwise?: (text: string) => Found | undefined): Names | undefined {
  const names: Names['names'] = [];
  let length = 0;
  for (let rest = text; ;) {
    const separator = names.length === 0 ? '' : SEPARATOR.exec(rest)?.[0];
    if (separator === undefined) break;
    const found = nameAt(rest.slice(separator.length), find) ?? (names.length === 0 ? otherwise?.(rest) : undefined);
    if (found === undefined) break;
    names.push({ kind: found.kind, name: found.name });
    length += separator.length + found.length;
    rest = text.slice(length);
  }
  return names.length === 0 ? undefined : { names, length };
}

function nameAt(
  text: string,
  find: Finder,
): { kind: 'person' | 'group' | 'email'; name: string; length: number } | undefined {
  const [email] = EMAIL.exec(text) ?? [];
  if (email !== undefined) return { kind: 'email', name: email, length: email.length };
  const [self] = SELF.exec(text) ?? [];
  if (self !== undefined) return { kind: 'person', name: self, length: self.length };
  const known = find(text);
  if (known !== undefined) return known;
  const article = /^the /i.exec(text)?.[0].length ?? 0;
  const behind = article > 0 ? find(text.slice(article)) : undefined;
  return behind && { ...behind, length: behind.length + article };
}

/** The words up to the end of what could be a name. */
function anybody(text: string): Found | undefined {
  const words = text.slice(0, text.search(NAME_END)).trim();
  return words === '' ? undefined : unknownName(words);
}

/** Words with capital letters, where `behind` follows. */
function capitalsBefore(behind: RegExp): (text: string) => Found | undefined {
  return (text) => {
    const [words] = CAPITALS.exec(text) ?? [];
    return words !== undefined && behind.test(text.slice(words.length)) ? unknownName(words) : undefined;
  };
}

function unknownName(words: string): Found {
  const group = groupName(words);
  return /\b(?:group|team)\b/i.test(words)
    ? { kind: 'group', name: group, length: words.length }
    : { kind: 'person', name: words, length: words.length };
}

function take(taken: Assignment, { names }: Names, start: number, length: number, behind?: RegExp): void {
  const after = taken.rest.slice(start + length);
  taken.rest = taken.rest.slice(0, start) + (behind ? after.replace(behind, '') : after);
  for (const { kind, name } of names) {
    if (kind === 'email') taken.emails.push(name);
    else if (kind === 'group') taken.groups.push(name);
    else taken.people.push(name);
  }
}
