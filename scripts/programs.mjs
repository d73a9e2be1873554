// Programs of the system that some tests need, beside what npm installs. Where one is missing its tests are left out, and `npm test`
// says so; `.ci/run` installs them.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** `package` is what Debian and Ubuntu call it; `files` are the tests that need it. */
const PROGRAMS = [
  {
    program: 'chromium',
    package: 'chromium',
    files: ['packages/switchboard/test/e2e/browser.test.ts', 'packages/console/test/**/*.browser.test.ts'],
  },
];

/** Where a program is, or undefined. */
export function find(program) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** Those that tests need and that are not there. */
export const missing = () => PROGRAMS.filter(({ program, files }) => files.length > 0 && find(program) === undefined);
