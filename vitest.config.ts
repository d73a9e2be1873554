import { configDefaults, defineConfig } from 'vitest/config';

import { missing } from './scripts/programs.mjs';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'servers/*/test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...missing().flatMap(({ files }) => files)],
    // Tests start real processes; a machine with two cores needs its time.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
