// Runs every check in turn, goes on after a failure so that one run tells all of them, and counts what the test runners say.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packages } from '../scripts/ready.mjs';

import { missing } from '../scripts/programs.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'switchboard-ci-'));
const report = join(scratch, 'tests.json');
let passed = 0;
let failed = 0;
/** What the commands that failed printed last, to be shown again at the end, where a reader of a long log looks. */
const failures = [];
const LAST_LINES = 60;

/** Runs a command with its output shown; gives what it printed and whether it ended well. */
function run(command, args, { minutes = 15, env = {} } = {}) {
  console.log(`\n=== ${[command, ...args].join(' ')}`);
  const startedAt = Date.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: minutes * 60_000,
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.stdout.write(stdout ?? '');
  process.stdout.write(stderr ?? '');
  console.log(
    `=== ${status === 0 ? 'ok' : `FAILED (${status})`} after ${Math.round((Date.now() - startedAt) / 1000)} s`,
  );
  if (status !== 0) {
    const last = (stderr?.trim() || stdout?.trim() || '').split('\n').slice(-LAST_LINES);
    failures.push([`=== ${[command, ...args].join(' ')}`, ...last].join('\n'));
  }
  return { ok: status === 0, stdout: stdout ?? '', stderr: stderr ?? '' };
}

/** A command that counts as one. */
function check(command, args, options) {
  if (run(command, args, options).ok) passed++;
  else failed++;
}

/** A command that prints `N passed, N failed` itself. */
function count(command, args, options) {
  const { ok, stdout } = run(command, args, options);
  const [, good = '0', bad = '0'] = /^(\d+) passed, (\d+) failed$/m.exec(stdout) ?? [];
  passed += Number(good);
  failed += Number(bad);
  // Something that broke before it could count has failed all the same.
  if (!ok && bad === '0') failed++;
}

const wanted = missing().map((each) => each.package);
if (wanted.length > 0) {
  check('apt-get', ['update', '-q']);
  check('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...wanted], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  });
}

check('node', ['scripts/ready.mjs']);
check('npm', ['run', '--silent', 'types']);
check('npm', ['run', '--silent', 'lint']);
check('npx', ['--no-install', 'oxfmt', '--check', '.']);
check('npx', ['--no-install', 'knip', '--no-config-hints']);
for (const folder of packages) {
  check('npx', ['--no-install', 'publint', '--strict', folder]);
  if (!folder.startsWith('packages/')) continue;
  check('npx', ['--no-install', 'attw', '--pack', folder, '--profile', 'esm-only']);
}

const tests = run('npm', ['test', '--', '--reporter=default', '--reporter=json', `--outputFile=${report}`], {
  env: { NO_COLOR: '1' },
  minutes: 60,
});
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'));
  const left = numPendingTests + numTodoTests + missing().length;
  if (left > 0) console.log(`${left} tests were skipped or left out, which is not allowed here`);
  passed += numPassedTests;
  failed += numFailedTests + left;
  if (!tests.ok && numFailedTests + left === 0) failed++;
} catch {
  failed++;
}
rmSync(scratch, { recursive: true, force: true });

// Not every registry tells of weaknesses; where this one does, there must be none.
const audit = run('npm', ['audit', '--omit=dev']);
if (audit.ok) passed++;
else if (/audit endpoint returned an error/.test(audit.stderr))
  console.log('The registry tells of no weaknesses: not counted.');
else failed++;

check('node', ['scripts/fuzz.mjs', '60']);
count('node', ['examples/run.mjs']);
count('node', ['conformance/run.mjs', '--all']);
count('node', ['conformance/servers.mjs']);
count('node', ['conformance/inspect.mjs']);

if (failed > 0) console.log(['\n=== What failed, once more', ...failures].join('\n\n'));
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
