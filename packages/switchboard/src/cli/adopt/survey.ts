/** The files of all clients on a machine and in a project, with the servers in them. */
import { lstatSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { isObject } from '../../protocol/jsonrpc.ts';
import { isLoopback } from '../../util/address.ts';
import { omit } from '../../util/omit.ts';
import { isDisabled } from '../foreign.ts';
import { CLIENTS, ENTRY_NAME, entryFor } from './clients.ts';
import type { Client } from './clients.ts';
import { expandPath, readForChange } from './files.ts';
import type { FileState } from './files.ts';
import { Unreadable, parseDocument } from './format.ts';
import type { Document, Entry, Format, Path } from './format.ts';
import { loadFormat } from './formats.ts';
import type { Places } from './places.ts';

/** One server as it stands in a file. */
export interface FoundServer {
  /** The block that it stands in. */
  path: Path;
  entry: Entry;
  /** The folder of the project that it is for. */
  project: string | undefined;
}

export interface FoundFile {
  client: Client;
  /** Other clients that read the same file. */
  others: readonly Client[];
  /** Where it was looked for. */
  path: string;
  file: FileState;
  /** Whether it belongs to a project, so that others may have written it. */
  isOfProject: boolean;
  format: Format;
  document: Document;
  servers: readonly FoundServer[];
}

/** A file or an entry that stays as it is. */
export interface Left {
  client: Client;
  path: string;
  line?: number | undefined;
  /** Of the entry; undefined for a whole file. */
  name?: string;
  why: string;
}

/**
 * @param project the folder of a project to look into.
 * @param maxBytes a file that is larger is left alone.
 */
export async function survey(
  places: Places,
  project: string | undefined,
  only: ReadonlySet<string> | undefined,
  maxBytes?: number,
): Promise<{ files: FoundFile[]; left: Left[] }> {
  const files = new Map<string, FoundFile>();
  const left: Left[] = [];
  for (const [id, client] of Object.entries(CLIENTS)) {
    if (only !== undefined && !only.has(id)) continue;
    for (const { path, isOfProject } of pathsOf(client, places, project)) {
      const file = readForChange(path, isOfProject ? project : undefined, maxBytes);
      if (file === undefined) continue;
      if (typeof file === 'string') {
        left.push({ client, path, why: file });
        continue;
      }
      const known = files.get(file.path);
      if (known !== undefined) {
        files.set(file.path, { ...known, others: [...known.others, client] });
        continue;
      }
      try {
        const format = await loadFormat(client.format);
        // To parse one may take long, and others may be served here.
        await new Promise(setImmediate);
        const document = parseDocument(format, file.text);
        const servers = serversOf(client, document, isOfProject ? project : undefined);
        files.set(file.path, { client, others: [], path, file, isOfProject, format, document, servers });
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        left.push({ client, path, line: error.line, why: `cannot be read: ${error.message}` });
      }
    }
  }
  return { files: [...files.values()], left };
}

function pathsOf(
  client: Client,
  places: Places,
  project: string | undefined,
): { path: string; isOfProject: boolean }[] {
  const there = (paths: readonly string[]): string[] => {
    const all = paths.flatMap(expandPath).filter(isThere);
    return paths.some((path) => path.includes('*')) ? all : all.slice(0, 1);
  };
  const ofProject = project === undefined ? [] : (client.project ?? []);
  return [
    ...client.files(places).flatMap((group) => there(group).map((path) => ({ path, isOfProject: false }))),
    ...ofProject.flatMap((group) =>
      there(group.map((name) => join(project!, name))).map((path) => ({ path, isOfProject: true })),
    ),
  ];
}

/** A link to nothing is there too, and what may not be looked at. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path) !== undefined;
  } catch (error) {
    return !/^(?:ENOENT|ENOTDIR)$/.test((error as NodeJS.ErrnoException).code ?? '');
  }
}

function serversOf(client: Client, document: Document, project: string | undefined): FoundServer[] {
  const paths: Path[] = [[client.block], ...(client.more?.(document.value) ?? [])];
  return paths.flatMap((path) => {
    const [, folder] = path;
    const own = path.length > 1 && folder !== undefined && isAbsolute(folder) ? folder : project;
    return document.entries(path).map((entry) => ({ path, entry, project: own }));
  });
}

/** Whether an entry leads to Switchboard already, by its address, or by a command that is given the address. @param url of Switchboard */
export function isSwitchboard(value: unknown, url: string): boolean {
  const words = wordsOf(value);
  return words.some((word) => addressAt(word, url) !== undefined) || isOurProgram(words);
}

/** Whether a client has all servers by an entry: it is switched on, and its address is not that of one server. */
export function leadsToAll(value: unknown, url: string): boolean {
  const addresses = wordsOf(value).flatMap((word) => addressAt(word, url) ?? []);
  const isOfOne = addresses.some(({ pathname, search }) => pathname !== new URL(url).pathname || search !== '');
  return addresses.length > 0 && !isDisabled(value) && !isOfOne;
}

/** Where this Switchboard was before its address changed. */
export interface Former {
  /** The addresses that the journal has. */
  addresses: readonly string[];
  /** The ports of every Switchboard that runs. */
  busyPorts: ReadonlySet<string>;
}

/**
 * What an entry is that leads to Switchboard, if it does: one to leave, and why; or one as adopt wrote it, with the address where Switchboard
 * was before. That is one of the journal; or, as a journal can be lost, one of this machine on whose port no Switchboard runs.
 *
 * @param url of Switchboard now
 */
export function leadOf(
  client: Client,
  entry: Entry,
  url: string,
  former: Former,
): { why: string } | { address: string } | undefined {
  const words = wordsOf(entry.value);
  const address = addressOf(words);
  if (words.some((word) => addressAt(word, url) !== undefined)) return { why: 'it is Switchboard already' };
  const isWritten = isWrittenByUs(client, entry);
  if (address !== undefined) {
    const isKnown = former.addresses.some((each) => addressAt(address, each) !== undefined);
    const isOfThisMachine = isLoopback(new URL(address).hostname);
    const isBusy = former.busyPorts.has(portOf(address));
    if (isWritten && (isKnown || (isOfThisMachine && !isBusy))) return { address };
    if (isKnown) return { why: `it leads to ${originOf(address)}, where Switchboard was before; change it by hand` };
    if (isWritten && isOfThisMachine) return { why: 'it leads to another Switchboard, which runs here' };
  }
  return isOurProgram(words) ? { why: 'it is Switchboard already' } : undefined;
}

/** Whether an entry is what adopt writes into this client's file to lead to all servers, at whatever address. */
function isWrittenByUs(client: Client, { name, value }: Entry): boolean {
  const words = wordsOf(value);
  const address = addressOf(words);
  if (!ENTRY_NAME.test(name) || !isObject(value) || address === undefined) return false;
  const { pathname, search } = new URL(address);
  if (pathname !== '/mcp' || search !== '') return false;
  const isBridged = isOurProgram(words) && words.at(-2) === 'connect';
  const written = entryFor(client, { url: address, bridge: words as [string, ...string[]], isBridged });
  return isDeepStrictEqual(omit(value, 'name'), omit(written, 'name'));
}

/** The same, at an address of this machine. */
export const isOursHere = (client: Client, entry: Entry): boolean =>
  isWrittenByUs(client, entry) && isLoopback(new URL(addressOf(wordsOf(entry.value))!).hostname);

const addressOf = (words: readonly string[]): string | undefined =>
  words.findLast((word) => /^(?:https?|wss?):\/\//i.test(word) && URL.canParse(word));

const originOf = (address: string): string => address.replace(/^(\w+:\/\/)(?:[^/?#]*@)?([^/?#]*).*$/s, '$1$2');

const portOf = (address: string): string => new URL(address).port || (/^(?:https|wss):/i.test(address) ? '443' : '80');

/** Whether a command is `switchboard connect` or `switchboard serve`. */
function isOurProgram(words: readonly string[]): boolean {
  const isOurs = words.some((word) => /(?:^|[\\/])(?:mcp-)?switchboard(?:\.(?:js|cmd|exe))?(?:@[\w.-]+)?$/.test(word));
  return isOurs && words.some((word) => word === 'connect' || word === 'serve');
}

function wordsOf(value: unknown): string[] {
  if (!isObject(value)) return [];
  const { command, cmd, args } = value;
  const address = value['url'] ?? value['httpUrl'] ?? value['serverUrl'] ?? value['uri'];
  return [address, command, cmd, args].flat().filter((word) => typeof word === 'string');
}

/** An address that is served by what listens at another: every name of this machine is one. */
function addressAt(text: string, url: string): URL | undefined {
  if (!/^(?:https?|wss?):/i.test(text) || !URL.canParse(text)) return undefined;
  const [found, { hostname, port }] = [new URL(text), new URL(url)];
  const isSame = found.hostname === hostname || (isLoopback(found.hostname) && isLoopback(hostname));
  return isSame && found.port === port ? found : undefined;
}
