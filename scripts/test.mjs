// `npm test`: makes the checkout ready and runs the tests; words after `npm test --` choose among them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { makeReady, root } from './ready.mjs';

makeReady();
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
