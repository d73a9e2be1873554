/** Programs of others that are needed, and where they are on this machine. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { SwitchboardError } from '../../protocol/errors.ts';

export interface Installed {
  name: string;
  path: string;
}

/** Where servers are that are not in the PATH of every user. */
const SYSTEM = ['/usr/sbin', '/usr/local/sbin'];

/**
 * @param names of programs of which one is enough, the best one first.
 * @throws {SwitchboardError} `SWB_COMMAND_NOT_FOUND` naming them, and how to install one
 */
export function oneInstalled(names: readonly string[], how: string, { PATH = '' }: NodeJS.ProcessEnv): Installed {
  const folders = [...PATH.split(delimiter), ...SYSTEM].filter((folder) => folder !== '');
  for (const name of names) {
    const path = folders.map((folder) => join(folder, name)).find(isExecutable);
    if (path !== undefined) return { name, path };
  }
  const detail = `cluster up needs ${names.join(' or ')}, which is not installed here: ${how}`;
  throw new SwitchboardError('SWB_COMMAND_NOT_FOUND', { detail });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
