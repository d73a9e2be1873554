// Runs every check, goes on after a failure so that one run tells all of them, and counts what the test runners say. What leaves a
// processor free runs two at a time; what has a time of its own, as the conformance suite, runs alone.
import { spawn } from 'node:child_process';
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

/** How long the output may stay open when the command has ended: then something that it started goes on. */
const LEFT_MS = 15_000;

/** Runs a command and shows its output when it has ended; gives what it printed and whether it ended well. */
async function run(command, args, { minutes = 15, env = {} } = {}) {
  const startedAt = Date.now();
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    timeout: minutes * 60_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const status = await new Promise((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('close', (code, signal) => resolve(signal ?? code));
    child.once('exit', () => setTimeout(() => resolve('it left a process behind'), LEFT_MS).unref());
  });
  const title = `=== ${[command, ...args].join(' ')}`;
  console.log(`\n${title}`);
  process.stdout.write(stdout);
  process.stdout.write(stderr);
  console.log(
    `=== ${status === 0 ? 'ok' : `FAILED (${status})`} after ${Math.round((Date.now() - startedAt) / 1000)} s`,
  );
  if (status !== 0) {
    const last = (stderr.trim() || stdout.trim()).split('\n').slice(-LAST_LINES);
    failures.push([title, ...last].join('\n'));
  }
  return { ok: status === 0, stdout, stderr };
}

/** A command that counts as one. */
async function check(command, args, options) {
  if ((await run(command, args, options)).ok) passed++;
  else failed++;
}

/** A command that prints `N passed, N failed` itself. */
async function count(command, args, options) {
  const { ok, stdout } = await run(command, args, options);
  const [, good = '0', bad = '0'] = /^(\d+) passed, (\d+) failed$/m.exec(stdout) ?? [];
  passed += Number(good);
  failed += Number(bad);
  // Something that broke before it could count has failed all the same.
  if (!ok && bad === '0') failed++;
}

/** Runs lists of commands beside each other, the commands of a list one after the other. */
const beside = (...lists) =>
  Promise.all(
    lists.map(async (list) => {
      for (const command of list) await command();
    }),
  );

const wanted = missing().map((each) => each.package);
if (wanted.length > 0) {
  await check('apt-get', ['update', '-q']);
  await check('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...wanted], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  });
}

await check('node', ['scripts/ready.mjs']);
const npx = (...words) => check('npx', ['--no-install', ...words]);
await beside(
  [
    () => check('npm', ['run', '--silent', 'lint']),
    () => npx('oxfmt', '--check', '.'),
    () => npx('knip', '--no-config-hints'),
  ],
  [
    () => check('npm', ['run', '--silent', 'types']),
    ...packages.flatMap((folder) => [
      () => npx('publint', '--strict', folder),
      ...(folder.startsWith('packages/') ? [() => npx('attw', '--pack', folder, '--profile', 'esm-only')] : []),
    ]),
  ],
);

const tests = await run('npm', ['test', '--', '--reporter=default', '--reporter=json', `--outputFile=${report}`], {
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
const audit = await run('npm', ['audit', '--omit=dev']);
if (audit.ok) passed++;
else if (/audit endpoint returned an error/.test(audit.stderr))
  console.log('The registry tells of no weaknesses: not counted.');
else failed++;

await beside(
  [() => check('node', ['scripts/fuzz.mjs', '60']), () => count('node', ['conformance/servers.mjs'])],
  [() => count('node', ['examples/run.mjs']), () => count('node', ['conformance/inspect.mjs'])],
);
await count('node', ['conformance/run.mjs', '--all']);

if (failed > 0) console.log(['\n=== What failed, once more', ...failures].join('\n\n'));
console.log(`\n${passed} passed, ${failed} failed`);
// Not `exitCode`: what a process left behind holds would keep this one.
process.exit(failed > 0 ? 1 : 0);
