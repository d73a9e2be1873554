import type { Api, Thing } from '../api.ts';
import { Failure } from '../failure.ts';

/** Words of a text that are the name of somebody. */
export interface Found {
  kind: 'person' | 'group';
  /** As it was written. */
  name: string;
  length: number;
}

/** No name has more words. */
const MAX_WORDS = 6;
/** What may stand behind a name. */
const TRAILING = /[,.;:!?]+$/;

/** The members, groups and guests of the organization; each list is asked for when it is first needed. */
export class Directory {
  readonly #api: Api;
  #members: Promise<Thing[]> | undefined;
  #groups: Promise<Thing[]> | undefined;
  #guests: Promise<Thing[]> | undefined;

  constructor(api: Api) {
    this.#api = api;
  }

  members(): Promise<Thing[]> {
    return (this.#members ??= this.#api.all('users'));
  }

  groups(): Promise<Thing[]> {
    return (this.#groups ??= this.#api.all('groups'));
  }

  guests(): Promise<Thing[]> {
    return (this.#guests ??= this.#api.all('guests'));
  }

  /** The number of the member whose key is used. */
  async self(): Promise<number> {
    return Number((await this.#api.get('me'))['id']);
  }

  /** Finds the longest name that a text begins with, in any case and any script. */
  async finder(): Promise<(text: string) => Found | undefined> {
    const [members, groups] = await Promise.all([this.members(), this.groups()]);
    const people = members.flatMap((one) => [fullName(one), one['first_name'], one['last_name'], one['username']]);
    const named = (names: readonly unknown[], name: string): boolean => names.some((one) => same(one, name));
    const groupNames = groups.map(({ name }) => name);
    return (text) => {
      for (let count = MAX_WORDS; count > 0; count -= 1) {
        const words = new RegExp(String.raw`^\S+(?: \S+){${count - 1}}`).exec(text)?.[0].replace(TRAILING, '');
        if (words === undefined || words === '') continue;
        if (named(people, words)) return { kind: 'person', name: words, length: words.length };
        const group = groupName(words);
        if (named(groupNames, group)) return { kind: 'group', name: group, length: words.length };
      }
      return undefined;
    };
  }
}

/** `Sales`, of "the Sales team" or "group Sales". */
export function groupName(words: string): string {
  return words
    .replace(/^the /i, '')
    .replace(/^(?:group|team) /i, '')
    .replace(/ (?:group|team)$/i, '')
    .trim();
}

/** The only member with a name. A full name counts more than a first name, and that more than the beginning of one. */
export function memberNamed(members: Thing[], name: string): Thing {
  const ways: ((one: Thing) => boolean)[] = [
    (one) => same(fullName(one), name) || same(one['username'], name),
    (one) => same(one['first_name'], name) || same(one['last_name'], name),
    (one) => fullName(one).toLowerCase().startsWith(name.toLowerCase()),
  ];
  const way = ways.find((fits) => members.some(fits)) ?? (() => false);
  return single(members, way, name, 'member');
}

/** @throws {Failure} `not_found` where nothing fits, `ambiguous` where several do. */
export function single(things: Thing[], fits: (thing: Thing) => boolean, name: string, what: string): Thing {
  const [found, ...others] = things.filter(fits);
  if (!found) throw new Failure('not_found', `No ${what} is called '${name}'.`);
  if (others.length === 0) return found;
  const candidates = [found, ...others]
    .slice(0, 10)
    .map((one) => `${fullName(one) || String(one['name'])} <${String(one['email'] ?? one['id'])}>`);
  throw new Failure('ambiguous', `'${name}' could be ${candidates.join(', ')}.`);
}

function fullName({ full_name, first_name, last_name }: Thing): string {
  if (typeof full_name === 'string' && full_name !== '') return full_name;
  return [first_name, last_name].filter((part) => typeof part === 'string' && part !== '').join(' ');
}

export function same(value: unknown, text: string): boolean {
  return typeof value === 'string' && value.localeCompare(text, 'en', { sensitivity: 'base' }) === 0;
}
