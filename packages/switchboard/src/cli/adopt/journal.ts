/**
 * What adopting did, so that it can be undone byte for byte: one file for each adoption in the state folder of the user, with the files as
 * they were beside it. They are for their owner alone, as they have what the files had. As each adoption has a file of its own, two at a time
 * lose nothing of each other.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import { clearLeftovers } from '../../util/whole-file.ts';
import { bytesAt, firstMissing, makePrivate, remove, removeEmpty, writeWhole } from './files.ts';
import type { Places } from './places.ts';

/** One file that was written. */
export interface Step {
  path: string;
  /** Whose it is; undefined for Switchboard's own. */
  client?: string;
  /** A digest of what it was; undefined where there was no file. */
  before?: string;
  after: string;
  mode: number;
  /** The name of the copy of what it was. */
  backup?: string;
  /** The outermost folder that was made for it. */
  made?: string;
}

/** The Switchboard that clients were led to: its address, and its configuration. */
export interface Target {
  url: string;
  config: string;
}

export interface Adoption {
  id: string;
  at: string;
  steps: Step[];
  /** Undefined where no file of a client was to be changed by adopt. */
  target?: Target;
}

export type StepState = 'as written' | 'as it was' | 'changed since' | 'gone';

export const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export class Journal {
  readonly #folder: string;
  /** The outermost folder that is Switchboard's alone. */
  readonly #own: string;

  /** @param state the state folder of the user. */
  constructor({ state }: Pick<Places, 'state'>) {
    this.#folder = join(state, 'adopted');
    this.#own = basename(state) === 'switchboard' ? state : dirname(state);
  }

  /** What was done and not undone, the oldest first. @throws {SwitchboardError} `SWB_CONFIG_INVALID` when it cannot be read */
  read(): Adoption[] {
    return this.#ids().map((id) => {
      const adoption = this.#readOne(id);
      if (adoption !== undefined) return adoption;
      const detail = `${this.#fileOf(id)} is not as adopt wrote it; the files as they were lie beside it`;
      throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
    });
  }

  /**
   * Notes what is about to be written, and keeps copies of what the files are. Nothing may be written before.
   *
   * @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN`
   */
  begin(
    at: Date,
    writes: readonly { path: string; client?: string; before?: Buffer; mode: number; after: Buffer }[],
    target?: Target,
  ): Adoption {
    makePrivate(this.#folder);
    const last = Number(this.#ids().at(-1)?.split('-', 1)[0] ?? 0);
    const id = `${String(last + 1).padStart(6, '0')}-${randomUUID().slice(0, 8)}`;
    const steps = writes.map(({ path, client, before, mode, after }, nth): Step => {
      const made = before === undefined ? firstMissing(dirname(path)) : undefined;
      return {
        path,
        ...(client !== undefined && { client }),
        ...(before !== undefined && { before: digestOf(before), backup: `${id}-${nth}` }),
        after: digestOf(after),
        mode,
        ...(made !== undefined && { made }),
      };
    });
    const adoption = { id, at: at.toISOString(), steps, ...(target !== undefined && { target }) };
    // First, so that no copy is ever there that nothing tells of.
    this.#write(adoption);
    try {
      for (const [nth, { before }] of writes.entries()) {
        if (before !== undefined) writeWhole(join(this.#folder, steps[nth]!.backup!), before, 0o600);
      }
    } catch (error) {
      this.keep(adoption, []);
      throw error;
    }
    return adoption;
  }

  /** The addresses that clients were led to for a configuration, and for no other since. */
  addressesOf(config: string): string[] {
    const targets = this.#readable().flatMap(({ target }) => target ?? []);
    const configs = new Map(targets.map(({ url, config: of }) => [url, of]));
    return [...configs].flatMap(([url, of]) => (of === config ? [url] : []));
  }

  /** Removes what runs that were killed left beside the files that they were about to write. */
  clearLeftovers(): void {
    clearLeftovers(this.#folder);
    for (const { path } of this.#readable().flatMap(({ steps }) => steps))
      clearLeftovers(dirname(path), basename(path));
  }

  /** Leaves only some steps of an adoption to undo; without any, it is forgotten with its copies. */
  keep(adoption: Adoption, remaining: readonly Step[]): void {
    const { steps } = adoption;
    if (remaining.length === steps.length) return;
    if (remaining.length === 0) rmSync(this.#fileOf(adoption.id), { force: true });
    else this.#write({ ...adoption, steps: [...remaining] });
    for (const { backup } of steps) {
      if (backup === undefined || remaining.some((step) => step.backup === backup)) continue;
      rmSync(join(this.#folder, backup), { force: true });
    }
    removeEmpty(this.#folder, this.#own);
  }

  /** Where the copy of a file is. */
  copyOf({ backup }: Step): string | undefined {
    return backup === undefined ? undefined : join(this.#folder, backup);
  }

  /** What a file was; undefined where there was none. @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` */
  textOf(step: Step): string | undefined {
    const copy = this.copyOf(step);
    return copy === undefined ? undefined : this.#copyAt(copy, step).toString('utf8');
  }

  /** What cannot be read is not as it was written. */
  stateOf({ path, before, after }: Step): StepState {
    const bytes = bytesAt(path);
    if (typeof bytes === 'string') return 'changed since';
    const now = bytes === undefined ? undefined : digestOf(bytes);
    if (now === after) return 'as written';
    if (now === before) return 'as it was';
    return now === undefined ? 'gone' : 'changed since';
  }

  /**
   * Gives back what a file was, where a link leads if it has become one.
   *
   * @returns what it was found as; it is changed only where it is as written.
   * @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` when it could not be changed, or its copy is no longer what it was
   */
  undo(step: Step): StepState {
    const state = this.stateOf(step);
    if (state !== 'as written') return state;
    const copy = this.copyOf(step);
    if (copy === undefined) {
      remove(step.path);
      removeEmpty(dirname(step.path), step.made);
    } else {
      writeWhole(realpathSync(step.path), this.#copyAt(copy, step), step.mode);
    }
    return state;
  }

  /** @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` when the copy is not what the file was */
  #copyAt(path: string, { before }: Step): Buffer {
    const bytes = bytesAt(path);
    if (bytes instanceof Buffer && digestOf(bytes) === before) return bytes;
    const detail = `the copy of it as it was, ${path}, is not there or has changed`;
    throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail });
  }

  /** What can be read: what is wrong with the rest is for `--undo` and `--status` to say. */
  #readable(): Adoption[] {
    return this.#ids().flatMap((id) => this.#readOne(id) ?? []);
  }

  /** @returns nothing when it is not as it was written */
  #readOne(id: string): Adoption | undefined {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#fileOf(id), 'utf8'));
      return isAdoption(value, id) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  #write(adoption: Adoption): void {
    writeWhole(this.#fileOf(adoption.id), Buffer.from(`${JSON.stringify(adoption, undefined, 2)}\n`), 0o600);
  }

  #fileOf(id: string): string {
    return join(this.#folder, `${id}.json`);
  }

  /** In the order in which they were made. */
  #ids(): string[] {
    let names: string[];
    try {
      names = readdirSync(this.#folder);
    } catch {
      return [];
    }
    return names.flatMap((name) => /^(\d{6}-[\da-f]{8})\.json$/.exec(name)?.[1] ?? []).toSorted();
  }
}

/** The file can be changed by anybody who can be this user, or by hand. */
function isAdoption(value: unknown, id: string): value is Adoption {
  if (!isObject(value) || value['id'] !== id || typeof value['at'] !== 'string') return false;
  const { steps, target } = value;
  const isTarget =
    target === undefined || (isObject(target) && ['url', 'config'].every((key) => typeof target[key] === 'string'));
  return (
    isTarget &&
    Array.isArray(steps) &&
    steps.every(
      (step) =>
        isObject(step) &&
        ['path', 'after'].every((key) => typeof step[key] === 'string') &&
        ['client', 'before', 'made'].every((key) => step[key] === undefined || typeof step[key] === 'string') &&
        typeof step['mode'] === 'number' &&
        // It is a name in the folder, and leads nowhere else.
        (step['backup'] === undefined || (typeof step['backup'] === 'string' && /^[\w-]+$/.test(step['backup']))),
    )
  );
}
