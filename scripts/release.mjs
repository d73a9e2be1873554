// `npm run release`: builds, checks and packs every package, tries what was packed, and publishes the packages whose version the registry
// does not have, in the order in which they need each other. With `-- --dry-run` it does all but publish.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeReady, packages, root } from './ready.mjs';

const dryRun = process.argv.includes('--dry-run');
const shell = process.platform === 'win32';

function fail(why) {
  console.error(`release: ${why}`);
  process.exit(1);
}

/** Runs a command whose output is shown when it fails. @returns whether it ended well. */
function run(command, args, cwd = root) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', shell });
  if (status !== 0) process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  return status === 0;
}

function must(what, command, args, cwd) {
  if (!run(command, args, cwd)) fail(`${what} failed: ${command} ${args.join(' ')}`);
}

const isPublished = (name, version) =>
  spawnSync('npm', ['view', `${name}@${version}`, 'version'], { cwd: root, stdio: 'ignore', shell }).status === 0;

const manifestOf = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));

if (!dryRun && execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }) !== '') {
  fail('there are changes that are not committed');
}
makeReady();

const scratch = mkdtempSync(join(tmpdir(), 'switchboard-release-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const released = packages
  .map((folder) => ({ folder, ...manifestOf(folder) }))
  .filter((manifest) => manifest.private !== true)
  .map(({ folder, name, version, bin = {}, dependencies = {} }) => ({
    folder,
    name,
    version,
    needs: Object.keys(dependencies),
    bin: Object.keys(bin),
    tarball: join(scratch, `${name}-${version}.tgz`),
  }));
const versions = new Set(released.map(({ version }) => version));
if (versions.size > 1) fail(`the packages have different versions: ${[...versions].join(', ')}`);
// A tag of another version would publish what its name does not say.
const { GITHUB_REF_TYPE: refType, GITHUB_REF_NAME: tag } = process.env;
if (refType === 'tag' && !versions.has(tag.replace(/^v/, ''))) {
  fail(`the tag ${tag} is not the version of the packages, ${[...versions].join(', ')}`);
}

for (const { folder, name, tarball } of released) {
  must(`Checking ${name}`, 'npx', ['--no-install', 'publint', '--strict', folder]);
  must(`Packing ${name}`, 'npm', ['pack', '--workspace', folder, '--pack-destination', scratch]);
  // The servers are commands; libraries must have types that programs can find.
  if (folder.startsWith('packages/')) {
    must(`Checking the types of ${name}`, 'npx', ['--no-install', 'attw', tarball, '--profile', 'esm-only']);
  }
  console.log(`${name}: built, checked and packed`);
}

// What was packed, in a project that has nothing else.
const project = join(scratch, 'project');
const dependencies = Object.fromEntries(released.map(({ name, tarball }) => [name, `file:${tarball}`]));
mkdirSync(project);
writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
must('Installing what was packed', 'npm', ['install', '--no-audit', '--no-fund', '--loglevel', 'error'], project);
for (const { name, bin } of released) {
  must(`Importing ${name}`, process.execPath, ['--input-type=module', '-e', `await import('${name}')`], project);
  for (const command of bin) must(`Starting ${command}`, 'npx', ['--no-install', command, '--help'], project);
}
console.log('All packages install, load and start together');

/** A package after those that it needs. */
const ordered = [];
function order(each) {
  if (ordered.includes(each)) return;
  for (const other of released) if (each.needs.includes(other.name)) order(other);
  ordered.push(each);
}
released.forEach(order);

for (const { name, version, tarball } of ordered) {
  if (!dryRun && isPublished(name, version)) {
    console.log(`${name}@${version} is published already`);
    continue;
  }
  // Provenance is signed by the workflow that builds, so it needs one.
  const proof = process.env['GITHUB_ACTIONS'] === 'true' ? ['--provenance'] : [];
  const flags = dryRun ? ['--dry-run'] : proof;
  must(`Publishing ${name}`, 'npm', ['publish', tarball, '--access', 'public', ...flags]);
  console.log(`${name}@${version}: ${dryRun ? 'would be published, with provenance' : 'published'}`);
}
