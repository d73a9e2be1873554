#!/usr/bin/env node
// Runs the official conformance suite's server scenarios through Switchboard, which serves a server's stdio over Streamable HTTP.
//   node conformance/run.mjs [--era legacy|modern] [--behind legacy|modern] [--isolation session|shared]
//                            [--direct] [--scenario NAME] [--cluster haproxy|nginx] [--no-keep-alive]
//   node conformance/run.mjs --all [--write] [--cluster haproxy|nginx] [--no-keep-alive]
// --era is the era of the scenarios, --behind that of the server; where they differ, everything is translated. One pair is run
// against the server itself too, with --direct against it alone. --all runs every pair, and --write puts the results into
// docs/reference/conformance.md. With --cluster, three nodes behind a balancer take the place of one Switchboard; the results have to be
// the same. With --no-keep-alive, each request there has a connection of its own.
// It fails when a scenario fails that is not listed as not applicable, and when one is listed that passes.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { serveCluster } from './cluster.mjs';
import { serve } from './processes.mjs';
import { install, root } from './setup.mjs';
import { listScenarios, runSuite } from './suite.mjs';

const eras = {
  legacy: { version: '2025-11-25', server: 'conformance/server.mjs' },
  modern: { version: '2026-07-28', server: 'conformance/modern-server.mjs' },
};
const isolations = ['session', 'shared'];
const page = new URL('../docs/reference/conformance.md', import.meta.url);

const NOBODY_TO_ASK =
  'A legacy server that several clients share is told that its client can do nothing: a question of it names no request, so ' +
  'nobody could be asked.';

// What cannot pass, and why. An entry without `behind` or `isolation` holds for both; with `checks`, it holds for these checks of
// the scenarios only, and the others have to pass.
const notApplicable = [
  {
    era: 'legacy',
    behind: 'legacy',
    isolation: 'shared',
    scenarios: [
      'tools-call-sampling',
      'tools-call-elicitation',
      'elicitation-sep1034-defaults',
      'elicitation-sep1330-enums',
    ],
    reason: NOBODY_TO_ASK,
  },
  {
    era: 'modern',
    behind: 'legacy',
    isolation: 'shared',
    scenarios: [
      'input-required-result-basic-elicitation',
      'input-required-result-basic-sampling',
      'input-required-result-basic-list-roots',
      'input-required-result-request-state',
      'input-required-result-multiple-input-requests',
      'input-required-result-multi-round',
      'input-required-result-non-tool-request',
      'input-required-result-result-type',
      'input-required-result-tampered-state',
      'input-required-result-capability-check',
    ],
    reason: NOBODY_TO_ASK,
  },
  {
    era: 'legacy',
    isolation: 'shared',
    scenarios: ['tools-call-with-logging'],
    reason:
      'A log message has no field for its request, and stdio is one stream for all. Once several clients have used the server, nothing ' +
      'tells whose a message is, so none of them is shown it. With a process for each client it is delivered.',
  },
  {
    era: 'modern',
    behind: 'legacy',
    isolation: 'session',
    scenarios: ['input-required-result-basic-elicitation'],
    reason:
      'The scenario wants the question under the key `user_name`. A question of a legacy server has no key; Switchboard gives ' +
      'it one of its own.',
  },
  {
    era: 'modern',
    behind: 'legacy',
    scenarios: ['server-stateless'],
    checks: ['sep-2575-server-rejects-undeclared-capability', 'sep-2575-missing-capability-http-400'],
    reason:
      'Two checks want the error -32021, which names the capability that a request needs. The legacy era has no such error: a ' +
      'server that cannot ask answers as it likes.',
  },
  {
    era: 'legacy',
    scenarios: ['server-sse-polling'],
    reason:
      'Where nothing comes before the answer, Switchboard answers with JSON. There is no stream to resume then, and the suite ' +
      'checks nothing.',
  },
];

const { values: options } = parseArgs({
  options: {
    era: { type: 'string', default: 'legacy' },
    behind: { type: 'string' },
    isolation: { type: 'string', default: 'session' },
    direct: { type: 'boolean', default: false },
    scenario: { type: 'string' },
    all: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    cluster: { type: 'string' },
    'no-keep-alive': { type: 'boolean', default: false },
  },
});
const { era, behind = era, isolation } = options;
for (const [flag, value] of Object.entries({ era, behind })) {
  if (!Object.hasOwn(eras, value)) throw new Error(`--${flag} is legacy or modern, not ${value}`);
}
if (!isolations.includes(isolation)) throw new Error(`--isolation is session or shared, not ${isolation}`);
if (options.write && !options.all) throw new Error('--write needs --all');
const { cluster, 'no-keep-alive': noKeepAlive } = options;
if (cluster === undefined ? noKeepAlive : options.write) {
  throw new Error(
    `${noKeepAlive ? '--no-keep-alive' : '--write'} does not go with${noKeepAlive ? 'out' : ''} --cluster`,
  );
}

const flagsFor = (pair) => [
  '--transport',
  'http',
  // A scenario waits 600 ms for an answer: servers are started before.
  ...`--isolation ${pair.isolation} --warm ${pair.isolation === 'session' ? 4 : 0} --rate-limit unlimited --max-connections 200`.split(
    ' ',
  ),
  '--',
  process.execPath,
  eras[pair.behind].server,
];

const cli = ['packages/switchboard/dist/cli/main.js', 'serve', '--port', '0'];
const startSwitchboard = (pair) =>
  cluster === undefined
    ? serve(process.execPath, [...cli, ...flagsFor(pair)], { cwd: root })
    : serveCluster(flagsFor(pair), { balancer: cluster, keepAlive: !noKeepAlive });

/** Serves, runs the suite, ends the server: the checks by scenario, and what the server logged. */
async function suiteAgainst(start, version, scenario) {
  const { url, stop, output } = await start();
  try {
    return { checks: await runSuite(url, version, scenario), log: output.stderr };
  } finally {
    await stop();
  }
}

const scenariosOf = new Map();
async function scenarios(which) {
  if (!scenariosOf.has(which)) {
    const known = await listScenarios(eras[which].version);
    const listed = notApplicable.filter((entry) => entry.era === which).flatMap((entry) => entry.scenarios);
    const named = options.scenario ? [options.scenario] : [];
    for (const name of [...listed, ...named]) {
      if (!known.includes(name)) throw new Error(`${eras[which].version} has no scenario ${name}`);
    }
    scenariosOf.set(which, options.scenario ? named : known);
  }
  return scenariosOf.get(which);
}

/** What the checks of a scenario come to: `pass`, `FAIL` or `n/a`, with the entry that says why not, and what there is to say. */
function verdict(checks = [], entry) {
  const having = (status) => checks.filter((check) => check.status === status);
  const counts = `${having('SUCCESS').length}/${having('FAILURE').length}`;
  const warnings = having('WARNING').map(({ id, errorMessage }) => `${id}: ${errorMessage}`);
  const failed = having('FAILURE');
  const notes = failed.map(({ id, errorMessage }) => `${id}: ${errorMessage}`);
  if (failed.length === 0 && having('SUCCESS').length === 0) notes.push('the suite checked nothing');

  const fails = (id) => failed.some((check) => check.id === id);
  const excused = entry?.checks ? failed.every(({ id }) => entry.checks.includes(id)) : notes.length > 0;
  const needless = entry?.checks ? entry.checks.filter((id) => !fails(id)) : notes.length === 0 ? ['it'] : [];
  if (entry && needless.length > 0) {
    const passed = needless.map((it) => `${it} is listed as not applicable, but passes`);
    return { result: 'FAIL', notes: [...notes, ...passed], warnings, counts };
  }
  if (entry && excused) return { result: entry.checks ? 'pass' : 'n/a', entry, notes: [], warnings, counts };
  return { result: notes.length > 0 ? 'FAIL' : 'pass', notes, warnings, counts };
}

const matches = (entry, pair) =>
  entry.era === pair.era &&
  (entry.behind ?? pair.behind) === pair.behind &&
  (entry.isolation ?? pair.isolation) === pair.isolation;

/** How often a scenario that failed among all others is tried alone; what fails each time has failed. */
const ALONE = 3;

/** Runs the scenarios against one pair, or the server itself: a map of scenario to verdict, and what was logged. */
async function run(start, pair, entries = []) {
  const { checks, log } = await suiteAgainst(start, eras[pair.era].version, options.scenario);
  const verdicts = new Map();
  for (const name of await scenarios(pair.era)) {
    const entry = entries.find((it) => it.scenarios.includes(name));
    let found = verdict(checks.get(name), entry);
    // The suite runs its scenarios at once and waits 600 ms for some answers, also while a server starts: what fails is tried alone.
    for (let left = options.scenario ? 0 : ALONE; left > 0 && found.result === 'FAIL'; left--) {
      found = verdict((await suiteAgainst(start, eras[pair.era].version, name)).checks.get(name), entry);
    }
    verdicts.set(name, found);
  }
  return { pair, verdicts, log };
}

const through = (pair) =>
  run(
    () => startSwitchboard(pair),
    pair,
    notApplicable.filter((entry) => matches(entry, pair)),
  );
const direct = (which) =>
  run(() => serve(process.execPath, [eras[which].server, '--http', '0'], { cwd: root }), { era: which });

const count = (runs, result) =>
  runs.flatMap(({ verdicts }) => [...verdicts.values()]).filter((it) => it.result === result).length;

const totals = (runs) =>
  `${count(runs, 'pass')} passed, ${count(runs, 'FAIL')} failed, ${count(runs, 'n/a')} not applicable`;

function report({ verdicts, log }) {
  for (const [name, { result, entry, notes, warnings }] of verdicts) {
    for (const note of notes) console.log(`${name}: FAILURE ${note}`);
    for (const warning of warnings) console.log(`${name}: WARNING ${warning}`);
    if (entry) console.log(`${name}: ${result === 'n/a' ? 'n/a' : entry.checks.join(', ')}: ${entry.reason}`);
  }
  if (count([{ verdicts }], 'FAIL') > 0) console.error(`The server's log ends with:\n${log.slice(-4000)}`);
}

function print(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => row.map((cell, column) => cell.padEnd(widths[column])).join(' | ');
  for (const row of rows) console.log(line(row).trimEnd());
}

async function runOne(pair) {
  const alone = await direct(pair.era);
  const main = options.direct ? alone : await through(pair);
  const rows = [['scenario', 'direct', ...(options.direct ? [] : ['switchboard']), 'checks passed/failed']];
  for (const [name, { result, counts }] of main.verdicts) {
    rows.push([name, alone.verdicts.get(name).result, ...(options.direct ? [] : [result]), counts]);
  }
  print(rows);
  report(main);
  return [main];
}

async function runAll() {
  const runs = [];
  for (const one of Object.keys(eras)) {
    for (const other of Object.keys(eras)) {
      for (const sharing of isolations) {
        const done = await through({ era: one, behind: other, isolation: sharing });
        console.log(`${one} scenarios, ${other} server, ${sharing}: ${totals([done])}`);
        if (count([done], 'FAIL') > 0) report(done);
        runs.push(done);
      }
    }
  }
  return runs;
}

/** The part of the page that the results make. */
function markdown(runs) {
  const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
  const columns = Object.keys(eras).flatMap((other) => isolations.map((sharing) => [other, sharing]));
  const reasons = [];
  const mark = ({ reason }) => {
    if (!reasons.includes(reason)) reasons.push(reason);
    return `(${String.fromCodePoint(97 + reasons.indexOf(reason))})`;
  };
  const warned = new Map();
  const cell = (name, { pair, verdicts }) => {
    const { result, entry, warnings } = verdicts.get(name);
    for (const warning of warnings) {
      const where = `${pair.behind} server, ${pair.isolation}`;
      const key = `\`${name}\`, ${warning}`;
      warned.set(key, [...(warned.get(key) ?? []), where]);
    }
    const said = entry ? `${result}${entry.checks ? ' but for' : ''} ${mark(entry)}` : result;
    return warnings.length > 0 ? `${said}, warned` : said;
  };
  const rows = Object.keys(eras).flatMap((one) => {
    const here = runs.filter(({ pair }) => pair.era === one);
    return [...here[0].verdicts.keys()].map((name) => [one, `\`${name}\``, ...here.map((it) => cell(name, it))]);
  });
  const heads = ['client', 'scenario', ...columns.map(([other, sharing]) => `${other} server, ${sharing}`)];
  const table = [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
  return [
    `\`@modelcontextprotocol/conformance\` ${dependencies['@modelcontextprotocol/conformance']}: ${totals(runs)}.`,
    '',
    ...table,
    '',
    'n/a, because:',
    '',
    ...reasons.map((reason) => `- ${mark({ reason })} ${reason}`),
    ...(warned.size > 0 ? ['', 'Warned, which the suite does where a SHOULD is not met:', ''] : []),
    ...[...warned].map(([warning, where]) => `- ${warning} (${where.join('; ')})`),
  ].join('\n');
}

function write(runs) {
  const text = readFileSync(page, 'utf8');
  const part = /(?<=<!-- table -->\n)[^]*(?=<!-- \/table -->)/;
  if (!part.test(text)) throw new Error(`${page.pathname} has no place for the table`);
  writeFileSync(
    page,
    text.replace(part, () => `\n${markdown(runs)}\n\n`),
  );
}

await install();
const runs = options.all ? await runAll() : await runOne({ era, behind, isolation });
if (options.write) write(runs);
const failed = count(runs, 'FAIL');
const excused = count(runs, 'n/a');
if (excused > 0) console.log(`${excused} not applicable`);
console.log(`${count(runs, 'pass')} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
