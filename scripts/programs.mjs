// Tests that need a program which not every machine has: without it they are left out, and `npm test` says so.
import { spawnSync } from 'node:child_process';

const NEEDED = [{ file: 'packages/switchboard/test/cli/tls-tools.test.ts', programs: ['openssl', 'curl'] }];

const isMissing = (program) => spawnSync(program, ['--version']).error !== undefined;

/** @returns {{ file: string, missing: string[] }[]} */
export const leftOut = () =>
  NEEDED.map(({ file, programs }) => ({ file, missing: programs.filter(isMissing) })).filter(
    ({ missing }) => missing.length > 0,
  );
