/**
 * What adopting did, so that it can be undone byte for byte: one file for each adoption in the state folder of the user, with the files as
 * they were beside it. They are for their owner alone, as they have what the files had. As each adoption has a file of its own, two at a time
 * lose nothing of each other.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import { bytesAt, makePrivate, remove, writeWhole } from './files.ts';

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
}

export interface Adoption {
  id: string;
  at: string;
  steps: Step[];
}

export type StepState = 'as written' | 'as it was' | 'changed since' | 'gone';

export const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export class Journal {
  readonly #folder: string;

  /** @param state the state folder of the user. */
  constructor(state: string) {
    this.#folder = join(state, 'adopted');
  }

  /** What was done and not undone, the oldest first. @throws {SwitchboardError} `SWB_CONFIG_INVALID` when it cannot be read */
  read(): Adoption[] {
    return this.#ids().map((id) => {
      const path = this.#fileOf(id);
      let value: unknown;
      try {
        value = JSON.parse(readFileSync(path, 'utf8'));
      } catch {
        value = undefined;
      }
      if (isAdoption(value, id)) return value;
      const detail = `${path} is not as adopt wrote it; the files as they were lie beside it`;
      throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
    });
  }

  /**
   * Keeps copies of what files are, and notes what is about to be written. Nothing may be written before.
   *
   * @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN`
   */
  begin(
    at: Date,
    writes: readonly { path: string; client?: string; before?: Buffer; mode: number; after: Buffer }[],
  ): Adoption {
    makePrivate(this.#folder);
    const last = Number(this.#ids().at(-1)?.split('-', 1)[0] ?? 0);
    const id = `${String(last + 1).padStart(6, '0')}-${randomUUID().slice(0, 8)}`;
    const steps = writes.map(({ path, client, before, mode, after }, nth): Step => {
      const backup = before === undefined ? undefined : `${id}-${nth}`;
      if (before !== undefined) writeWhole(join(this.#folder, backup!), before, 0o600);
      return {
        path,
        ...(client !== undefined && { client }),
        ...(before !== undefined && { before: digestOf(before), backup: backup! }),
        after: digestOf(after),
        mode,
      };
    });
    const adoption = { id, at: at.toISOString(), steps };
    this.#write(adoption);
    return adoption;
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
    if (copy === undefined) remove(step.path);
    else writeWhole(realpathSync(step.path), this.#copyAt(copy, step), step.mode);
    return state;
  }

  /** @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` when the copy is not what the file was */
  #copyAt(path: string, { before }: Step): Buffer {
    const bytes = bytesAt(path);
    if (bytes instanceof Buffer && digestOf(bytes) === before) return bytes;
    const detail = `the copy of it as it was, ${path}, is not there or has changed`;
    throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail });
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
  const { steps } = value;
  return (
    Array.isArray(steps) &&
    steps.every(
      (step) =>
        isObject(step) &&
        ['path', 'after'].every((key) => typeof step[key] === 'string') &&
        ['client', 'before'].every((key) => step[key] === undefined || typeof step[key] === 'string') &&
        typeof step['mode'] === 'number' &&
        // It is a name in the folder, and leads nowhere else.
        (step['backup'] === undefined || (typeof step['backup'] === 'string' && /^[\w-]+$/.test(step['backup']))),
    )
  );
}
