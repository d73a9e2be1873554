// `npm run version`: makes the next version of all packages out of the changesets, and dates it in the changelog (docs/release.md).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

import { root } from './ready.mjs';

/** Where sources name the version of their package. */
const SOURCES = ['packages/switchboard/src/gateway/product.ts', 'packages/chat/src/product.ts'];

function run(command, args) {
  const shell = process.platform === 'win32';
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell });
  if (status !== 0) process.exit(1);
}

function change(file, edit) {
  const path = join(root, file);
  writeFileSync(path, edit(readFileSync(path, 'utf8')));
}

/** What is noted for the next release: the packages with their new versions, and the text of each note. */
function planned() {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-version-'));
  const file = join(folder, 'plan.json');
  try {
    run('npx', ['--no-install', 'changeset', 'status', '--output', relative(root, file)]);
    return JSON.parse(readFileSync(file, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { changesets, releases } = planned();
if (changesets.length === 0) {
  console.error('There are no changesets, so there is nothing to release. Write one: npx changeset');
  process.exit(1);
}
const version = releases[0].newVersion;
run('npx', ['--no-install', 'changeset', 'version']);
for (const file of SOURCES) change(file, (text) => text.replace(/version: '[^']*'/, `version: '${version}'`));
change('CHANGELOG.md', (text) => {
  const date = new Date().toISOString().slice(0, 10);
  const notes = changesets.map(({ summary }) => `- ${summary.trim().replaceAll('\n', '\n  ')}\n`).join('');
  const started = text.includes('## Unreleased\n')
    ? text
    : text.replace('# Changelog\n', '# Changelog\n\n## Unreleased\n');
  // A function, as the notes may have `$&` in them.
  return started.replace('## Unreleased\n', () => `## ${version} (${date})\n\n${notes}`);
});
run('npm', ['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund']);
console.log(`${version}: look at the changes, commit them as "release: ${version}", and tag the commit v${version}`);
