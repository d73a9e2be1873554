/**
 * What the processes of servers use. To measure that takes a look at the whole system, so it is done every 5 s while somebody watches, and
 * otherwise once a minute, for the charts.
 */
import { MEASURED_EVERY_MS } from '../../observe/history.ts';
import type { History } from '../../observe/history.ts';
import { ProcessTree, readProcessTree } from '../../upstreams/process-tree.ts';
import { owned } from '../../util/owned.ts';
import type { Operations, UpstreamFacts } from '../operations.ts';

export interface MemberUsageOptions {
  operations: Pick<Operations, 'upstreamsWith'>;
  history: Pick<History, 'measured' | 'usage'>;
  /** @default `/proc` */
  read?(): Promise<ProcessTree>;
  /** Monotonic, in ms. @default performance.now */
  now?(): number;
  onFault(error: unknown): void;
}

/** How old what is shown may be, in ms. */
const USAGE_MS = 5000;

export const NO_PROCESSES: ProcessTree = new ProcessTree([]);

export class MemberUsage {
  readonly #options: MemberUsageOptions;
  readonly #read: () => Promise<ProcessTree>;
  readonly #now: () => number;
  readonly #clock: NodeJS.Timeout;
  #processes = NO_PROCESSES;
  #readAt = -Infinity;
  /** The processor time of each process when it was measured last, and when that was. */
  #cpuMs: ReadonlyMap<number, number> = new Map();
  #measuredAt = -Infinity;

  constructor(options: MemberUsageOptions) {
    this.#options = options;
    this.#read = options.read ?? readProcessTree;
    this.#now = options.now ?? (() => performance.now());
    this.#clock = setInterval(() => {
      const isRecent = this.#now() - this.#readAt < MEASURED_EVERY_MS / 2;
      if (!isRecent) owned(() => this.measure(), options.onFault);
    }, MEASURED_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#clock);
  }

  /** Every upstream with what its processes use. */
  async upstreams(): Promise<UpstreamFacts[]> {
    const isFirst = this.#readAt === -Infinity;
    if (this.#now() - this.#readAt > USAGE_MS) {
      const measured = this.measure();
      // Later looks do not wait: what they show is as old as the one before.
      if (isFirst) await measured;
      else owned(() => measured, this.#options.onFault);
    }
    return this.#options.operations.upstreamsWith(this.#processes);
  }

  /** Measures now. */
  async measure(): Promise<void> {
    const { operations, history } = this.#options;
    const before = this.#measuredAt;
    const now = this.#now();
    this.#readAt = now;
    const isAnyRunning = operations.upstreamsWith(NO_PROCESSES).some(({ members }) => members.some(hasProcess));
    this.#processes = isAnyRunning ? await this.#read() : NO_PROCESSES;
    const cpuMs = new Map<number, number>();
    for (const { name, members } of operations.upstreamsWith(this.#processes)) {
      const measured = members.filter(({ memoryBytes }) => memoryBytes !== undefined);
      // Where the system does not say, and where nothing ever ran, there is nothing to draw.
      if (measured.length === 0 && (members.some(hasProcess) || !this.#wasMeasured(name))) continue;
      let used = 0;
      for (const { pid = 0, cpuMs: all = 0 } of measured) {
        cpuMs.set(pid, all);
        used += Math.max(0, all - (this.#cpuMs.get(pid) ?? 0));
      }
      history.measured(name, {
        memoryBytes: measured.reduce((sum, { memoryBytes = 0 }) => sum + memoryBytes, 0),
        // At the first look it is not known over which time it was used.
        cores: before === -Infinity ? 0 : used / (now - before),
      });
    }
    this.#cpuMs = cpuMs;
    this.#measuredAt = now;
  }

  #wasMeasured(name: string): boolean {
    return this.#options.history.usage(name, 'day').memoryBytes.some((bytes) => bytes !== null);
  }
}

const hasProcess = ({ pid }: UpstreamFacts['members'][number]): boolean => pid !== undefined;
