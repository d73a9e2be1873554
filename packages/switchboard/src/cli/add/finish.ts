/** What every command that changes the configuration does in the end: ask, write, and let a running Switchboard see it. */
import { SwitchboardError } from '../../protocol/errors.ts';
import type { Situation } from '../adopt/adopt.ts';
import { writeOne } from '../adopt/carry-out.ts';
import { shortPath } from '../adopt/places.ts';
import type { Write } from '../adopt/plan.ts';
import { shown } from '../adopt/report.ts';
import { usageError } from '../exit.ts';
import type { Fetch } from './origin.ts';

/** Where and for whom a server is added. */
export interface AddSituation extends Situation {
  fetch: Fetch;
  /** Lets a running Switchboard read its configuration again. @returns what came of it */
  reload(): Promise<string>;
  /** Has a running Switchboard serve a server again that was drained. @returns whether there is one that does; it never fails */
  serveAgain?(server: string): Promise<boolean>;
}

/** @throws {SwitchboardError} `SWB_USAGE` when nobody can be asked */
export async function confirm(
  question: string,
  { yes }: { yes?: boolean },
  { ask, say }: AddSituation,
): Promise<boolean> {
  if (yes === true) return true;
  const isWanted = await ask(`\n${question}`);
  if (isWanted === undefined) throw usageError('nobody can be asked here: give --yes');
  if (!isWanted) say('Nothing was changed.');
  return isWanted;
}

/** @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` when a file has changed since it was shown, or cannot be written */
export async function finish(writes: readonly Write[], { say, reload, home }: AddSituation): Promise<void> {
  for (const write of writes) {
    const why = writeOne(write);
    if (why === undefined) continue;
    throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail: `${shown(shortPath(write.path, home))} ${why}` });
  }
  say(`\n${await reload()}`);
}
