/** Gives back the entries of a file that its client has written since: Claude Code, for one, writes its file at each start. */
import { isDeepStrictEqual } from 'node:util';

import { isObject } from '../../protocol/jsonrpc.ts';
import { CLIENTS, ENTRY_NAME } from './clients.ts';
import type { Client } from './clients.ts';
import { Unreadable, changeText, parseDocument } from './format.ts';
import type { Change, Entry, Path } from './format.ts';
import { loadFormat } from './formats.ts';

/**
 * @param name of the client.
 * @param was the file before adopt.
 * @param now the file as it is.
 * @returns the file as it is, with its entries from before in the place of that of Switchboard; undefined where there is none of these, or
 * where more would have to change.
 */
export async function withEntriesBack(name: string, was: string, now: string): Promise<string | undefined> {
  const client = Object.values(CLIENTS).find((each) => each.name === name);
  if (client === undefined) return undefined;
  const format = await loadFormat(client.format);
  try {
    const [before, after] = [parseDocument(format, was), parseDocument(format, now)];
    const paths: Path[] = [[client.block], ...(client.more?.(before.value) ?? [])];
    const changes = paths.flatMap((path) => changeOf(client, path, before.entries(path), after.entries(path)));
    return changes.length === 0 ? undefined : changeText(format, now, changes);
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

function changeOf(client: Client, path: Path, was: readonly Entry[], is: readonly Entry[]): Change[] {
  const old = new Map(was.map(({ name, value }) => [name, value]));
  const ours = is.map(({ name }) => name).filter((name) => ENTRY_NAME.test(name));
  if (ours.length === 0) return [];
  // An older adoption may have made it.
  const own = ours.filter((name) => !old.has(name));
  const names = new Set(is.map(({ name }) => name));
  const off = is.filter(({ name, value }) => isSwitchedOff(client, old.get(name), value)).map(({ name }) => name);
  const add = was
    .filter(({ name }) => !names.has(name) || off.includes(name))
    .map(({ name, value }) => ({ name, value }));
  if (own.length === 0 && add.length === 0) return [];
  return [{ path, isList: client.isList === true, remove: new Set([...own, ...off]), add }];
}

/** Whether an entry is that from before, with nothing but what switches it off. */
function isSwitchedOff({ off }: Client, was: unknown, is: unknown): boolean {
  if (off === undefined || !isObject(was) || !isObject(is) || isDeepStrictEqual(was, is)) return false;
  return isDeepStrictEqual({ ...was, [off[0]]: off[1] }, is);
}
