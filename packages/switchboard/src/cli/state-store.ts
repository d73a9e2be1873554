/** The store of a Switchboard that is started by a command: the one that is named, or a file of the user for the port that is listened on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
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
 * @param shared whether other processes of this Switchboard have its file open too.
 * @param note takes a sentence for stderr: why the file that nobody named is not used.
 * @returns nothing for a store in memory.
 * @throws {SwitchboardError} where the store that was named cannot be opened.
 */
export async function stateStore(
  { store, maxStoreSize: maxBytes, transport, port }: Settings,
  environment: NodeJS.ProcessEnv,
  note: (text: string) => void,
  shared = false,
): Promise<SharedStore | undefined> {
  if (store === 'memory') return undefined;
  if (store !== 'auto') return openStore(store, { maxBytes, shared });
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

/** The store that several processes of one Switchboard share. */
export interface WorkersStore {
  /** What names it. */
  setting: string;
  /** Kept open by the first process, so that no other Switchboard opens its file. */
  store: SharedStore;
  /** To be called when all of them have ended. */
  close(): Promise<void>;
}

/**
 * Opens it: the file that was named, or that of the user for the port; for a port that is another one each time, a file that ends with the
 * processes.
 *
 * @throws {SwitchboardError} where it cannot be opened: without a store there are no several processes.
 */
export async function workersStore(
  { store: named, maxStoreSize: maxBytes, port }: Settings,
  environment: NodeJS.ProcessEnv,
): Promise<WorkersStore> {
  const isPassing = named === 'auto' && port === 0;
  const folder = isPassing ? mkdtempSync(join(tmpdir(), 'switchboard-')) : stateFolder(environment);
  const setting = named === 'auto' ? `sqlite:${join(folder, `${port}.db`)}` : named;
  const remove = (): void => {
    if (isPassing) rmSync(folder, { recursive: true, force: true });
  };
  try {
    const store = await openStore(setting, { maxBytes });
    return { setting, store, close: () => store.close().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}
