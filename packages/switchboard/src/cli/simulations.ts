/** `simulations`: puts a server of a running Switchboard under load, from there. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';

import type { LoadOrder, SimulationFacts } from '../gateway/simulations.ts';
import { asObject } from '../protocol/jsonrpc.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { shown } from '../protocol/shown.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { usageError } from './exit.ts';
import { readDuration } from './flags.ts';
import { ownCommand } from './own-command.ts';
import { duration, print, printJson, printTable } from './table.ts';

interface StartFlags extends AdminFlags {
  clients?: string;
  duration?: string;
  rate?: string;
  inFlight?: string;
  era?: string;
  tool?: string;
  args?: string;
  scenario?: string;
}

export function simulationsCommand(): Command {
  const command = new Command('simulations').description(
    'Put a server of a running Switchboard under load from there, and compare the last runs.',
  );
  command.addCommand(
    adminCommand('start', 'Start many clients of a server, in a process of their own; one run at a time.')
      .argument('<server>', 'as "switchboard upstreams" lists it')
      .option('--clients <n>', 'how many, up to 500. Default: 10')
      .option('--duration <duration>', 'how long to run, up to 10m. Default: 30s')
      .option('--rate <number>', 'calls a second of all clients, from 0.01. Default: each goes on when it is answered')
      .option('--in-flight <n>', 'concurrent calls per client, up to 16. Default: 1')
      .addOption(
        new Option('--era <era>', 'which protocol they speak. Default: legacy').choices(['legacy', 'modern', 'mixed']),
      )
      .option('--tool <name>', 'the tool to call. Default: one that gives its text back')
      .option('--args <json>', "its arguments, a template. Default: made from the tool's schema")
      .option('--scenario <file>', 'a file with weighted steps, in place of --tool')
      .action(start),
  );
  command.addCommand(
    adminCommand('list', 'List the last runs, the newest first.').action(async (flags: AdminFlags) => {
      const runs = await AdminClient.find(flags, process.env).ask<SimulationFacts[]>('GET', '/simulations');
      if (flags.json === true) printJson(runs);
      else printRuns(runs);
    }),
  );
  command.addCommand(
    adminCommand('show', 'Show one run, and what it found.')
      .argument('<run>', 'as list shows it')
      .action(async (run: string, flags: AdminFlags) => {
        const path = `/simulations/${encodeURIComponent(run)}`;
        const found = await AdminClient.find(flags, process.env).ask<SimulationFacts>('GET', path);
        if (flags.json === true) printJson(found);
        else printRun(found);
      }),
  );
  command.addCommand(
    adminCommand('stop', 'End a run early; what it has found counts.')
      .argument('<run>', 'as list shows it')
      .action(async (run: string, flags: AdminFlags) => {
        const answer = await AdminClient.find(flags, process.env).ask(
          'DELETE',
          `/simulations/${encodeURIComponent(run)}`,
        );
        if (flags.json === true) printJson(answer);
        else print(`${run} ends`);
      }),
  );
  command.addCommand(
    adminCommand('report', 'Print what a run found as an HTML page.')
      .argument('<run>', 'as list shows it')
      .option('--before <run>', 'an earlier run to show beside it')
      .action(async (run: string, { before, ...flags }: AdminFlags & { before?: string }) => {
        const query = before === undefined ? '' : `?before=${encodeURIComponent(before)}`;
        const client = AdminClient.find(flags, process.env);
        const page = await client.body(`/simulations/${encodeURIComponent(run)}/report${query}`);
        for await (const chunk of page) process.stdout.write(chunk as Buffer);
      }),
  );
  return command;
}

async function start(server: string, flags: StartFlags): Promise<void> {
  const { clients, duration: time, rate, inFlight, era, tool, args, scenario } = flags;
  if (time !== undefined) readDuration('--duration', time);
  const order = {
    upstream: server,
    clients: wholeNumber('--clients', clients),
    duration: time,
    rate: readRate(rate),
    inFlight: wholeNumber('--in-flight', inFlight),
    era: era as LoadOrder['era'],
    tool,
    arguments: args === undefined ? undefined : readObject('--args', args),
    steps: scenario === undefined ? undefined : readSteps(scenario),
  };
  const run = await AdminClient.find(flags, process.env).ask<SimulationFacts>('POST', '/simulations', order);
  if (flags.json === true) printJson(run);
  else print(`${run.id} has started; ${ownCommand()} simulations show ${run.id} says how it stands`);
}

function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text);
  throw usageError(`${flag}: expected a whole number from 1, got ${JSON.stringify(text)}`);
}

function readRate(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,6}(?:\.\d{1,6})?$/.test(text) && Number(text) >= 0.01) return Number(text);
  throw usageError(`--rate: expected a number from 0.01, such as 0.5 or 200, got ${JSON.stringify(text)}`);
}

/** What is in the steps, the server checks. */
function readSteps(path: string): LoadOrder['steps'] {
  const { steps } = readObject(path, readText(path));
  if (Array.isArray(steps)) return steps as NonNullable<LoadOrder['steps']>;
  throw usageError(`${path}: expected {"steps": [{"do": "call", "tool": "echo"}, …]}, got steps ${shown(steps)}`);
}

function readObject(what: string, text: string): Record<string, unknown> {
  const found = asObject(text);
  if (found === undefined) throw usageError(`${what}: expected a JSON object`);
  return found;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `--scenario: ${(cause as Error).message}`, cause });
  }
}

const latencies = ({ p50, p99 }: SimulationFacts): string[] =>
  [p50, p99].map((ms) => (ms === undefined ? '' : `${Math.round(ms * 10) / 10}ms`));

function printRuns(runs: readonly SimulationFacts[]): void {
  const now = Date.now();
  printTable(
    ['run', 'state', 'ago', 'server', 'clients', 'answers', 'a second', 'p50', 'p99', 'errors', 'astray'],
    runs.map((run) => [
      run.id,
      run.state,
      duration(now - run.startedAt),
      run.upstream,
      run.options.clients,
      run.answers,
      Math.round(run.rate),
      ...latencies(run),
      run.errors,
      run.faults,
    ]),
    `no run was started here; ${ownCommand()} simulations start <server> starts one`,
  );
}

function printRun(run: SimulationFacts): void {
  printRuns([run]);
  if (run.error !== undefined) print(run.error);
  for (const [name, times] of Object.entries(run.codes)) print(`${times} × ${name}`);
}
