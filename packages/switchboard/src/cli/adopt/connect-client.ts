/** The entry for one client: printed, or put into its file. */
import { join, resolve } from 'node:path';

import { SwitchboardError } from '../../protocol/errors.ts';
import { didYouMean } from '../../util/nearest.ts';
import { usageError } from '../exit.ts';
import { runFiles } from '../run-file.ts';
import type { Situation } from './adopt.ts';
import { carryOut } from './carry-out.ts';
import { CLIENTS, CLIENT_IDS, entryFor } from './clients.ts';
import type { Client, Endpoint } from './clients.ts';
import { expandPath, readForChange } from './files.ts';
import { Unreadable, changeText, parseDocument } from './format.ts';
import type { Format } from './format.ts';
import { loadFormat } from './formats.ts';
import { Journal } from './journal.ts';
import { placesOf } from './places.ts';
import type { Write } from './plan.ts';
import { describeChanges, notesOf, shown } from './report.ts';
import { isOursHere, isSwitchboard } from './survey.ts';

export interface EntryFlags {
  url?: string;
  tokenVariable?: string;
  tokenFile?: string;
  cert?: string;
  key?: string;
  ca?: string;
  name: string;
}

export interface ConnectClientFlags extends EntryFlags {
  project?: string;
  yes?: boolean;
}

/** Prints the entry as it stands in a file of the client that has nothing else. @throws {SwitchboardError} `SWB_USAGE` */
export async function exportFor(id: string, flags: EntryFlags, situation: Situation): Promise<void> {
  const client = clientOf('--for', id);
  const endpoint = endpointFor(client, flags, situation, false);
  const format = await loadFormat(client.format);
  situation.say(withEntry(format, client, '', flags.name, endpoint).trimEnd());
}

/**
 * Adds the entry to the files that a client has, or makes its first.
 *
 * @throws {SwitchboardError} `SWB_USAGE`, `SWB_CONFIG_INVALID` for a file that cannot be read, `SWB_FILE_NOT_WRITTEN`
 */
export async function connectClient(id: string, flags: ConnectClientFlags, situation: Situation): Promise<void> {
  const { say, ask, home, folder } = situation;
  const client = clientOf('client', id);
  if (client.isReadOnly !== undefined) throw usageError(`${client.name}: its file is not changed any more`);
  const isOfProject = flags.project !== undefined;
  const endpoint = endpointFor(client, flags, situation, isOfProject || client.isSynced === true);
  const format = await loadFormat(client.format);
  const project = resolve(folder, flags.project ?? '.');
  const places = placesOf(situation);
  const candidates = isOfProject
    ? (client.project ?? []).map((group) => group.map((name) => join(project, name)))
    : client.files(places);
  const [first] = candidates.flat();
  if (first === undefined) {
    const where = isOfProject
      ? 'no file in a project'
      : 'no file of a person, only of a project: name one with --project';
    throw usageError(`${client.name} has ${where}`);
  }
  const there = candidates.flatMap((group) => group.flatMap(expandPath)).filter((path) => isThere(path));
  const writes = (there.length > 0 ? there : [first]).flatMap((path): Write[] => {
    const file = readForChange(path, isOfProject ? project : undefined);
    if (typeof file === 'string')
      throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${shown(path)} ${file}` });
    try {
      const before = file?.text ?? '';
      const text = withEntry(format, client, before, flags.name, endpoint);
      if (text === before) return [];
      const come = [{ [flags.name]: entryFor(client, endpoint) }];
      const mode = file?.mode ?? 0o600;
      return [
        { kind: 'client', path: file?.path ?? path, before: file, text, mode, client, isOfProject, gone: [], come },
      ];
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const where = `${shown(path)}${error.line === undefined ? '' : `:${error.line}`}`;
      throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${where}: ${error.message}` });
    }
  });
  if (writes.length === 0) return say(`${client.name} has this entry already.`);
  say([describeChanges(writes, home), ...notesOf(writes).map((note) => `Note: ${note}`)].join('\n\n'));
  if (flags.yes !== true) {
    const isWanted = await ask('\nChange these files?');
    if (isWanted === undefined) throw usageError('nobody can be asked here: give --yes');
    if (!isWanted) return say('Nothing was changed.');
  }
  const unwritten = carryOut(writes, new Journal(places), situation.now);
  if (unwritten.length > 0) {
    const detail = unwritten.map(({ write, why }) => `${shown(write.path)} ${why}`).join('; ');
    throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail });
  }
  say('\n"switchboard adopt --undo" gives them back as they were.');
}

const isThere = (path: string): boolean => readForChange(path) !== undefined;

/**
 * A file with the entry: in the place of an older one for Switchboard of the same name, else at the end.
 *
 * @throws {Unreadable} @throws {SwitchboardError} `SWB_USAGE` when another server has the name
 */
function withEntry(format: Format, client: Client, text: string, name: string, endpoint: Endpoint): string {
  const before = text === '' && client.format === 'jsonc' ? '{}\n' : text;
  const path = [client.block];
  const old = parseDocument(format, before)
    .entries(path)
    .find((entry) => entry.name === name);
  const value = entryFor(client, endpoint);
  if (old !== undefined && !isSwitchboard(old.value, endpoint.url) && !isOursHere(client, old)) {
    throw usageError(`--name: ${client.name} has a server ${JSON.stringify(shown(name))} already; choose another name`);
  }
  const document = { path, isList: client.isList === true, add: [{ name, value }] };
  const remove = old === undefined ? {} : { remove: new Set([name]) };
  return changeText(format, before, [{ ...document, ...remove }]);
}

/** @throws {SwitchboardError} `SWB_USAGE` */
function clientOf(flag: string, id: string): Client {
  const client = Object.hasOwn(CLIENTS, id) ? CLIENTS[id] : undefined;
  if (client !== undefined) return client;
  const there = CLIENT_IDS.join(', ');
  throw usageError(`${flag}: unknown client ${JSON.stringify(id)}; there are: ${there}.${didYouMean(id, CLIENT_IDS)}`);
}

/** @param isPortable whether the entry must say the same on every machine */
function endpointFor(client: Client, flags: EntryFlags, situation: Situation, isPortable: boolean): Endpoint {
  const { tokenVariable: keyVariable, tokenFile, cert, key, ca } = flags;
  const url = addressOf(flags.url, situation);
  if (keyVariable !== undefined && !/^[A-Za-z_]\w*$/.test(keyVariable)) {
    throw usageError(
      `--token-variable: expected the name of an environment variable, got ${JSON.stringify(keyVariable)}`,
    );
  }
  if (keyVariable !== undefined && tokenFile !== undefined) {
    throw usageError('--token-variable and --token-file say the same; give one of the two');
  }
  const files = Object.entries({ '--token-file': tokenFile, '--cert': cert, '--key': key, '--ca': ca }).flatMap(
    ([flag, file]) => (file === undefined ? [] : [flag, resolve(situation.folder, file)]),
  );
  const isBridged = files.length > 0;
  if (isBridged && isPortable) {
    const why = `its file is carried to other machines, where ${files[1]} is not`;
    throw usageError(`${files[0]}: ${client.name} would need it in its file, but ${why}; use --token-variable`);
  }
  if (isBridged && keyVariable !== undefined) {
    throw usageError(`--token-variable: ${client.name} needs switchboard connect for ${files[0]}; use --token-file`);
  }
  if (keyVariable !== undefined && client.entry({ url, bridge: [''], keyVariable }) === undefined) {
    throw usageError(`--token-variable: ${client.name} fills in no variables; use --token-file`);
  }
  const [command, ...args] = isPortable ? situation.bridges.anywhere : situation.bridges.here;
  const bridge = [command, ...args, 'connect', url.replace(/^http/, 'ws'), ...files] as const;
  return { url, bridge, keyVariable, isBridged };
}

/** The address that is named; else that of the only Switchboard that runs; else the usual one. */
function addressOf(url: string | undefined, { environment }: Situation): string {
  if (url !== undefined) {
    const found = URL.canParse(url) ? new URL(url) : undefined;
    if (found !== undefined && /^https?:$/.test(found.protocol) && found.username === '' && found.password === '') {
      return url;
    }
    // What stands before an @ is a secret.
    throw usageError('--url: expected an address with http or https, and without a name or password in it');
  }
  const [run, ...others] = runFiles(environment);
  return run === undefined || others.length > 0 ? 'http://127.0.0.1:8765/mcp' : `${new URL(run.url).origin}/mcp`;
}
