/**
 * `serve --workers`: the first of several processes. It serves nobody itself. It holds the port (`node:cluster`) and the file of the store,
 * starts the workers, which are nodes of a cluster on this machine, starts another in the place of one that has ended, and hands on what is
 * meant for all: reloads and the end.
 */
import cluster from 'node:cluster';
import type { Worker as Process } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';

import type { AccessOptions } from '../gateway/access-options.ts';
import type { Settings } from '../gateway/settings.ts';
import type { UpstreamOptions } from '../gateway/upstream-options.ts';
import { createLog } from '../observe/log.ts';
import { forgetNodes } from '../peers/nodes.ts';
import { makeToken } from '../auth/token.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { isRedisUrl } from '../stores/redis-url.ts';
import { backoffMs } from '../util/backoff.ts';
import { announce } from './announcement.ts';
import type { Serving } from './announcement.ts';
import { EXIT } from './exit.ts';
import { HandedConnections } from './handed-connections.ts';
import { endOnFault } from './last-resort.ts';
import { logOptions } from './logs.ts';
import { endOnSignal } from './signals.ts';
import { workersStore } from './state-store.ts';
import type { WorkersStore } from './state-store.ts';
import { WORKER_VARIABLE } from './worker.ts';
import type { Handle, Order, Said } from './worker.ts';

export interface WorkersOptions {
  settings: Settings;
  access: AccessOptions;
  upstreams: Readonly<Record<string, UpstreamOptions>>;
  /** The descriptor of a socket that this process listens on already. */
  fd: number | undefined;
  /** Whether there are files that can be read again. */
  canReload: boolean;
}

/** One of the places for a worker. */
interface Place {
  number: number;
  process?: Process;
  serving?: Serving;
  /** When it began to serve, in ms of this process. */
  servesSince: number;
  /** Workers that have ended here in a row. */
  failures: number;
  /** Why nobody serves here now. */
  absent?: string;
  restart?: NodeJS.Timeout;
}

/** What the log says of a worker that is not there. */
interface WorkerEvent {
  type: string;
  reason: string;
  pid?: number | undefined;
  code?: string;
}

/** A worker that has served for so long is not one that cannot serve. */
const STEADY_MS = 60_000;
/** How long a worker may take to end beyond the time that its requests have. */
const END_MS = 15_000;

/** How many processes are to serve. */
export const workerCount = ({ workers }: Settings): number => (workers === 'auto' ? availableParallelism() : workers);

const nameOf = (number: number): string => `worker-${number}`;

export class Workers {
  readonly #options: WorkersOptions;
  readonly #places: readonly Place[];
  readonly #log: ReturnType<typeof createLog>;
  readonly #connections = new HandedConnections();
  /** What all of them have in common, and only they know. */
  readonly #secrets: { clusterKey: string; adminToken: string; token: string };
  #store!: WorkersStore;
  #ending: Promise<void> | undefined;
  /** Whether a worker has served, so that others can. */
  #hasServed = false;
  #onEnd: () => void = () => {};
  readonly #ended: Promise<void> = new Promise((resolve) => (this.#onEnd = resolve));

  /** @throws {SwitchboardError} `SWB_CONFIG_INVALID` naming every option that cannot be combined with several processes. */
  constructor(options: WorkersOptions) {
    const { settings } = options;
    const problems = problemsWith(settings);
    if (problems.length > 0) throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: problems.join('; ') });
    this.#options = options;
    this.#log = createLog(logOptions(settings));
    this.#places = Array.from({ length: workerCount(settings) }, (_, index) => ({
      number: index + 1,
      servesSince: Infinity,
      failures: 0,
    }));
    this.#secrets = {
      clusterKey: randomBytes(48).toString('base64'),
      adminToken: settings.adminToken || randomBytes(32).toString('base64url'),
      token: settings.token === 'auto' ? makeToken() : settings.token,
    };
  }

  /** Serves until it is told to end. @throws {SwitchboardError} `SWB_STORE_INVALID`; what else is wrong the first worker says. */
  async run(): Promise<void> {
    const { settings, canReload } = this.#options;
    this.#store = await workersStore(settings, process.env);
    // Nobody else has the file open, so whoever is noted there was killed.
    await forgetNodes(this.#store.store);
    endOnFault({
      drain: () => this.drain(),
      report: (where, error) => this.#log({ type: 'failed', where, error }),
    });
    const reload = (): void => this.#send({ order: 'reload' });
    void endOnSignal({ close: () => this.drain() }, canReload ? reload : undefined);
    cluster.setupPrimary({ stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    cluster.on('exit', (worker, code, signal) => this.#exited(worker, code, signal));
    const [first, ...others] = this.#places;
    // What is wrong with all of them is said once, by the first.
    const serving = await this.#started(first!);
    if (typeof serving === 'number') {
      process.exitCode = serving;
      await this.drain();
    } else if (this.#ending === undefined) {
      this.#announce(serving);
      for (const place of others) void this.#started(place);
    }
    await this.#ended;
    process.stdin.destroy();
  }

  /** Ends all of them, when what runs there has ended, and then this. Idempotent. */
  drain(timeoutMs?: number): Promise<void> {
    this.#ending ??= this.#end(timeoutMs).finally(() => this.#onEnd());
    return this.#ending;
  }

  async #end(timeoutMs = this.#options.settings.drainTimeout): Promise<void> {
    for (const { restart } of this.#places) clearTimeout(restart);
    const running = this.#places.flatMap(({ process: each }) => (each === undefined ? [] : [each]));
    const gone = running.map((each) => new Promise((resolve) => each.once('exit', resolve)));
    const kill = setTimeout(() => running.forEach((each) => each.process.kill('SIGKILL')), timeoutMs + END_MS);
    for (const { process: each, serving } of this.#places) {
      // One that only starts has nothing to finish.
      if (serving === undefined) each?.process.kill('SIGTERM');
      else each?.send({ order: 'drain', timeoutMs } satisfies Order, () => {});
    }
    await Promise.all(gone);
    clearTimeout(kill);
    await this.#store.close();
  }

  #send(order: Order): void {
    for (const { process: each } of this.#places) each?.send(order, () => {});
  }

  /** Starts a worker. @returns where it serves; the code that it ended with, where it ended before or could not begin. */
  #started(place: Place): Promise<Serving | number> {
    let worker: Process;
    try {
      worker = cluster.fork({ [WORKER_VARIABLE]: String(place.number) });
    } catch (error) {
      this.#notForked(place, error as Error);
      return Promise.resolve(EXIT.failed.code);
    }
    place.process = worker;
    delete place.serving;
    this.#connections.watch(worker);
    return new Promise((resolve) => {
      worker.on('error', (error) => {
        // One without a process will not say that it has ended.
        if (worker.process.pid !== undefined || place.process !== worker) return;
        delete place.process;
        this.#notForked(place, error);
        resolve(EXIT.failed.code);
      });
      worker.on('message', (said: Said, handle?: Handle) => {
        if (said.says === 'misplaced') {
          if (handle !== undefined) this.#place(said, handle);
        } else if (said.says === 'started') worker.send(this.#start(place), () => {});
        else if (said.says === 'drain') void this.drain(said.timeoutMs);
        else if (said.says === 'serves') {
          place.serving = said.serving;
          place.servesSince = performance.now();
          this.#hasServed = true;
          delete place.absent;
          this.#sendAbsent();
          this.#log({ type: 'worker.started', worker: place.number, pid: worker.process.pid });
          resolve(said.serving);
        }
      });
      worker.once('exit', (code: number | null) => resolve(code ?? EXIT.failed.code));
    });
  }

  #start({ number }: Place): Order {
    const { settings, fd } = this.#options;
    const { clusterKey, adminToken, token } = this.#secrets;
    const own: JsonObject = {
      workers: 1,
      store: this.#store.setting,
      peerListen: '127.0.0.1:0',
      nodeName: nameOf(number),
      clusterKey,
      ...(settings.adminPort !== 'off' && { adminToken }),
      ...(token !== '' && { token }),
    };
    return { order: 'start', settings: own, fd };
  }

  /** Hands a connection to the worker that has its session. */
  #place({ worker, read }: Said & { says: 'misplaced' }, handle: Handle): void {
    const place = this.#places.find(({ number, serving }) => serving !== undefined && nameOf(number) === worker);
    this.#connections.place(handle, read, place?.process);
  }

  #exited(worker: Process, code: number | null, signal: string | null): void {
    const place = this.#places.find(({ process: each }) => each?.id === worker.id);
    if (place === undefined) return;
    const { number, serving } = place;
    delete place.process;
    delete place.serving;
    if (this.#ending !== undefined || !this.#hasServed) return;
    const { pid } = worker.process;
    const reason = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
    const type = code === 0 && serving !== undefined ? 'worker.ended' : 'worker.failed';
    this.#startAgain(place, { type, pid, reason });
    forgetNodes(this.#store.store, nameOf(number)).catch((error: unknown) =>
      this.#log({ type: 'failed', where: 'workers', error: asSwitchboardError(error) }),
    );
  }

  /** There is no process: the system has none to give, or no memory for it. */
  #notForked(place: Place, cause: Error): void {
    if (this.#ending !== undefined) return;
    const { code, message: reason } = new SwitchboardError('SWB_WORKER_FAILED', { detail: cause.message, cause });
    const event = { type: 'worker.failed', code, reason };
    // Without a first one there are no others.
    if (this.#hasServed) this.#startAgain(place, event);
    else this.#log({ ...event, worker: place.number });
  }

  #startAgain(place: Place, { reason, ...event }: WorkerEvent): void {
    place.failures = performance.now() - place.servesSince > STEADY_MS ? 1 : place.failures + 1;
    place.servesSince = Infinity;
    place.absent = reason;
    const restartInMs = backoffMs(place.failures);
    this.#log({ ...event, worker: place.number, reason, restartInMs });
    this.#sendAbsent();
    place.restart = setTimeout(() => void this.#started(place), restartInMs);
  }

  /** Any worker may be asked for the status of all. */
  #sendAbsent(): void {
    const workers = this.#places.flatMap(({ number, absent: reason }) =>
      reason === undefined ? [] : [{ name: nameOf(number), reason }],
    );
    this.#send({ order: 'absent', workers });
  }

  #announce(serving: Serving): void {
    const { settings, access, upstreams } = this.#options;
    const { adminToken, token } = this.#secrets;
    const newToken = settings.token === 'auto' ? token : undefined;
    announce({ ...serving, adminToken, newToken, settings, access, upstreams });
  }
}

/** Why several processes cannot serve with these settings. */
function problemsWith({ store, transport, peerListen, sse }: Settings): string[] {
  return [
    ...(cluster.isPrimary ? [] : ['this process is itself a worker of node:cluster; leave workers out']),
    ...(transport.includes('stdio')
      ? ['only one process can have stdin and stdout; leave stdio out of transport']
      : []),
    ...(store === 'memory' ? ['they share a store, and memory is that of one process; say --store sqlite:<file>'] : []),
    ...(isRedisUrl(store) || peerListen !== ''
      ? [
          'they share a file of this machine; for nodes on Redis start several "switchboard serve", each with its own port',
        ]
      : []),
    ...(sse ? ['messages of the deprecated HTTP+SSE transport would reach the wrong process; leave sse out'] : []),
  ].map((problem) => `workers: ${problem}`);
}
