import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

import { missing } from './scripts/programs.mjs';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'servers/*/test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...missing().flatMap(({ files }) => files)],
    // Tests start real processes; a machine with two cores needs its time.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Where the built command notes that it runs: not among what the user of this machine runs.
    env: { XDG_RUNTIME_DIR: join(tmpdir(), `switchboard-tests-${process.pid}`) },
    pool: 'forks',
    maxWorkers: 2,
  },
});
