/** The store of a Switchboard that is started by a command: the one that is named, or a file of the user for the port that is listened on. */
import { homedir } from 'node:os';
import { join } from 'node:path';

import { openStore } from '../stores/open-store.ts';
import type { Settings } from '../gateway/settings.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { SharedStore } from '../stores/store.ts';

/** Where programs keep state of this user that is not worth a backup. */
export function stateFolder(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): string {
  const { XDG_STATE_HOME: state = '', LOCALAPPDATA: local = '', HOME: home = homedir() } = environment;
  if (state !== '') return join(state, 'switchboard');
  if (platform === 'win32' && local !== '') return join(local, 'Switchboard');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Switchboard');
  return join(home, '.local', 'state', 'switchboard');
}

/**
 * @param note takes a sentence for stderr: why the file that nobody named is not used.
 * @returns nothing for a store in memory.
 * @throws {SwitchboardError} where the store that was named cannot be opened.
 */
export async function stateStore(
  { store, maxStoreSize: maxBytes, transport, port }: Settings,
  environment: NodeJS.ProcessEnv,
  note: (text: string) => void,
): Promise<SharedStore | undefined> {
  if (store === 'memory') return undefined;
  if (store !== 'auto') return openStore(store, { maxBytes });
  // A port that is another one each time has no state to go on with.
  if (port === 0 || transport.every((each) => each === 'stdio')) return undefined;
  try {
    return await openStore(`sqlite:${join(stateFolder(environment), `${port}.db`)}`, { maxBytes });
  } catch (error) {
    if (!(error instanceof SwitchboardError)) throw error;
    note(`sessions will not outlive this process. ${error.message}`);
    return undefined;
  }
}
