/** The time between the first client and the last process: opens, runs, drains, waits for what is left, and samples meanwhile. */
import type { Account } from './integrity.ts';
import type { Settings } from './options.ts';
import { hasProcFs } from './process-tree.ts';
import type { ProcessTree, Usage } from './process-tree.ts';
import type { Point, Result } from './result.ts';
import { newHistogram, percentile, unpack } from './stats.ts';
import type { Histogram, Tally } from './stats.ts';
import { addUp } from './sum.ts';
import { round } from './units.ts';
import type { Controls, Watcher } from './watcher.ts';
import type { WorkerPool } from './worker-pool.ts';

/** More points than these are halved. */
const MAX_POINTS = 600;
const SETTLE_POLL_MS = 50;

export class RunPhases {
  readonly #settings: Settings;
  readonly #workers: WorkerPool;
  readonly #tree: ProcessTree | undefined;
  readonly #watcher: Watcher;
  readonly #everyMs: number;
  readonly latency: Histogram = newHistogram();
  points: Point[] = [];
  measured = 0;
  seconds = 0;
  readonly self: { cpu: number; busy: number } = { cpu: 0, busy: 0 };
  #phase = 'opening';
  #timer: NodeJS.Timeout | undefined;
  #quit: () => void = () => {};
  readonly #quitted: Promise<void> = new Promise((resolve) => (this.#quit = resolve));
  #began = 0;
  #sampledAt = 0;
  #errors = 0;
  #paused = false;
  #pausedMs = 0;
  #busyTime = 0;
  #sampling = Promise.resolve();
  #usage: {
    first?: Usage | undefined;
    last?: Usage;
    peakRss: number;
    peakDescriptors: number | undefined;
    peakProcesses: number;
  } = {
    peakRss: 0,
    peakDescriptors: undefined,
    peakProcesses: 0,
  };

  constructor(settings: Settings, workers: WorkerPool, tree: ProcessTree | undefined, watcher: Watcher) {
    this.#settings = settings;
    this.#workers = workers;
    this.#tree = tree;
    this.#watcher = watcher;
    const wanted = settings.duration > 0 ? settings.duration / 120 : 500;
    this.#everyMs = Math.min(1000, Math.max(200, wanted));
  }

  get controls(): Controls {
    const workers = this.#workers;
    return {
      pause: () => this.#pause(),
      pace: async (faster) => (await workers.ask('pace', faster))[0]!,
      cut: async () => {
        await workers.ask('cut');
        return 'every connection is cut';
      },
      describe: async (client) =>
        (await workers.ask('describe', client)).find((text) => text !== undefined) ?? `no client ${client}`,
      quit: () => this.#quit(),
    };
  }

  async run(): Promise<{ tallies: Tally[]; accounts: Account[] }> {
    const { duration } = this.#settings;
    this.#usage.first = this.#look();
    this.#began = performance.now();
    this.#sampledAt = this.#began;
    this.#tick();
    await Promise.race([this.#workers.ask('open'), this.#quitted]);
    this.stop();
    await this.#sampling;
    this.#tick();
    this.#phase = 'running';
    this.#began = performance.now();
    this.#sampledAt = this.#began;
    const cpu = process.cpuUsage();
    const over = this.#workers.ask('begin');
    let timer: NodeJS.Timeout | undefined;
    const timeUp = new Promise<void>((resolve) => {
      if (duration > 0) timer = setTimeout(resolve, duration);
    });
    await Promise.race([over, timeUp, this.#quitted]);
    clearTimeout(timer);
    await this.#sampling;
    await this.#sample();
    const used = process.cpuUsage(cpu);
    this.seconds = Math.max(0.001, (performance.now() - this.#began - this.#pausedMs) / 1000);
    this.self.cpu = round((used.user + used.system) / 1e6 / this.seconds);
    this.#phase = 'draining';
    const ends = await this.#workers.ask('finish');
    this.stop();
    return { tallies: ends.map(({ tally }) => tally), accounts: ends.map(({ account }) => account) };
  }

  get pausedSeconds(): number {
    return this.#pausedMs / 1000;
  }

  /** An interval ends here, so that none is half paused. */
  async #pause(): Promise<string> {
    const turn = this.#sampling.then(async () => {
      if (this.#phase === 'running') await this.#sample();
      this.#paused = (await this.#workers.ask('pause'))[0] === true;
    });
    this.#sampling = turn;
    await turn;
    return this.#paused ? 'paused' : 'resumed';
  }

  #tick(): void {
    this.#timer = setInterval(() => {
      this.#sampling = this.#sampling.then(() => this.#sample());
    }, this.#everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Waits until what the run started has ended, and no longer than `settle`. */
  async processes(answers: number): Promise<Result['processes']> {
    const tree = this.#tree;
    const { first, peakRss, peakDescriptors, peakProcesses } = this.#usage;
    if (tree === undefined || first === undefined) return undefined;
    this.#phase = 'settling';
    const cpuMs = (this.#usage.last?.cpuMs ?? 0) - first.cpuMs;
    const deadline = performance.now() + this.#settings.settle;
    let leftovers = tree.leftovers();
    while (leftovers.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => void setTimeout(resolve, SETTLE_POLL_MS));
      leftovers = tree.leftovers();
    }
    const endRss = tree.usage().rss;
    const cpuPerAnswer = answers === 0 ? 0 : round((cpuMs * 1000) / answers);
    return { peakRss, startRss: first.rss, endRss, cpuPerAnswer, peakDescriptors, peakProcesses, leftovers };
  }

  #look(): Usage | undefined {
    if (this.#tree === undefined || !hasProcFs()) return undefined;
    const usage = this.#tree.usage();
    const most = this.#usage;
    most.peakRss = Math.max(most.peakRss, usage.rss);
    most.peakProcesses = Math.max(most.peakProcesses, usage.processes);
    if (usage.descriptors !== undefined) most.peakDescriptors = Math.max(most.peakDescriptors ?? 0, usage.descriptors);
    most.last = usage;
    return usage;
  }

  async #sample(): Promise<void> {
    const samples = await this.#workers.ask('sample');
    const before = this.#usage.last?.cpuMs;
    const usage = this.#look();
    const now = performance.now();
    const elapsed = Math.max(0.001, (now - this.#sampledAt) / 1000);
    this.#sampledAt = now;
    if (this.#paused && this.#phase === 'running') this.#pausedMs += elapsed * 1000;
    const interval = newHistogram();
    for (const { latency } of samples) interval.add(unpack(latency));
    const total = (name: 'answers' | 'errors' | 'open' | 'inFlight' | 'waiting' | 'faults'): number =>
      samples.reduce((all, sample) => all + sample[name], 0);
    const busy = Math.max(...samples.map(({ busy }) => busy));
    const [answers, errors] = [total('answers'), total('errors')];
    const point: Point = {
      at: round((now - this.#began) / 1000),
      rate: round(answers / elapsed),
      errors,
      open: total('open'),
      ...(interval.totalCount > 0 && {
        p50: percentile(interval, 50),
        p95: percentile(interval, 95),
        p99: percentile(interval, 99),
      }),
      ...(this.#paused && { paused: true }),
      ...(usage && { rss: usage.rss, cpu: round((usage.cpuMs - (before ?? usage.cpuMs)) / 1000 / elapsed) }),
      ...(usage && { processes: usage.processes }),
      ...(usage?.descriptors !== undefined && { descriptors: usage.descriptors }),
    };
    this.#errors += errors;
    if (this.#phase === 'running') {
      this.measured += answers;
      this.latency.add(interval);
      this.#busyTime += busy * elapsed;
      this.self.busy = round(this.#busyTime / point.at);
      // A rest of an interval says too little to be drawn.
      if (elapsed * 1000 > this.#everyMs / 2 || this.points.length === 0) this.points.push(point);
      if (this.points.length > MAX_POINTS) this.points = halved(this.points);
    }
    this.#watcher.progress?.({
      phase: this.#phase,
      point,
      points: this.points,
      answers: this.measured,
      errors: this.#errors,
      busy,
      faults: total('faults'),
      inFlight: total('inFlight'),
      waiting: total('waiting'),
      codes: addUp(samples.map(({ codes }) => codes)),
      done: this.#done,
      seconds: point.at,
      clients: this.#settings.clients,
    });
  }

  get #done(): number | undefined {
    const { duration, calls } = this.#settings;
    if (this.#phase === 'opening') return 0;
    const shares = [
      ...(duration > 0 ? [(performance.now() - this.#began) / duration] : []),
      ...(calls !== undefined ? [this.measured / calls] : []),
    ];
    return shares.length === 0 ? undefined : Math.min(1, Math.max(...shares));
  }
}

/** Two points as one: of what can only be seen in it, the worse. A paused one is not mixed with another. */
export function halved(points: readonly Point[]): Point[] {
  return points.flatMap((point, index) => {
    const next = points[index + 1];
    if (index % 2 === 1 || next === undefined) return index % 2 === 1 ? [] : [point];
    const errors = point.errors + next.errors;
    if (point.paused !== next.paused) {
      return [{ ...next, ...(point.paused ? next : { ...point, at: next.at }), errors }];
    }
    const latencies = (['p50', 'p95', 'p99'] as const).flatMap((name) => {
      const known = [point[name], next[name]].filter((value) => value !== undefined);
      return known.length === 0 ? [] : [[name, Math.max(...known)] as const];
    });
    return [{ ...next, ...Object.fromEntries(latencies), rate: round((point.rate + next.rate) / 2), errors }];
  });
}
