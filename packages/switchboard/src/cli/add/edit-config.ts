/** `switchboard remove`, `enable` and `disable`: one server of the configuration, by the syntax of its file. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { didYouMean } from '../../util/nearest.ts';
import { Unreadable, changeText, parseDocument } from '../adopt/format.ts';
import type { Change, Path } from '../adopt/format.ts';
import { jsonc } from '../adopt/jsonc.ts';
import { configPath, readOwnConfig } from '../adopt/own-config.ts';
import { placesOf, shortPath } from '../adopt/places.ts';
import { describeStart, shown } from '../adopt/report.ts';
import { usageError } from '../exit.ts';
import { BLOCKS, adopt, isDisabled } from '../foreign.ts';
import type { Block } from '../foreign.ts';
import { confirm, finish } from './finish.ts';
import type { AddSituation } from './finish.ts';

export interface EditFlags {
  config?: string;
  yes?: boolean;
}

export type Verb = 'remove' | 'enable' | 'disable';

/** @throws {SwitchboardError} `SWB_USAGE` for a server that is not there, `SWB_CONFIG_INVALID`, `SWB_FILE_NOT_WRITTEN` */
export async function editConfig(verb: Verb, name: string, flags: EditFlags, situation: AddSituation): Promise<void> {
  const { say, home, folder, environment } = situation;
  const { file, path, value } = readOwnConfig(configPath(flags.config, placesOf(situation), folder), environment);
  const short = shown(shortPath(path, home));
  if (file === undefined) throw usageError(`there is no configuration ${short}; name it with --config`);
  const { block, place, entry } = serverIn(value, name, short);
  const { line } = parseDocument(jsonc, file.text)
    .entries(place)
    .find((each) => each.name === name)!;
  if ((verb === 'enable') !== isDisabled(entry) && verb !== 'remove') {
    // An operator may have drained it since.
    const isServed = verb !== 'enable' || (await situation.serveAgain?.(name)) !== true;
    return say(isServed ? `${shown(name)} is ${verb}d already.` : `${shown(name)} is served again.`);
  }
  const { entry: own } = adopt(block, entry);
  if (isObject(own)) say(`${shown(name)} runs ${describeStart(own)}`);
  say(`\n${short}:${line}: ${shown(name)} is ${verb === 'remove' ? 'taken out' : `${verb}d`}`);
  // To switch a server off needs no second thought.
  if (verb !== 'disable' && !(await confirm(`${verb === 'remove' ? 'Take it out' : 'Enable it'}?`, flags, situation)))
    return;
  const text = changed(file.text, serverChange(verb, name, place, entry), short);
  const { path: real, mode } = file;
  await finish([{ kind: 'configuration', path: real, before: file, text, mode, gone: [], come: [] }], situation);
}

/** What makes of an entry what the verb says. */
export function serverChange(verb: Verb, name: string, path: Path, entry: unknown): Change {
  if (verb === 'remove') return { path, remove: new Set([name]) };
  const isOtherWord = isObject(entry) && entry['enabled'] !== undefined;
  const member = isOtherWord ? (['enabled', verb === 'enable'] as const) : (['disabled', verb === 'disable'] as const);
  return { path, set: new Map([[name, member]]) };
}

function changed(text: string, what: Change, path: string): string {
  try {
    return changeText(jsonc, text, [what]);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${path}: ${error.message}` });
  }
}

/** An entry of the configuration, and where it stands. @throws {SwitchboardError} `SWB_USAGE` where there is none of this name */
export function serverIn(value: JsonObject, name: string, path: string): { block: Block; place: Path; entry: unknown } {
  const names: string[] = [];
  for (const block of BLOCKS) {
    const found = value[block];
    const isDeeper = block === 'mcp' && isObject(found) && isObject(found['servers']);
    const entries = isDeeper ? found['servers'] : found;
    if (!isObject(entries)) continue;
    if (Object.hasOwn(entries, name)) {
      return { block, place: isDeeper ? [block, 'servers'] : [block], entry: entries[name] };
    }
    names.push(...Object.keys(entries));
  }
  const there = names.length === 0 ? 'no servers' : names.map(shown).join(', ');
  throw usageError(
    `no server ${JSON.stringify(shown(name))} in ${path}, which has ${there}.${didYouMean(name, names)}`,
  );
}
