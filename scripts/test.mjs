// `npm test`: makes the checkout ready and runs the tests, `npm run test:unit` and the like those of one tier (tiers.mjs). Words after
// `--` choose among them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { missing } from './programs.mjs';
import { makeReady, root } from './ready.mjs';

makeReady();
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
for (const { program, package: name, files, asRoot } of missing()) {
  const needs = asRoot
    ? `needs ${program} (apt-get install ${name}) and root`
    : `${program} is not installed (apt-get install ${name})`;
  console.error(`Left out, because ${asRoot ? 'it ' : ''}${needs}: ${files.join(', ')}`);
}
process.exit(status ?? 1);
