/**
 * Loads that operators put a server of this gateway under, one at a time, and what the last ones found. The clients are in a process of their
 * own, which has a lower priority and can be ended: what it does costs this one no more than that many clients do.
 */
import { randomBytes } from 'node:crypto';

import { SwitchboardError } from '../protocol/errors.ts';
import { counted } from '../util/counted.ts';
import { cut } from '../util/cut.ts';
import { didYouMean } from '../util/nearest.ts';
import type { LoadDoor } from './load-door.ts';
import type { LoadPoint, LoadProgress, LoadResult, LoadRun, Simulator } from './simulator.ts';

/** What holds for every run; more is for `switchboard simulate`, which runs elsewhere. */
export const LOAD_LIMITS = { clients: 500, durationMs: 600_000, rate: 10_000, inFlight: 16, steps: 50 } as const;
/** How many runs are kept, the one under way among them. */
export const MAX_RUNS = 10;
/** How many points of one are kept: those of the longest run, and more. */
const MAX_POINTS = 700;
/** How many names of errors are shown while it runs, and how long each name may be that a server or an operator chose. */
const MAX_CODES = 20;
const MAX_NAME_CHARS = 200;
/** How long a run may take beyond its duration: its clients open before, and its last calls end after. */
const GRACE_MS = 60_000;
const CALL_TIMEOUT = '10s';

/** Who the clients of a run are: one principal, with a name that nobody can know before. */
export const principalOf = (id: string): string => `simulation ${id}`;

/** What an operator asks for. */
export interface LoadOrder {
  upstream: string;
  /** @default 10 */
  clients?: number | undefined;
  /** In ms. @default 30 s */
  duration?: number | undefined;
  /** Calls a second of all clients. @default each goes on when it is answered */
  rate?: number | undefined;
  /** Concurrent calls per client. @default 1 */
  inFlight?: number | undefined;
  /** @default 'legacy' */
  era?: 'legacy' | 'modern' | 'mixed' | undefined;
  /** @default one that gives its text back, or the list of tools */
  tool?: string | undefined;
  /** Of the tool, a template. @default made from its schema */
  arguments?: Readonly<Record<string, unknown>> | undefined;
  /** Weighted steps in place of a tool. */
  steps?: readonly Readonly<Record<string, unknown>>[] | undefined;
}

/** What was asked for, with the defaults. */
export interface SimulationOptions {
  clients: number;
  durationMs: number;
  inFlight: number;
  era: 'legacy' | 'modern' | 'mixed';
  rate?: number;
  tool?: string;
  /** How many there are in place of a tool. */
  steps?: number;
}

/** A run as it stands in the list. */
export interface SimulationFacts {
  id: string;
  state: 'running' | 'done' | 'stopped' | 'failed';
  /** While it runs: `starting`, `opening`, `running`, `draining`, `settling`. */
  phase: string;
  operator: string;
  /** In ms since 1970. */
  startedAt: number;
  /** When all clients were open, which the points count from; absent before. */
  openedAt?: number;
  upstream: string;
  options: Readonly<SimulationOptions>;
  /** From 0 to 1. */
  done: number;
  answers: number;
  errors: number;
  /** Messages that went astray: crossed, lost, doubled or out of order. */
  faults: number;
  /** Errors by their names, the most frequent ones. */
  codes: Readonly<Record<string, number>>;
  /** The rate and latencies in ms, now or of the whole run. */
  rate: number;
  p50?: number;
  p99?: number;
  /** Why there is no result. */
  error?: string;
}

interface Simulation {
  facts: SimulationFacts;
  points: LoadPoint[];
  result?: LoadResult;
  /** Whether it is to end early. */
  isStopped: boolean;
  /** Goes on without the server having started. */
  hurry?: () => void;
  run?: LoadRun;
  /** Ends what was stopped and has not ended. */
  deadline?: NodeJS.Timeout;
}

export interface SimulationsOptions {
  /** Loads the simulator. @throws {SwitchboardError} `SWB_NOT_FOUND` where it is not there */
  simulator(): Promise<Simulator>;
  /** @throws {SwitchboardError} `SWB_NOT_FOUND` */
  checkUpstream(name: string): void;
  /** How many more clients can connect now. */
  freePlaces(): number;
  /** How many requests all clients of a run may have running, `maxRequestsInFlight`: they are one principal. */
  maxInFlight(): number;
  /** Starts a server, or sees that it runs; a rejection says why it does not. */
  startServer(name: string): Promise<unknown>;
  openDoor(load: { id: string; upstream: string; max: number }): Promise<LoadDoor>;
}

export class Simulations {
  readonly #options: SimulationsOptions;
  /** The newest first. */
  #all: Simulation[] = [];
  #current: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: SimulationsOptions) {
    this.#options = options;
  }

  /** The newest first. */
  list(): SimulationFacts[] {
    return this.#all.map(({ facts }) => facts);
  }

  /** @throws {SwitchboardError} `SWB_NOT_FOUND` */
  get(id: string): SimulationFacts & { points: readonly LoadPoint[]; result?: object } {
    const { facts, points, result } = this.#find(id);
    // The histogram is for the report alone.
    const { histogram: _, points: __, ...shown } = (result ?? {}) as Record<string, unknown>;
    return { ...facts, points, ...(result !== undefined && { result: shown }) };
  }

  /** Whether a principal is the clients of a run that is kept. */
  isPrincipal(name: string): boolean {
    return this.#all.some(({ facts }) => principalOf(facts.id) === name);
  }

  /** Its points so far; undefined where there is no such run. */
  pointsOf(id: string): readonly LoadPoint[] | undefined {
    return this.#all.find(({ facts }) => facts.id === id)?.points;
  }

  /**
   * Starts one.
   *
   * @throws {SwitchboardError} `SWB_OVERLOADED` while another runs, or where it would take the places of others; `SWB_NOT_FOUND`
   */
  async start(order: LoadOrder, operator: string): Promise<SimulationFacts> {
    const { upstream, clients = 10, inFlight = 1 } = order;
    this.#options.checkUpstream(upstream);
    if (this.#isClosed) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    const running = this.#all.find(({ facts }) => facts.state === 'running');
    if (running !== undefined) {
      const detail = `the run ${running.facts.id} of ${running.facts.operator} is under way; only one run at a time: stop it, or wait for its end`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail });
    }
    const free = Math.floor(this.#options.freePlaces() / 2);
    if (clients > free) {
      const detail = `${clients} clients; a run may have half of the places that are free (maxConnections), which is ${free} now`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail });
    }
    const max = this.#options.maxInFlight();
    if (clients * inFlight > max) {
      const detail = `${clients} clients with ${counted(inFlight, 'call')} in flight each are ${clients * inFlight}; all clients of a run are one principal, which may have ${max} (maxRequestsInFlight)`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail });
    }
    const simulation = newSimulation(order, operator);
    // None goes before it is known that this one starts.
    this.#all = [simulation, ...this.#all];
    try {
      // Before anything is opened, so that where there is no simulator that is the answer.
      const simulator = await this.#options.simulator();
      this.#all = this.#all.slice(0, MAX_RUNS);
      this.#current = this.#run(simulator, simulation, order);
    } catch (error) {
      this.#all = this.#all.filter((each) => each !== simulation);
      throw error;
    }
    return simulation.facts;
  }

  /**
   * Ends a run early; what it has found counts. Where its process goes on for a minute more, that is ended. Nothing for one that has ended.
   *
   * @throws {SwitchboardError} `SWB_NOT_FOUND`
   */
  stop(id: string): void {
    const simulation = this.#find(id);
    if (simulation.facts.state !== 'running' || simulation.isStopped) return;
    simulation.isStopped = true;
    simulation.hurry?.();
    if (simulation.run !== undefined) quit(simulation, simulation.run);
  }

  /**
   * What a run found, as an HTML page that needs nothing else.
   *
   * @param before an earlier run that it is shown beside.
   * @throws {SwitchboardError} `SWB_NOT_FOUND`, also where one of them has no result.
   */
  async report(id: string, before?: string): Promise<string> {
    const results = [...(before === undefined ? [] : [before]), id].map((each) => {
      const { result, facts } = this.#find(each);
      if (result !== undefined) return result;
      const why = facts.state === 'running' ? 'it is still running' : 'it failed';
      throw new SwitchboardError('SWB_NOT_FOUND', { detail: `the run ${each} has no result: ${why}` });
    });
    return (await this.#options.simulator()).reportOf(results);
  }

  /** Ends what runs at once. Resolves when it has ended. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { run, hurry } of this.#all) {
      hurry?.();
      run?.kill();
    }
    await this.#current;
  }

  #find(id: string): Simulation {
    const found = this.#all.find(({ facts }) => facts.id === id);
    if (found !== undefined) return found;
    const known = this.list().map((each) => each.id);
    const detail = `there is no run ${JSON.stringify(id)}; the last ${MAX_RUNS} are kept.${didYouMean(id, known)}`;
    throw new SwitchboardError('SWB_NOT_FOUND', { detail });
  }

  /** Never rejects. */
  async #run(simulator: Simulator, simulation: Simulation, order: LoadOrder): Promise<void> {
    const { id, upstream } = simulation.facts;
    let door: LoadDoor | undefined;
    let watchdog: NodeJS.Timeout | undefined;
    try {
      const { clients = 10, duration = 30_000 } = order;
      await this.#startServer(simulation);
      if (this.#isClosed || simulation.isStopped) throw new Error('it was ended before its server had started');
      // The first client, which looks what is there, is one more.
      door = await this.#options.openDoor({ id, upstream, max: clients + 1 });
      const plan = { url: door.url, headers: door.headers, options: optionsOf(order), steps: order.steps };
      const run = simulator.runInChild(plan, (progress) => follow(simulation, progress));
      simulation.run = run;
      if (this.#isClosed) run.kill();
      if (simulation.isStopped) quit(simulation, run);
      watchdog = setTimeout(() => run.kill(), duration + GRACE_MS);
      const result = await run.result;
      simulation.result = withShortNames(result);
      finish(simulation, simulation.result);
    } catch (error) {
      simulation.facts = { ...simulation.facts, state: 'failed', phase: 'ended', error: (error as Error).message };
    } finally {
      clearTimeout(watchdog);
      clearTimeout(simulation.deadline);
      delete simulation.run;
      door?.close();
    }
  }

  /**
   * A server may take longer to start than a client waits for an answer. What is wrong with it the first client sees for itself.
   * Resolves at once where the run is ended.
   */
  async #startServer(simulation: Simulation): Promise<void> {
    const started = this.#options.startServer(simulation.facts.upstream).catch(() => {});
    const ended = new Promise<void>((resolve) => (simulation.hurry = resolve));
    if (!this.#isClosed && !simulation.isStopped) await Promise.race([started, ended]);
    delete simulation.hurry;
  }
}

/** Ends a run politely, and its process when that takes too long. */
function quit(simulation: Simulation, run: LoadRun): void {
  run.quit();
  simulation.deadline = setTimeout(() => run.kill(), GRACE_MS);
  simulation.deadline.unref();
}

function newSimulation(order: LoadOrder, operator: string): Simulation {
  const { upstream, clients = 10, duration = 30_000, rate, inFlight = 1, era = 'legacy', tool, steps } = order;
  const options = {
    clients,
    durationMs: duration,
    inFlight,
    era,
    ...(rate !== undefined && { rate }),
    ...(tool !== undefined && { tool }),
    ...(steps !== undefined && { steps: steps.length }),
  };
  const facts: SimulationFacts = {
    id: randomBytes(6).toString('hex'),
    state: 'running',
    phase: 'starting',
    operator,
    startedAt: Date.now(),
    upstream,
    options,
    done: 0,
    answers: 0,
    errors: 0,
    faults: 0,
    codes: {},
    rate: 0,
  };
  return { facts, points: [], isStopped: false };
}

/** As the command line of the simulator has them. */
function optionsOf(order: LoadOrder): Record<string, string> {
  const { clients = 10, duration = 30_000, rate, inFlight = 1, era = 'legacy', tool, arguments: args } = order;
  return {
    clients: String(clients),
    duration: `${duration}ms`,
    inFlight: String(inFlight),
    era,
    timeout: CALL_TIMEOUT,
    ...(rate !== undefined && { rate: String(rate) }),
    ...(tool !== undefined && { tool }),
    ...(args !== undefined && { args: JSON.stringify(args) }),
    // What this process and its servers use is known there.
    ...(process.platform === 'linux' && { pid: String(process.pid) }),
  };
}

/** Takes what a run says of itself into the facts. */
function follow(simulation: Simulation, progress: LoadProgress): void {
  const { phase, point, answers, errors, faults, codes, done } = progress;
  const { facts, points } = simulation;
  const isOpen = phase === 'running';
  if (isOpen && points.length < MAX_POINTS) points.push(point);
  simulation.facts = {
    ...facts,
    phase,
    answers,
    errors,
    faults,
    codes: mostFrequent(codes),
    rate: point.rate,
    ...(isOpen && facts.openedAt === undefined && { openedAt: Date.now() - Math.round(point.at * 1000) }),
    done: done ?? facts.done,
    ...(point.p50 !== undefined && { p50: point.p50 }),
    ...(point.p99 !== undefined && { p99: point.p99 }),
  };
}

/** What is shown of it is from now on what it was overall. */
function finish(simulation: Simulation, result: LoadResult): void {
  const { rate, latency, answers, errorCount, integrity, errors } = result;
  const { crossed, lost, doubled, disordered } = integrity;
  simulation.facts = {
    ...simulation.facts,
    state: simulation.isStopped ? 'stopped' : 'done',
    phase: 'ended',
    done: 1,
    rate,
    p50: latency.p50,
    p99: latency.p99,
    answers,
    errors: errorCount,
    codes: mostFrequent(errors),
    faults: crossed + lost + doubled + disordered,
  };
}

/** Servers and operators choose names; ten results are kept. */
function withShortNames(result: LoadResult): LoadResult {
  const { server, steps } = result;
  const errors = new Map<string, number>();
  for (const [name, times] of Object.entries(result.errors)) {
    const short = cut(name, MAX_NAME_CHARS);
    errors.set(short, (errors.get(short) ?? 0) + times);
  }
  return {
    ...result,
    errors: Object.fromEntries(errors),
    ...(server !== undefined && { server: cut(server, MAX_NAME_CHARS) }),
    ...(steps !== undefined && { steps: steps.map((step) => ({ ...step, name: cut(step.name, MAX_NAME_CHARS) })) }),
  };
}

/** A server says what its errors are called. */
const mostFrequent = (codes: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(codes)
      .toSorted(([, one], [, other]) => other - one)
      .slice(0, MAX_CODES)
      .map(([name, times]) => [cut(name, MAX_NAME_CHARS), times]),
  );
