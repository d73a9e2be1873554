// Checks the types of every package, of its sources and its tests.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packages, root } from './ready.mjs';

const tsc = join(root, 'node_modules/typescript/bin/tsc');
for (const folder of packages) {
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, folder)], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
