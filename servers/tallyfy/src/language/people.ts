import { type Directory, memberNamed, same, single } from './directory.ts';

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
export async function resolvePeople(directory: Directory, { people, emails, groups }: Wanted): Promise<Owners> {
  const owners: Owners = { users: [], guests: [], groups: [] };
  const isSelf = (name: string): boolean => /^(me|myself)$/i.test(name);
  const others = people.filter((name) => !isSelf(name));
  if (others.length < people.length || people.length + emails.length + groups.length === 0) {
    owners.users.push(await directory.self());
  }
  if (others.length + emails.length > 0) {
    const members = await directory.members();
    owners.users.push(...others.map((name) => Number(memberNamed(members, name)['id'])));
    const unknown: string[] = [];
    for (const email of emails) {
      const found = members.find((one) => same(one['email'], email));
      if (found) owners.users.push(Number(found['id']));
      else unknown.push(email);
    }
    if (unknown.length > 0) owners.guests.push(...(await guests(directory, unknown)));
  }
  if (groups.length > 0) {
    const all = await directory.groups();
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

async function guests(directory: Directory, emails: string[]): Promise<string[]> {
  const known = await directory.guests();
  return emails.map((email) =>
    String(single(known, (one) => same(one['email'], email), email, 'member or guest')['email']),
  );
}
