// Installs the suite and the Inspector, and finds the Node that they need. Switchboard itself
// and the servers under test run under the Node that runs these scripts.
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { run } from './processes.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);

/** Runs `npm ci` unless what package-lock.json names is installed already. */
export async function install() {
  const installed = `${here}node_modules/.package-lock.json`;
  const wanted = statSync(`${here}package-lock.json`).mtimeMs;
  if (existsSync(installed) && statSync(installed).mtimeMs >= wanted) return;
  console.log('Installing the conformance suite and the Inspector …');
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, stderr } = await run('npm', args, { cwd: here, timeout: 600_000 });
  if (code !== 0) throw new Error(`npm ci failed (${code}):\n${stderr}`);
}

/** A Node of at least 22.19: the one of the npm package for this platform, or else this very one. */
function newerNode() {
  try {
    return require.resolve(`node-${process.platform}-${process.arch}/bin/node`);
  } catch {
    const [major, minor] = process.versions.node.split('.').map(Number);
    if (major > 22 || (major === 22 && minor >= 19)) return process.execPath;
    throw new Error('No Node of at least 22.19 for this platform: run this script under one.');
  }
}

/** Runs a script of an installed package under the newer Node. */
export function runPackage(script, args, options) {
  return run(newerNode(), [`${here}node_modules/${script}`, ...args], options);
}
