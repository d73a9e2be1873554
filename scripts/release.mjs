// `npm run release`: builds and checks every package and publishes those whose version the registry does not have, in the order in which
// they need each other; with `-- --dry-run` it does all but publish.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { makeReady, packages, root } from './ready.mjs';

const dryRun = process.argv.includes('--dry-run');
const npm = (args, options = {}) => spawnSync('npm', args, { cwd: root, stdio: 'inherit', ...options });

function fail(why) {
  console.error(`release: ${why}`);
  process.exit(1);
}

if (!dryRun && execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }) !== '') {
  fail('there are changes that are not committed');
}
makeReady();
for (const folder of packages) {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  if (manifest.private === true) continue;
  const name = `${manifest.name}@${manifest.version}`;
  const { status } = spawnSync('npx', ['--no-install', 'publint', '--strict', folder], { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail(`${name} has faults`);
  if (!dryRun && npm(['view', name, 'version'], { stdio: 'ignore' }).status === 0) {
    console.log(`${name} is published already`);
    continue;
  }
  // Provenance names the workflow that built it, so it needs one.
  const proof = process.env['GITHUB_ACTIONS'] === 'true' ? ['--provenance'] : [];
  const flags = dryRun ? ['--dry-run'] : [];
  const published = npm(['publish', '--workspace', folder, '--access', 'public', ...proof, ...flags], {});
  if (published.status !== 0) fail(`${name} was not published`);
  console.log(`${name}: ${dryRun ? 'would be published' : 'published'}`);
}
