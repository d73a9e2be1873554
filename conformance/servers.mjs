#!/usr/bin/env node
// Runs those scenarios of the official conformance suite that need no tools of its own against each server that ships with
// Switchboard, through Switchboard. Prints a line for each and ends with `N passed, N failed`.
import { serve } from './processes.mjs';
import { install, root } from './setup.mjs';
import { runSuite } from './suite.mjs';

const cli = `${root}packages/switchboard/dist/cli/main.js`;
const program = (name, ...args) => [`${root}servers/${name}/dist/main.js`, ...args];
const servers = {
  demo: program('demo'),
  devenv: program('devenv', '--root', root),
  luno: program('luno'),
  tallyfy: program('tallyfy'),
};
const scenarios = {
  '2025-11-25': [
    'server-initialize',
    'server-session-lifecycle',
    'ping',
    'tools-list',
    'resources-list',
    'prompts-list',
    'server-sse-multiple-streams',
    'dns-rebinding-protection',
  ],
  '2026-07-28': [
    'tools-list',
    'resources-list',
    'prompts-list',
    'server-sse-multiple-streams',
    'dns-rebinding-protection',
  ],
};
const count = { passed: 0, failed: 0 };

await install();
for (const [name, command] of Object.entries(servers)) {
  const options = ['--port', '0', '--transport', 'http', '--rate-limit', 'unlimited', '--log-level', 'warn'];
  const { url, stop } = await serve(process.execPath, [cli, 'serve', ...options, '--', process.execPath, ...command]);
  for (const [version, names] of Object.entries(scenarios)) {
    for (const scenario of names) {
      const checks = (await runSuite(url, version, scenario)).get(scenario) ?? [];
      const failed = checks.filter(({ status }) => status === 'FAILURE');
      const passed = failed.length === 0 && checks.some(({ status }) => status === 'SUCCESS');
      count[passed ? 'passed' : 'failed']++;
      console.log(`${passed ? 'pass' : 'FAIL'}  ${name}, ${version}: ${scenario}`);
      if (!passed && failed.length === 0) console.log('  the suite checked nothing');
      for (const { id, errorMessage } of failed) console.log(`  ${id}: ${errorMessage}`);
    }
  }
  await stop();
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed > 0 ? 1 : 0;
