import { defineConfig } from 'vitest/config';

import { leftOut } from './scripts/programs.mjs';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'servers/*/test/**/*.test.ts'],
    exclude: leftOut().map(({ file }) => file),
    // Tests start real processes; a machine with two cores needs its time.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
