/** Writes what a plan says, and undoes it. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { withEntriesBack } from './entries-back.ts';
import { bytesAt, readForChange, reasonIn, writeWhole } from './files.ts';
import type { Adoption, Journal, Step, StepState, Target } from './journal.ts';
import type { Write } from './plan.ts';

/** A file that was not written. */
export interface Unwritten {
  write: Write;
  /** Why, in words that go on after its name. */
  why: string;
}

/**
 * Writes Switchboard's own files first, then those of clients: a client that is led to Switchboard finds its servers there. A file that is
 * no longer what was shown is left as it is.
 *
 * @param target what the files of clients lead to afterwards.
 * @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` when one of Switchboard's own cannot be written; then nothing has changed
 */
export function carryOut(writes: readonly Write[], journal: Journal, now: Date, target?: Target): Unwritten[] {
  journal.clearLeftovers();
  const adoption = journal.begin(
    now,
    writes.map(({ path, client, before, mode, text }) => ({
      path,
      ...(client !== undefined && { client: client.name }),
      ...(before !== undefined && { before: before.bytes }),
      mode: before?.mode ?? mode,
      after: Buffer.from(text),
    })),
    target,
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

/** Writes a file that is still what was shown. @returns why it was not written, in words that go on after its name */
export function writeOne({ path, before, text, mode }: Write): string | undefined {
  const now = bytesAt(path);
  if (typeof now === 'string') return now;
  const isShown = before === undefined ? now === undefined : now?.equals(before.bytes) === true;
  if (!isShown) return 'has changed since it was shown; run this again';
  try {
    writeWhole(path, Buffer.from(text), mode);
    return undefined;
  } catch (error) {
    if (error instanceof SwitchboardError) return reasonIn(error, path);
    throw error;
  }
}

export interface Undone {
  step: Step;
  /**
   * What the file was found as: one as written was given back. One that is `needed` is as written too. `entries back` is one that has
   * changed since, in which the entries from before are again.
   */
  state: StepState | 'needed' | 'entries back';
  /** Where the file as it was is kept, if it was not given back. */
  copy?: string | undefined;
  /** Why it could not be given back, although it is as written. */
  failure?: string;
}

/**
 * Gives back every file that is still as written, the newest adoption first. What could not be given back stays in the journal with its
 * copy, and then what it may need stays too: the configuration for a client's file, the variables for the configuration.
 *
 * @param isMeant which steps are undone
 */
export async function undo(journal: Journal, isMeant: (step: Step, adoption: Adoption) => boolean): Promise<Undone[]> {
  journal.clearLeftovers();
  const undone: Undone[] = [];
  let isNeeded = false;
  for (const adoption of journal.read().toReversed()) {
    const remaining: Step[] = [];
    // Clients first, variables last: as long as one is led to Switchboard, its servers are there.
    for (const step of adoption.steps.toReversed()) {
      if (!isMeant(step, adoption)) {
        remaining.push(step);
        continue;
      }
      const each = await undoOne(journal, step, isNeeded);
      const isLeft = /^(?:changed since|needed)$/.test(each.state) || each.failure !== undefined;
      isNeeded ||= isLeft;
      const isKept = isLeft || (each.state === 'gone' && step.backup !== undefined);
      if (isKept) remaining.push(step);
      undone.push({ ...each, ...(isKept && { copy: journal.copyOf(step) }) });
    }
    journal.keep(adoption, remaining.toReversed());
  }
  return undone;
}

/** @param isNeeded whether something that is left may need Switchboard's own files */
async function undoOne(journal: Journal, step: Step, isNeeded: boolean): Promise<Undone> {
  if (isNeeded && step.client === undefined && journal.stateOf(step) === 'as written') return { step, state: 'needed' };
  try {
    const state = journal.undo(step);
    return {
      step,
      state: state === 'changed since' && (await giveEntriesBack(journal, step)) ? 'entries back' : state,
    };
  } catch (error) {
    if (!(error instanceof SwitchboardError)) throw error;
    return { step, state: 'as written', failure: reasonIn(error, step.path) };
  }
}

/** @returns whether they are back */
async function giveEntriesBack(journal: Journal, step: Step): Promise<boolean> {
  const file = step.client === undefined ? undefined : readForChange(step.path);
  const was = file === undefined ? undefined : journal.textOf(step);
  if (typeof file !== 'object' || was === undefined) return false;
  const text = await withEntriesBack(step.client!, was, file.text);
  if (text === undefined) return false;
  writeWhole(file.path, Buffer.from(text), file.mode);
  return true;
}
