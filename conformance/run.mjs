#!/usr/bin/env node
// Runs the official conformance suite's server scenarios, first against the server itself over
// Streamable HTTP and then through Switchboard, which serves the same server's stdio.
//   node conformance/run.mjs [--direct] [--era legacy|modern] [--isolation session|shared]
//                            [--scenario NAME]
// It fails when a scenario fails through Switchboard. expected-failures.json may list scenarios
// that are known to: [{ "scenario", "era", "isolation"?, "reason" }]; each of them must fail.
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { serve } from './processes.mjs';
import { install, root } from './setup.mjs';
import { listScenarios, runSuite } from './suite.mjs';

const eras = {
  legacy: { version: '2025-11-25', server: 'conformance/server.mjs' },
  modern: { version: '2026-07-28', server: 'conformance/modern-server.mjs' },
};

// A legacy server that clients share is told that its client can do nothing, so it cannot ask.
const needSession = [
  'tools-call-sampling',
  'tools-call-elicitation',
  'elicitation-sep1034-defaults',
  'elicitation-sep1330-enums',
];

const { values: options } = parseArgs({
  options: {
    direct: { type: 'boolean', default: false },
    era: { type: 'string', default: 'legacy' },
    isolation: { type: 'string', default: 'session' },
    scenario: { type: 'string' },
  },
});
const { direct: onlyDirect, era, isolation, scenario } = options;
if (!Object.hasOwn(eras, era)) throw new Error(`--era is legacy or modern, not ${era}`);
if (!['session', 'shared'].includes(isolation)) {
  throw new Error(`--isolation is session or shared, not ${isolation}`);
}
const { version, server } = eras[era];

/** Serves, runs the suite, ends the server: the checks by scenario, and what the server logged. */
async function results(args) {
  const { url, stop, output } = await serve(process.execPath, args, { cwd: root });
  try {
    return { checks: await runSuite(url, version, scenario), log: output.stderr };
  } finally {
    await stop();
  }
}

const switchboard = [
  ...'packages/switchboard/dist/cli/main.js serve --port 0 --transport http'.split(' '),
  ...`--isolation ${isolation} --rate-limit unlimited --max-connections 200`.split(' '),
  '--',
  process.execPath,
  server,
];

function expectedFailures() {
  const file = new URL('expected-failures.json', import.meta.url);
  const all = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  const here = all.filter((it) => it.era === era && (it.isolation ?? isolation) === isolation);
  return new Map(here.map((it) => [it.scenario, it.reason]));
}

const failures = (checks) => checks.filter(({ status }) => status === 'FAILURE');
const warnings = (checks) => checks.filter(({ status }) => status === 'WARNING');
const successes = (checks) => checks.filter(({ status }) => status === 'SUCCESS');

/** What a scenario's checks come to; no checks at all is a scenario that broke. */
function outcome(checks) {
  if (!checks || failures(checks).length > 0) return 'FAIL';
  return successes(checks).length > 0 ? 'pass' : 'skip';
}

function summary(checks = []) {
  const counts = `${successes(checks).length}/${failures(checks).length}`;
  const warned = warnings(checks).length;
  return warned > 0 ? `${counts}, ${warned} warned` : counts;
}

function print(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join(' | ')
        .trimEnd(),
    );
  }
}

await install();
const known = await listScenarios(version);
const expected = onlyDirect ? new Map() : expectedFailures();
for (const name of [...expected.keys(), ...(scenario ? [scenario] : [])]) {
  if (!known.includes(name)) throw new Error(`${version} has no scenario ${name}`);
}

const direct = await results([server, '--http', '0']);
const through = onlyDirect ? direct : await results(switchboard);

const rows = [['scenario', 'direct', ...(onlyDirect ? [] : ['switchboard']), 'checks passed/failed']];
const notes = [];
const count = { pass: 0, FAIL: 0, skip: 0, 'n/a': 0, expected: 0 };
for (const name of scenario ? [scenario] : known) {
  const checks = through.checks.get(name);
  let result = outcome(checks);
  if (!onlyDirect && isolation === 'shared' && needSession.includes(name)) result = 'n/a';
  else if (expected.has(name) && result === 'FAIL') {
    result = 'expected';
    notes.push(`${name}: fails as expected: ${expected.get(name)}`);
  } else if (expected.has(name)) {
    result = 'FAIL';
    notes.push(`${name}: is expected to fail (${expected.get(name)}), but does not`);
  }
  count[result]++;
  rows.push([
    name,
    outcome(direct.checks.get(name)),
    ...(onlyDirect ? [] : [result]),
    result === 'n/a' ? '' : summary(checks),
  ]);
  if (result === 'n/a') continue;
  if (!checks) notes.push(`${name}: the suite has no result`);
  for (const { id, status, errorMessage } of [...failures(checks ?? []), ...warnings(checks ?? [])]) {
    notes.push(`${name}: ${status} ${id}: ${errorMessage}`);
  }
}
print(rows);
for (const note of notes) console.log(note);
if (count.FAIL > 0) console.error(`The server's log ends with:\n${through.log.slice(-4000)}`);
if (count.skip > 0) console.log(`${count.skip} skipped: the suite had nothing to check`);
if (count['n/a'] > 0) console.log(`${count['n/a']} not applicable: they need --isolation session`);
if (count.expected > 0) console.log(`${count.expected} failed as expected`);
console.log(`${count.pass} passed, ${count.FAIL} failed`);
process.exitCode = count.FAIL > 0 ? 1 : 0;
