/** The configuration file of a running `serve`, as operators change it: by its syntax, checked before it is written, and with a way back. */
import { createHash, randomUUID } from 'node:crypto';

import type { Change as GatewayChange } from '../gateway/change.ts';
import { isEditable } from '../gateway/configuration-file.ts';
import type {
  ConfigurationDifference,
  ConfigurationEdit,
  ConfigurationFile,
  ConfigurationFileFacts,
  ConfigurationPreview,
  ConfigurationRevision,
} from '../gateway/configuration-file.ts';
import { OPTIONS } from '../gateway/options.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { didYouMean } from '../util/nearest.ts';
import { serverChange, serverIn } from './add/edit-config.ts';
import { writeOne } from './adopt/carry-out.ts';
import { bytesAt, readForChange, remove, writeWhole } from './adopt/files.ts';
import type { FileState } from './adopt/files.ts';
import { Unreadable, changeText, parseDocument } from './adopt/format.ts';
import type { Change } from './adopt/format.ts';
import type { Imported, Imports } from './adopt/imports.ts';
import { jsonc } from './adopt/jsonc.ts';
import type { Write } from './adopt/plan.ts';
import { isDisabled } from './foreign.ts';

export interface ConfigurationFileOptions {
  path: string;
  /** Names of servers that are switched off in it, as it was last read. */
  disabled(): readonly string[];
  /**
   * What a text of the file would change of what runs.
   *
   * @param variables what is going to be in its file of variables. @default what is in it
   * @throws {SwitchboardError} `SWB_CONFIG_INVALID` with every problem
   */
  changeBy(text: string, variables?: string): GatewayChange;
  /** Reads it again. @throws {SwitchboardError} */
  reload(): GatewayChange;
  /** Servers of MCP clients that can come into it. @default none */
  imports?: Imports;
  /** @default Date.now */
  now?: () => number;
}

/** How many changes can be taken back, and are told of. */
export const MAX_REVISIONS = 20;

interface Revision {
  shown: ConfigurationRevision;
  before: string;
  after: string;
  /** The file of variables, where it was changed too. */
  variables: Write | undefined;
}

interface Planned {
  file: FileState;
  text: string;
  differences: ConfigurationDifference[];
  variables: Write | undefined;
}

export function configurationFile(options: ConfigurationFileOptions): ConfigurationFile {
  const { path, disabled, changeBy, reload, imports, now = Date.now } = options;
  const revisions: Revision[] = [];

  const write = (file: FileState, text: string): GatewayChange => {
    const { path: real, mode } = file;
    mustWrite({ kind: 'configuration', path: real, before: file, text, mode, gone: [], come: [] });
    try {
      return reload();
    } catch (error) {
      // What cannot be taken must not be in the way of the next start.
      const back = readFile(path);
      if (back.text === text)
        writeOne({ kind: 'configuration', path: real, before: back, text: file.text, mode, gone: [], come: [] });
      throw error;
    }
  };

  const plan = (edit: ConfigurationEdit): Planned => {
    const file = readFile(path);
    const changed = edited(file.text, edit, path);
    const { text, differences, variables } = withImports(changed.text, edit, imports);
    const all = [...changed.differences, ...differences];
    if (all.length === 0) {
      throw new SwitchboardError('SWB_INVALID_PARAMS', { detail: 'this changes nothing in the configuration file' });
    }
    return { file, text, differences: all, variables };
  };

  return {
    path,
    disabled,
    facts() {
      const file = readFile(path);
      const known = { version: versionOf(file), revisions: revisions.map(({ shown }) => shown).toReversed() };
      let value: JsonObject = {};
      try {
        value = valueOf(file.text, path);
        return { ...known, ...standing(value), restartNeeded: changeBy(file.text).restartNeeded };
      } catch (error) {
        return { ...known, ...standing(value), restartNeeded: [], wrong: asSwitchboardError(error).message };
      }
    },
    preview(edit): ConfigurationPreview {
      const { file, text, differences, variables } = plan(edit);
      return { differences, change: changeBy(text, variables?.text), version: versionOf(file) };
    },
    apply(edit, operator, version): GatewayChange {
      const { file, text, differences, variables } = plan(edit);
      if (version !== undefined && version !== versionOf(file)) {
        const detail = `${path} has changed since the difference was shown; look at it again`;
        throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail });
      }
      changeBy(text, variables?.text);
      // A server that is there has its variables.
      if (variables !== undefined) mustWrite(variables);
      let change: GatewayChange;
      try {
        change = write(file, text);
      } catch (error) {
        if (variables !== undefined) giveBack(variables);
        throw error;
      }
      const shown = { id: randomUUID(), time: now(), operator, differences, undone: false };
      revisions.push({ shown, before: file.text, after: text, variables });
      if (revisions.length > MAX_REVISIONS) revisions.shift();
      return change;
    },
    undo(): GatewayChange {
      const revision = revisions.findLast(({ shown }) => !shown.undone);
      if (revision === undefined) {
        throw new SwitchboardError('SWB_NOT_FOUND', { detail: 'no operator has changed the file since the start' });
      }
      const file = readFile(path);
      if (file.text !== revision.after) {
        const detail = `${path} has changed since by other hands; correct it there`;
        throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail });
      }
      const change = write(file, revision.before);
      // Done, whatever becomes of the other file.
      revision.shown = { ...revision.shown, undone: true };
      if (revision.variables !== undefined) giveBack(revision.variables);
      return change;
    },
    ...(imports !== undefined && { importable: () => imports.look() }),
  };
}

/** @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` */
function mustWrite(write: Write): void {
  const why = writeOne(write);
  if (why !== undefined) throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail: `${write.path} ${why}` });
}

/** A file as it was before it was written; one that has changed since stays: others may need what is in it. */
function giveBack({ path, before, text }: Write): void {
  const now = bytesAt(path);
  if (typeof now === 'string' || now?.toString() !== text) return;
  if (before === undefined) remove(path);
  else writeWhole(path, before.bytes, before.mode);
}

/** @throws {SwitchboardError} `SWB_NOT_FOUND` where there is nothing to import, and as {@link Imports.add} */
function withImports(
  text: string,
  { imports: wanted = {} }: ConfigurationEdit,
  imports: Imports | undefined,
): Imported {
  if (Object.keys(wanted).length === 0) return { text, differences: [], variables: undefined };
  if (imports !== undefined) return imports.add(text, wanted);
  throw new SwitchboardError('SWB_NOT_FOUND', { detail: 'this program does not look into the files of MCP clients' });
}

function readFile(path: string): FileState {
  const file = readForChange(path);
  if (file !== undefined && typeof file !== 'string') return file;
  throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail: `${path} ${file ?? 'is not there any more'}` });
}

/** What of the file operators may see and change. */
function standing(value: JsonObject): Pick<ConfigurationFileFacts, 'roles' | 'values'> {
  const { roles } = value;
  const options = Object.entries(value).filter(([name]) => isEditable(name));
  return {
    roles: isObject(roles) ? roles : {},
    values: Object.fromEntries(options.map(([name, given]) => [name, written(given)])),
  };
}

function valueOf(text: string, path: string): JsonObject {
  return readable(path, () => parseDocument(jsonc, text).value);
}

function readable<Value>(path: string, work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${path}:${error.line ?? 1}: ${error.message}` });
  }
}

const versionOf = ({ bytes }: FileState): string => createHash('sha256').update(bytes).digest('base64url').slice(0, 22);

/** The text with what is to be another, and what that is. */
function edited(
  text: string,
  { options = {}, servers = {}, roles = {} }: ConfigurationEdit,
  path: string,
): Pick<Planned, 'text' | 'differences'> {
  const value = valueOf(text, path);
  const differences: ConfigurationDifference[] = [];
  const changes: Change[] = [];
  const replace = (at: readonly string[], inside: JsonObject, name: string, given: unknown, what: string): void => {
    const [before, after] = [written(inside[name]), given === null ? '' : written(given)];
    if (before === after) return;
    differences.push({ what, before, after });
    changes.push({ path: at, remove: new Set([name]), ...(given !== null && { add: [{ name, value: given }] }) });
  };
  for (const [name, given] of Object.entries(options)) {
    checkEditable(name);
    replace([], value, name, asWritten(name, given), name);
  }
  const own = value['roles'];
  for (const [name, given] of Object.entries(roles)) {
    replace(['roles'], isObject(own) ? own : {}, name, given, `role ${name}`);
  }
  for (const [name, verb] of Object.entries(servers)) {
    const { place, entry } = serverIn(value, name, path);
    const state = isDisabled(entry) ? 'disabled' : 'enabled';
    if (`${verb}d` === state) continue;
    differences.push({ what: `server ${name}`, before: state, after: verb === 'remove' ? '' : `${verb}d` });
    changes.push(serverChange(verb, name, place, entry));
  }
  // One after the other: two that are of one block would be in each other's way.
  const changed = readable(path, () => changes.reduce((so, change) => changeText(jsonc, so, [change]), text));
  return { text: changed, differences };
}

/** @throws {SwitchboardError} `SWB_INVALID_PARAMS`, `SWB_REFUSED` */
function checkEditable(name: string): void {
  if (isEditable(name)) return;
  if (!Object.hasOwn(OPTIONS, name)) {
    const detail = `there is no option ${JSON.stringify(name)}.${didYouMean(name, Object.keys(OPTIONS))}`;
    throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
  }
  const detail = `the option ${name} says who is let in, what is written down, or where Switchboard listens; change it in the file`;
  throw new SwitchboardError('SWB_REFUSED', { detail });
}

/** Figures as figures: a form and a flag give everything as text. */
function asWritten(name: string, given: string | number | boolean | null): string | number | boolean | null {
  if (typeof given !== 'string') return given;
  const { fallback } = OPTIONS[name as keyof typeof OPTIONS];
  if (typeof fallback === 'boolean' && /^(?:true|false|on|off)$/.test(given)) return given === 'true' || given === 'on';
  return /^\d{1,15}$/.test(given) ? Number(given) : given;
}

/** A value as it stands in the file. */
const written = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
