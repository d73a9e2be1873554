import { type Api, path, type Thing } from '../api.ts';
import { Failure } from '../failure.ts';

export interface IdOrName {
  id: string | undefined;
  name: string | undefined;
}

/** The process with this id, or the only one with this name; throws a Failure. */
export async function processNamed(api: Api, wanted: IdOrName): Promise<Thing> {
  const { id, name } = oneOf(wanted, 'process');
  if (id !== undefined) return { ...(await api.get(path`runs/${id}`)), id };
  return only(await api.all('runs', { q: name }), 'name', name, 'process');
}

/** The template with this id, or the only one with this title, with its steps; throws a Failure. */
export async function templateNamed(api: Api, wanted: IdOrName): Promise<Thing> {
  const { id, name } = oneOf(wanted, 'template');
  const found = id ?? String(only(await api.all('checklists', { q: name }), 'title', name, 'template')['id']);
  // The kick-off fields and the automations are always in it.
  return { ...(await api.get(path`checklists/${found}`, { with: 'steps' })), id: found };
}

function oneOf({ id, name }: IdOrName, what: string): { id: string; name?: never } | { id?: never; name: string } {
  if (id !== undefined && name === undefined) return { id };
  if (id === undefined && name !== undefined) return { name };
  throw new Failure('invalid', `Give ${what}_id or ${what}_name, ${id === undefined ? 'one of them' : 'not both'}.`);
}

/** The thing called exactly so, in any case; or the only one whose name has these words. */
function only(things: Thing[], key: string, name: string, what: string): Thing {
  const exact = things.filter((thing) => String(thing[key]).toLowerCase() === name.toLowerCase());
  const [first, ...others] = exact.length > 0 ? exact : things;
  if (first === undefined) throw new Failure('not_found', `No ${what} is called '${name}'.`);
  if (others.length === 0) return first;
  const candidates = [first, ...others].slice(0, 10).map((thing) => `'${String(thing[key])}' (${String(thing['id'])})`);
  throw new Failure('ambiguous', `${others.length + 1} ${what} names have '${name}': ${candidates.join(', ')}.`);
}
