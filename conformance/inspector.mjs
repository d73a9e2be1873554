#!/usr/bin/env node
// Runs the MCP Inspector's CLI.
//   node conformance/inspector.mjs URL --method tools/list
//   node conformance/inspector.mjs --method tools/call --tool-name NAME -- COMMAND ARGUMENTS…
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install, runPackage } from './setup.mjs';

const launcher = '@modelcontextprotocol/inspector/clients/launcher/build/index.js';

/** Runs the Inspector's CLI with `args`; its exit code is 5 when a tool answers `isError`. */
export async function inspect(args) {
  await install();
  // The Inspector keeps its settings in the home directory: it gets a fresh one for every run.
  const home = await mkdtemp(join(tmpdir(), 'inspector-'));
  try {
    const env = { ...process.env, HOME: home };
    return await runPackage(launcher, ['--cli', ...args], { env, timeout: 60_000 });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { code, stdout, stderr } = await inspect(process.argv.slice(2));
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = typeof code === 'number' ? code : 1;
}
