/** What a gateway needs of a simulator, so that operators can put a server under load: `mcp-switchboard-simulator` has it. */
/** What many clients do to one server. */
export interface LoadPlan {
  /** Where they connect to. */
  url: string;
  /** What each of them shows. */
  headers: Readonly<Record<string, string>>;
  /** By the names of the options of `mcp-simulate`, as written on the command line. */
  options: Readonly<Record<string, string>>;
  /** Weighted steps, as in a scenario file, in place of one tool. */
  steps?: readonly object[] | undefined;
}

/** One interval of a run. */
export interface LoadPoint {
  /** When it ended, in seconds since the clients were open. */
  at: number;
  /** Answers a second. */
  rate: number;
  errors: number;
  /** Latencies in ms; absent where nothing was answered. */
  p50?: number;
  p95?: number;
  p99?: number;
  /** Clients that are connected. */
  open: number;
  /** Memory of Switchboard and its servers, in bytes; known on Linux. */
  rss?: number;
}

/** How a run stands. */
export interface LoadProgress {
  /** `opening`, `running`, `draining`, `settling` */
  phase: string;
  point: LoadPoint;
  answers: number;
  errors: number;
  /** Messages that went astray. */
  faults: number;
  inFlight: number;
  /** From 0 to 1. */
  done: number | undefined;
  /** Errors by their names. */
  codes: Readonly<Record<string, number>>;
  /** The share of the time in which the busiest thread of the simulator did something. */
  busy: number;
}

/** What a run found, as far as a gateway looks into it; it is passed on whole. */
export interface LoadResult {
  rate: number;
  latency: { p50: number; p99: number };
  answers: number;
  errorCount: number;
  /** What the server calls itself. */
  server?: string;
  steps?: readonly { name: string }[];
  /** By their names. */
  errors: Readonly<Record<string, number>>;
  integrity: { crossed: number; lost: number; doubled: number; disordered: number };
}

/** A run that was started. */
export interface LoadRun {
  /** Rejects where there is none. */
  result: Promise<LoadResult>;
  /** Ends it early; its result counts. */
  quit(): void;
  /** Ends its process at once. */
  kill(): void;
}

/** Runs many clients in a process of its own. */
export interface Simulator {
  runInChild(plan: LoadPlan, onProgress: (progress: LoadProgress) => void): LoadRun;
  /** One result as an HTML page that needs nothing else; or an earlier and a later one, side by side. */
  reportOf(results: readonly LoadResult[]): string;
}
