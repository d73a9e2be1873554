// `npm test`: makes the checkout ready and runs the tests; words after `npm test --` choose among them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { leftOut } from './programs.mjs';
import { makeReady, root } from './ready.mjs';

makeReady();
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
for (const { file, missing } of leftOut())
  process.stdout.write(`Left out: ${file}, without ${missing.join(' and ')}\n`);
process.exit(status ?? 1);
