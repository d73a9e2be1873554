/** The file that the key of the cluster is kept in; it is read again when it changes, so that keys are changed while everything runs. */
import { readFileSync, statSync } from 'node:fs';

import { SwitchboardError } from '../protocol/errors.ts';
import { FileChanges } from '../util/file-changes.ts';
import { ClusterKey } from './cluster-key.ts';

const LOOK_MS = 500;
/** More would be no key. */
const MAX_BYTES = 4096;

export class ClusterKeyFile extends ClusterKey {
  readonly #changes: FileChanges;

  /**
   * @param onFailed the file was changed and cannot be used: what was read before stays in use.
   * @throws {SwitchboardError} `SWB_CONFIG_INVALID` when it cannot be read, others can read it, or it has no key.
   */
  constructor(path: string, onFailed: (error: SwitchboardError) => void) {
    const changes = new FileChanges([path]);
    super(textOf(path));
    this.#changes = changes;
    changes.watch(LOOK_MS, () => {
      try {
        this.replace(textOf(path));
      } catch (error) {
        onFailed(error as SwitchboardError);
      }
    });
  }

  close(): void {
    this.#changes.stop();
  }
}

/**
 * The key of the cluster; nothing where none is set.
 *
 * @param onFailed told why a file that has changed cannot be used.
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID`
 */
export function clusterKeyOf(
  { clusterKey, clusterKeyFile }: { clusterKey: string; clusterKeyFile: string },
  onFailed: (error: SwitchboardError) => void,
): ClusterKey | ClusterKeyFile | undefined {
  if (clusterKeyFile !== '') return new ClusterKeyFile(clusterKeyFile, onFailed);
  return clusterKey === '' ? undefined : new ClusterKey(clusterKey);
}

function textOf(path: string): string {
  const fail = (why: string, cause?: unknown): never => {
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `clusterKeyFile ${path}: ${why}`, cause });
  };
  try {
    const { mode, size } = statSync(path);
    // Windows has other rights, which say nothing here.
    if ((mode & 0o077) !== 0 && process.platform !== 'win32') {
      fail(`others than its owner may read or write it (mode ${(mode & 0o777).toString(8)}); say chmod 600`);
    }
    if (size > MAX_BYTES) fail(`it has ${size} bytes, the limit is ${MAX_BYTES}`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof SwitchboardError) throw error;
    return fail((error as Error).message, error);
  }
}
