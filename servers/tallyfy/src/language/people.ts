import type { Api, Thing } from '../api.ts';
import { Failure } from '../failure.ts';

export interface Wanted {
  /** Names of members; `me` is the member whose key is used. */
  people: string[];
  /** Addresses of members or guests. */
  emails: string[];
  /** Names of groups. */
  groups: string[];
}

export interface Owners {
  users: number[];
  guests: string[];
  groups: string[];
}

/** Who these names and addresses are; a name that nobody has, or several have, is a Failure. With no names it is oneself. */
export async function resolvePeople(api: Api, { people, emails, groups }: Wanted): Promise<Owners> {
  const owners: Owners = { users: [], guests: [], groups: [] };
  const isSelf = (name: string): boolean => /^(me|myself)$/i.test(name);
  const others = people.filter((name) => !isSelf(name));
  if (others.length < people.length || people.length + emails.length + groups.length === 0) {
    owners.users.push(Number((await api.get('me'))['id']));
  }
  if (others.length + emails.length > 0) {
    const members = await api.all('users');
    owners.users.push(...others.map((name) => Number(member(members, name)['id'])));
    const unknown: string[] = [];
    for (const email of emails) {
      const found = members.find((one) => same(one['email'], email));
      if (found) owners.users.push(Number(found['id']));
      else unknown.push(email);
    }
    if (unknown.length > 0) owners.guests.push(...(await guests(api, unknown)));
  }
  if (groups.length > 0) {
    const all = await api.all('groups');
    owners.groups.push(
      ...groups.map((name) => String(single(all, ({ name: one }) => same(one, name), name, 'group')['id'])),
    );
  }
  return {
    users: [...new Set(owners.users)],
    guests: [...new Set(owners.guests)],
    groups: [...new Set(owners.groups)],
  };
}

/** A full name counts more than a first name, and that more than the beginning of one. */
function member(members: Thing[], name: string): Thing {
  const ways: ((one: Thing) => boolean)[] = [
    (one) => same(fullName(one), name) || same(one['username'], name),
    (one) => same(one['first_name'], name) || same(one['last_name'], name),
    (one) => fullName(one).toLowerCase().startsWith(name.toLowerCase()),
  ];
  const way = ways.find((fits) => members.some(fits)) ?? (() => false);
  return single(members, way, name, 'member');
}

async function guests(api: Api, emails: string[]): Promise<string[]> {
  const known = await api.all('guests');
  return emails.map((email) =>
    String(single(known, (one) => same(one['email'], email), email, 'member or guest')['email']),
  );
}

function single(things: Thing[], fits: (thing: Thing) => boolean, name: string, what: string): Thing {
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

function same(value: unknown, text: string): boolean {
  return typeof value === 'string' && value.localeCompare(text, 'en', { sensitivity: 'base' }) === 0;
}
