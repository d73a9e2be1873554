/** `doctor`: looks for what would keep Switchboard from serving, before somebody else finds it. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { freemem, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { Command } from 'commander';

import type { AccessOptions } from '../gateway/access-options.ts';
import { readSettings } from '../gateway/options.ts';
import type { Settings } from '../gateway/settings.ts';
import { PRODUCT } from '../gateway/product.ts';
import type { CommandUpstream, UpstreamOptions } from '../gateway/upstream-options.ts';
import { asSwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { omit } from '../util/omit.ts';
import { checkCluster } from './check-cluster.ts';
import { checkUpstreams } from './check-upstreams.ts';
import type { Finding } from './check-upstreams.ts';
import { commandUpstream, withEnvFlag } from './command-upstream.ts';
import { readConfigFiles } from './config.ts';
import { settingsFromEnvironment } from './environment.ts';
import { EXIT } from './exit.ts';
import { unservedByRoles } from './roles.ts';
import { runFiles } from './run-file.ts';
import { configFiles, withConfigFlag } from './sources.ts';
import { clean, printJson, printTable, size } from './table.ts';

const LEAST_NODE = [20, 19] as const;
const LEAST_MEMORY_BYTES = 256 * 1024 * 1024;
/** What a client and a member need: sockets, pipes, and something to spare. */
const FILES_PER_CLIENT = 8;
const SPARE_FILES = 256;
const GUARD = 'switchboard-orphan-guard';

const HELP = `
Examples:
  switchboard doctor                              this machine
  switchboard doctor --config switchboard.json    and the file and every server in it
  switchboard doctor -- node server.js            and one server

It ends with 0 when nothing failed, else with the code of the first thing that did: 3 config, 5 unreachable for a server,
4 listen for the port, 1 for the rest.`;

export const doctorCommand = (): Command =>
  withConfigFlag(withEnvFlag(new Command('doctor')), 'a configuration file; also SWITCHBOARD_CONFIG')
    .description('Check this machine, the configuration, each server and the port for problems.')
    .argument('[command...]', 'the command of a stdio MCP server, after --')
    .option('--json', 'print the findings as JSON')
    .passThroughOptions()
    .addHelpText('after', HELP)
    .action(doctor);

async function doctor(
  words: string[],
  { config, env, json }: { config: string[]; env: string[]; json?: boolean },
): Promise<void> {
  const findings: Finding[] = [checkNode(), checkMemory()];
  const files = configFiles(config, process.env);
  const configured = readAll(files, commandUpstream(words, env, process.env));
  findings.push(await checkFiles(configured.settings), await checkOrphans());
  if (configured.problem !== undefined) {
    findings.push({ check: 'configuration', state: 'failed', detail: configured.problem, exit: 'config' });
  } else {
    const names = Object.keys(configured.upstreams);
    const detail =
      names.length > 0
        ? `${files.length === 0 ? 'the command' : files.join(', ')}: ${names.join(', ')}`
        : configured.disabled.length > 0
          ? `every server in ${files.join(', ')} is disabled: ${configured.disabled.join(', ')}`
          : files.length > 0
            ? `there is no server in ${files.join(', ')}`
            : 'no file and no command was given';
    findings.push({ check: 'configuration', state: names.length === 0 && files.length > 0 ? 'warning' : 'ok', detail });
    findings.push(...checkRoles(configured));
    if (names.length > 0) findings.push(...(await checkUpstreams(configured)));
  }
  findings.push(...(await checkCluster(configured.settings)), await checkPort(configured.settings));
  if (json === true) printJson(findings.map((finding) => omit({ ...finding }, 'exit')));
  else printFindings(findings);
  const failed = findings.find(({ state }) => state === 'failed');
  if (failed !== undefined) process.exitCode = EXIT[failed.exit ?? 'failed'].code;
}

interface Configured {
  input: JsonObject;
  settings: Settings;
  upstreams: Record<string, UpstreamOptions>;
  access: AccessOptions;
  disabled: readonly string[];
  problem?: string;
}

function readAll(files: readonly string[], command: CommandUpstream | undefined): Configured {
  const nothing = { upstreams: {}, access: {}, disabled: [] };
  const defaults: Configured = { input: {}, settings: readSettings({}).settings, ...nothing };
  try {
    const read = readConfigFiles(files, process.env, {});
    const { access, disabled } = read;
    const upstreams = { ...read.upstreams, ...(command !== undefined && { default: command }) };
    const input = { ...read.settings, ...settingsFromEnvironment(process.env) };
    const { settings, problems } = readSettings(input);
    if (problems.length === 0) return { input, settings, upstreams, access, disabled };
    const problem = problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    return { ...defaults, problem };
  } catch (error) {
    return { ...defaults, problem: asSwitchboardError(error).message };
  }
}

function checkRoles({ access, settings }: Configured): Finding[] {
  if (access.roles === undefined) return [];
  const detail = unservedByRoles(access, settings);
  const names = Object.keys(access.roles).join(', ');
  return [{ check: 'roles', state: detail === undefined ? 'ok' : 'warning', detail: detail ?? names }];
}

function checkNode(): Finding {
  const { node } = process.versions;
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  const isEnough = major > leastMajor || (major === leastMajor && minor >= leastMinor);
  const detail = `Switchboard ${PRODUCT.version} on Node ${node}${isEnough ? '' : `; at least ${LEAST_NODE.join('.')} is needed`}`;
  return { check: 'Node', state: isEnough ? 'ok' : 'failed', detail };
}

function checkMemory(): Finding {
  const free = freemem();
  const state = free < LEAST_MEMORY_BYTES ? 'warning' : 'ok';
  return { check: 'memory', state, detail: `${size(free)} free of ${size(totalmem())}` };
}

async function checkFiles({ maxConnections }: Settings): Promise<Finding> {
  const check = 'open files';
  if (process.platform === 'win32') return { check, state: 'ok', detail: 'Windows has no such limit' };
  const wanted = maxConnections * FILES_PER_CLIENT + SPARE_FILES;
  try {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'ulimit -n']);
    const limit = stdout.trim() === 'unlimited' ? Infinity : Number(stdout);
    if (limit >= wanted) return { check, state: 'ok', detail: `${limit} may be open` };
    const detail = `${limit} may be open; ${maxConnections} clients may need ${wanted}: raise it with ulimit -n ${wanted}`;
    return { check, state: 'warning', detail };
  } catch (error) {
    return { check, state: 'warning', detail: `the limit cannot be read: ${(error as Error).message}` };
  }
}

/** The guard of a Switchboard that was killed ends its children; one that is still there is not done, or cannot do it. */
async function checkOrphans(): Promise<Finding> {
  const check = 'orphans';
  if (process.platform === 'win32') return { check, state: 'ok', detail: 'not looked for on Windows' };
  try {
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=', '-o', 'ppid=', '-o', 'args='], {
      maxBuffer: 16 * 1024 * 1024,
    });
    const orphaned = orphanedGuards(stdout);
    if (orphaned.length === 0) return { check, state: 'ok', detail: 'no children of a Switchboard that was killed' };
    const detail = `a Switchboard was killed, and what it started is still being ended by process ${orphaned.join(', ')}`;
    return { check, state: 'warning', detail };
  } catch (error) {
    return { check, state: 'warning', detail: `processes cannot be listed: ${(error as Error).message}` };
  }
}

/** @param listing lines of process id, parent's id and command line. @returns the ids of guards whose Switchboard is gone. */
export function orphanedGuards(listing: string): number[] {
  const processes = listing.split('\n').flatMap((line) => {
    const [, pid, parent, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), args }];
  });
  const first = processes.find(({ pid }) => pid === 1);
  // In a container Switchboard may be the first process itself.
  if (first !== undefined && /node|switchboard/.test(first.args)) return [];
  return processes.flatMap(({ pid, parent, args }) => (args.endsWith(GUARD) && parent === 1 ? [pid] : []));
}

async function checkPort({ host, port, transport }: Settings): Promise<Finding> {
  const check = 'port';
  if (port === 0 || (transport.length === 1 && transport[0] === 'stdio')) {
    return { check, state: 'ok', detail: 'none is fixed' };
  }
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return { check, state: 'ok', detail: `${host}:${port} is free` };
  } catch (error) {
    const owner = runFiles(process.env).find(({ url, port: served }) => (served ?? Number(new URL(url).port)) === port);
    if (owner !== undefined) {
      return {
        check,
        state: 'ok',
        detail: `${host}:${port} is that of the Switchboard that runs, process ${owner.pid}`,
      };
    }
    return { check, state: 'failed', detail: `${host}:${port}: ${(error as Error).message}`, exit: 'listen' };
  } finally {
    server.close();
  }
}

function printFindings(findings: readonly Finding[]): void {
  const whole = findings.filter(({ state }) => state !== 'ok');
  printTable(
    ['check', 'state', 'finding'],
    findings.map(({ check, state, detail }) => [check, state, detail]),
    'nothing was looked at',
  );
  // A table cuts what is long, which here is what one wants to read.
  for (const { check, state, detail, stderr = [] } of whole) {
    const words =
      stderr.length === 0 ? [] : ['', 'The last lines that it wrote to stderr:', ...stderr.map((line) => `  ${line}`)];
    const lines = [...detail.split('\n'), ...words].map((line) => (line === '' ? '' : `  ${line}`));
    process.stderr.write(clean(`\n${state}: ${check}\n${lines.join('\n')}\n`));
  }
}
