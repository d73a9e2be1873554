/** One run, from the probe to the verdict. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename } from 'node:path';

import type { ClientGroupPlan, Target } from './client-group.ts';
import { SimulatorError } from './errors.ts';
import { reconcile } from './integrity.ts';
import type { Settings } from './options.ts';
import { probe, shownUrl } from './probe.ts';
import { ProcessTree, hasProcFs } from './process-tree.ts';
import { seeded } from './random.ts';
import type { Result } from './result.ts';
import { RunPhases } from './run-phases.ts';
import { readScenario } from './scenario.ts';
import type { StepText } from './scenario.ts';
import { pack } from './stats.ts';
import { latencyOf, sum } from './sum.ts';
import { judge } from './thresholds.ts';
import { round } from './units.ts';
import { VERSION } from './version.ts';
import type { Watcher } from './watcher.ts';
import { startWorkers } from './worker-pool.ts';

/** So busy, the simulator may be what is measured. */
const BUSY = 0.9;

/**
 * Runs many clients against an MCP endpoint, and checks whose every answer is.
 *
 * @param target where the endpoint is: a URL, or a command that each client starts for itself.
 * @param settings what {@link readSettings} gives.
 * @param watcher follows the run, and can pause, cut and end it.
 * @param script weighted steps of the clients. @default those of the file that `settings.scenario` names, or calls of one tool
 * @returns what was found; whether the thresholds of `failOn` were kept is in `verdicts`.
 * @example
 * ```ts
 * const result = await run({ url: 'ws://127.0.0.1:8765/mcp', headers: {} }, readSettings({ clients: '100', duration: '10s' }));
 * console.log(result.rate, result.latency.p99, result.integrity.crossed);
 * ```
 * @throws {SimulatorError} `SIM_UNREACHABLE` when nobody is there; `SIM_USAGE`, `SIM_SCENARIO` and `SIM_FILE` when the settings do not fit
 */
export async function run(
  target: Target,
  settings: Settings,
  watcher: Watcher = {},
  script: readonly StepText[] | undefined = settings.scenario === undefined
    ? undefined
    : readScenario(readFile(settings.scenario)),
): Promise<Result> {
  const { era, tool, args, timeout, pid } = settings;
  const { server, steps } = await probe({
    target,
    era: era === 'mixed' ? 'legacy' : era,
    tool,
    args,
    timeoutMs: timeout,
  });
  const tree =
    'command' in target ? new ProcessTree(process.pid) : pid === undefined ? undefined : new ProcessTree(pid);
  if (tree?.begin() === false) throw new SimulatorError('SIM_USAGE', noProcess(pid));
  const plan = planOf(target, settings, script ?? steps);
  const random = seeded(settings.seed);
  const workers = startWorkers(plan, settings.threads, {
    crash: () => kill(tree?.anyChild(random)),
    talk: watcher.talk,
  });
  const at = new Date().toISOString();
  const phases = new RunPhases(settings, workers, tree, watcher);
  try {
    watcher.began?.(phases.controls, { target: shown(target), server, steps: plan.steps.map(({ do: kind }) => kind) });
    const { tallies, accounts } = await phases.run();
    const tally = sum(tallies);
    const { opening, errors, storms, ...counts } = tally;
    const errorCount = Object.values(errors).reduce((total, each) => total + each, 0);
    const processes = await phases.processes(tally.answers);
    const result: Result = {
      format: 2,
      simulator: VERSION,
      at,
      target: shown(target),
      server,
      options: optionsOf(settings),
      machine: machine(),
      ...counts,
      clients: settings.clients,
      seconds: round(phases.seconds),
      ...(phases.pausedSeconds > 0 && { paused: round(phases.pausedSeconds) }),
      rate: round(phases.measured / phases.seconds),
      latency: latencyOf(phases.latency),
      histogram: pack(phases.latency),
      opening: latencyOf(opening),
      steps: Object.entries(tally.steps).map(([name, step]) => ({ name, ...step, latency: latencyOf(step.latency) })),
      errors,
      errorCount,
      storms,
      integrity: reconcile(accounts),
      ...(processes !== undefined && { processes }),
      self: { ...phases.self, threads: settings.threads, bottleneck: phases.self.busy > BUSY },
      points: phases.points,
      verdicts: [],
    };
    return { ...result, verdicts: judge(result, settings.failOn) };
  } finally {
    phases.stop();
    await workers.close();
  }
}

function planOf(target: Target, settings: Settings, steps: ClientGroupPlan['steps']): ClientGroupPlan {
  const { clients, era, seed, chaos, inFlight, rate, calls, ramp, timeout, bigMessage } = settings;
  return {
    target,
    era,
    steps,
    seed,
    chaos,
    inFlight,
    rate,
    calls,
    rampMs: ramp,
    timeoutMs: timeout,
    bigMessageBytes: bigMessage,
    numbers: Array.from({ length: clients }, (_, index) => index + 1),
    run: randomBytes(4).toString('hex'),
  };
}

function optionsOf(settings: Settings): Record<string, string | number> {
  const { mode, clients, duration, calls, rate, inFlight, ramp, era, tool, scenario, seed, chaos, timeout } = settings;
  const storms = Object.entries(chaos).map(([name, share]) => `${name}=${round(share * 100)}%`);
  const all = {
    mode,
    clients,
    'duration in s': duration / 1000,
    calls,
    rate: rate === undefined ? undefined : round(rate),
    'in-flight': inFlight,
    'ramp in s': ramp / 1000,
    era,
    tool,
    seed,
    'timeout in s': timeout / 1000,
    scenario: scenario === undefined ? undefined : basename(scenario),
    chaos: storms.length === 0 ? undefined : storms.join(', '),
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string | number] => entry[1] !== undefined),
  );
}

const shown = (target: Target): string =>
  'url' in target ? shownUrl(target.url) : `stdio: ${basename(target.command[0] ?? '')}`;

function machine(): string {
  const cores = cpus();
  return `Node ${process.versions.node}, ${process.platform}, ${cores.length} cores${cores[0] ? ` (${cores[0].model.trim()})` : ''}`;
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SimulatorError('SIM_FILE', (cause as Error).message, cause);
  }
}

function kill(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

const noProcess = (pid: number | undefined): string =>
  hasProcFs() ? `--pid: there is no process ${pid}` : '--pid: processes can be watched on Linux only, from /proc';
