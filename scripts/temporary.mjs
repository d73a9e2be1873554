// The folder for temporary files of a run of the tests, which goes when the run ends, with whatever a test that failed has left there.
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const temporary = join(tmpdir(), `switchboard-tests-${process.pid}`);

/** Where the built command notes that it runs: not among what the user of this machine runs. */
export const runtime = join(temporary, 'run');

export function setup() {
  // A worker of nginx, which is somebody else where the tests run as root, has its folders in it.
  mkdirSync(temporary, { recursive: true, mode: 0o711 });
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
}

export function teardown() {
  rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
}
