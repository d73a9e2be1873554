/** Writes what a plan says, and undoes it. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { bytesAt, writeWhole } from './files.ts';
import type { Adoption, Journal, Step, StepState } from './journal.ts';
import type { Write } from './plan.ts';

/** A file that was not written, and why. */
export interface Unwritten {
  write: Write;
  why: string;
}

/**
 * Writes Switchboard's own files first, then those of clients: a client that is led to Switchboard finds its servers there. A file that is
 * no longer what was shown is left as it is.
 *
 * @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` when one of Switchboard's own cannot be written; then nothing has changed
 */
export function carryOut(writes: readonly Write[], journal: Journal, now: Date): Unwritten[] {
  const adoption = journal.begin(
    now,
    writes.map(({ path, client, before, mode, text }) => ({
      path,
      ...(client !== undefined && { client: client.name }),
      ...(before !== undefined && { before: before.bytes }),
      mode: before?.mode ?? mode,
      after: Buffer.from(text),
    })),
  );
  const done: Step[] = [];
  const unwritten: Unwritten[] = [];
  for (const [nth, write] of writes.entries()) {
    const why = writeOne(write);
    if (why === undefined) {
      done.push(adoption.steps[nth]!);
      continue;
    }
    if (write.kind !== 'client') {
      for (const step of done.toReversed()) journal.undo(step);
      journal.keep(adoption, []);
      throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail: `${write.path} ${why}; nothing was changed` });
    }
    unwritten.push({ write, why });
  }
  journal.keep(adoption, done);
  return unwritten;
}

/** Writes a file that is still what was shown. @returns why it was not written */
export function writeOne({ path, before, text, mode }: Write): string | undefined {
  const now = bytesAt(path);
  if (typeof now === 'string') return now;
  const isShown = before === undefined ? now === undefined : now?.equals(before.bytes) === true;
  if (!isShown) return 'has changed since it was shown; run this again';
  try {
    writeWhole(path, Buffer.from(text), mode);
    return undefined;
  } catch (error) {
    if (error instanceof SwitchboardError) return `was not written: ${error.message}`;
    throw error;
  }
}

export interface Undone {
  step: Step;
  /** What the file was found as: only one as written was given back. */
  state: StepState;
  /** Where the file as it was is kept, if it was not given back. */
  copy?: string | undefined;
  /** Why it was not given back, though it was as written. */
  failure?: SwitchboardError;
}

/**
 * Gives back every file that is still as written, the newest adoption first. What has changed since stays, and stays in the journal.
 *
 * @param isMeant which steps are undone
 */
export function undo(journal: Journal, isMeant: (step: Step, adoption: Adoption) => boolean): Undone[] {
  return journal
    .read()
    .toReversed()
    .flatMap((adoption) => {
      const remaining: Step[] = [];
      const undone: Undone[] = [];
      // Clients first: as long as one is led to Switchboard, its servers are there.
      for (const step of adoption.steps.toReversed()) {
        if (!isMeant(step, adoption)) {
          remaining.push(step);
          continue;
        }
        const done = undoOne(journal, step);
        if (done.copy !== undefined || done.state === 'changed since') remaining.push(step);
        undone.push(done);
      }
      journal.keep(adoption, remaining.toReversed());
      return undone;
    });
}

function undoOne(journal: Journal, step: Step): Undone {
  try {
    const state = journal.undo(step);
    return { step, state, ...(state === 'changed since' && { copy: journal.copyOf(step) }) };
  } catch (failure) {
    if (!(failure instanceof SwitchboardError)) throw failure;
    return { step, state: 'as written', copy: journal.copyOf(step), failure };
  }
}
