// Runs the official conformance suite against an address and reads its results.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPackage } from './setup.mjs';

const suite = '@modelcontextprotocol/conformance/dist/index.js';

/** The names of every server scenario of a protocol version, the suite's "pending" ones included. */
export async function listScenarios(version) {
  const args = ['list', '--server', '--spec-version', version];
  const { code, stdout, stderr } = await runPackage(suite, args, { timeout: 30_000 });
  if (code !== 0) throw new Error(`The suite lists no scenarios (${code}):\n${stderr}`);
  return [...stdout.matchAll(/^ +- (\S+)/gm)].map(([, name]) => name);
}

/** Runs scenarios against `url`: a map of scenario name to the checks that it made. */
export async function runSuite(url, version, scenario) {
  const directory = await mkdtemp(join(tmpdir(), 'conformance-'));
  try {
    const which = scenario ? ['--scenario', scenario] : ['--suite', 'all'];
    const args = ['server', '--url', url, '--spec-version', version, ...which, '-o', directory];
    const { stdout, stderr } = await runPackage(suite, args, { timeout: 600_000 });
    const results = new Map();
    // One directory a scenario, named server-<scenario>-<time>; a scenario that broke has no file.
    for (const entry of await readdir(directory)) {
      const name = entry.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT[-\d]+Z$/, '');
      const file = join(directory, entry, 'checks.json');
      const checks = await readFile(file, 'utf8').then(JSON.parse, () => undefined);
      if (checks) results.set(name, checks);
    }
    if (results.size === 0) throw new Error(`The suite has no results:\n${stdout}${stderr}`);
    return results;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
