/** What a run found, as `--json` prints and `--output` writes it; the report and the comparison are made from it. */
import type { Integrity } from './integrity.ts';
import type { Leftover } from './process-tree.ts';

/** Whether a threshold was kept. */
export interface Verdict {
  threshold: string;
  /** As a person reads it: `errors: 0.2 % (limit 1 %)`. */
  text: string;
  kept: boolean;
}

/** How long answers took, in milliseconds: extremes, mean and percentiles. */
export interface Latency {
  min: number;
  mean: number;
  p50: number;
  p75: number;
  p90: number;
  p95: number;
  p99: number;
  p999: number;
  max: number;
}

/** One interval of the run. */
export interface Point {
  /** When it ended, in seconds since the clients were open. */
  at: number;
  rate: number;
  errors: number;
  /** Latencies in milliseconds; left out where nothing was answered in the interval. */
  p50?: number;
  p95?: number;
  p99?: number;
  open: number;
  /** Whether the run was paused: the interval counts for no rate. */
  paused?: boolean;
  rss?: number;
  /** CPU of the process tree, as a share of one core. */
  cpu?: number;
  descriptors?: number;
  processes?: number;
}

/** What a run found, as `--output` writes it. */
export interface Result {
  /** The version of this format. In format 1, `integrity` was called `truth`. */
  format: 2;
  simulator: string;
  /** When it began, in ISO 8601. */
  at: string;
  /** The address without query and credentials, or the command's name. */
  target: string;
  /** How the run was asked for; values that could be secrets are left out. */
  options: Readonly<Record<string, string | number>>;
  machine: string;
  /** What the server said of itself. */
  server: string;
  clients: number;
  /** Measured, in seconds; without the time in which the run was paused. */
  seconds: number;
  /** The time in which the run was paused, in seconds; left out where it never was. */
  paused?: number;
  sent: number;
  answers: number;
  rate: number;
  latency: Latency;
  /** All latencies, as HdrHistogram writes them (V2, compressed, Base64), in µs. */
  histogram: string;
  opening: Latency;
  errors: Readonly<Record<string, number>>;
  errorCount: number;
  cut: number;
  cancelled: number;
  unsent: number;
  connects: number;
  reconnects: number;
  questions: number;
  notes: number;
  storms: Readonly<Record<string, number>>;
  steps: readonly { name: string; answers: number; errors: number; latency: Latency }[];
  integrity: Integrity;
  processes?: {
    peakRss: number;
    startRss: number;
    endRss: number;
    /** User and system time per answer, in µs. */
    cpuPerAnswer: number;
    peakDescriptors: number | undefined;
    peakProcesses: number;
    leftovers: readonly Leftover[];
  };
  /** What the simulator itself used. */
  self: {
    /** CPU of this process, as a share of one core. */
    cpu: number;
    /** The share of the time in which the busiest thread did something, or would have, had the machine let it. */
    busy: number;
    threads: number;
    /** Whether the simulator, not the server, may be what was measured. */
    bottleneck: boolean;
  };
  points: readonly Point[];
  verdicts: readonly Verdict[];
}
