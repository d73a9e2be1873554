import { configDefaults, defineConfig } from 'vitest/config';

import { missing } from './scripts/programs.mjs';
import { runtime, temporary } from './scripts/temporary.mjs';
import { projects } from './scripts/tiers.mjs';

const leftOut = missing().flatMap(({ files }) => files);

export default defineConfig({
  test: {
    projects: projects.map(({ exclude, ...project }) => ({
      extends: true,
      test: { ...project, exclude: [...configDefaults.exclude, ...leftOut, ...exclude] },
    })),
    // No test that cannot fail. What is polled for may take its time on a machine with other work.
    expect: { requireAssertions: true, poll: { timeout: 10_000 } },
    // Tests start real processes; a machine with two cores needs its time.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    globalSetup: './scripts/temporary.mjs',
    env: { TMPDIR: temporary, XDG_RUNTIME_DIR: runtime },
    // The checks before a change lands run beside other work: what fails three times has failed. On a developer's machine once is enough.
    retry: process.env['CI'] === 'true' ? 2 : 0,
    pool: 'forks',
    // Two thirds of the time of a test that starts processes is waiting.
    maxWorkers: 3,
  },
});
