/** What the admin API says, as far as the page shows it. */
import type { Point, Result } from 'mcp-switchboard-simulator';
import type { FormSchema } from '../common/fields.ts';

export interface Me {
  readonly name: string;
  readonly role: 'operator' | 'viewer' | 'auditor';
  /** Whether the audit log shows contents of messages, where it has them. */
  readonly readsContents?: boolean;
  /** Whether nobody changes anything from here. */
  readonly isReadOnly?: boolean;
  /** What each change must come with. */
  readonly csrfToken: string;
}

export interface Status {
  readonly version: string;
  readonly state: 'serving' | 'draining';
  readonly pid: number;
  readonly node: string;
  readonly startedAt: number;
  readonly memoryBytes: number;
  readonly clients: number;
  readonly connections: number;
  readonly requests: number;
  readonly parked: number;
  /** Whether callers must show a credential. */
  readonly authentication: boolean;
  /** Whether tools are served as plain HTTP too. */
  readonly rest: boolean;
  /** Where the trace system shows a trace; `{traceId}` stands for its id. */
  readonly traceUrl?: string;
  readonly maxConnections: number;
  /** Of one principal. */
  readonly maxRequestsInFlight: number;
  /** In a cluster: those that are there, oldest first. */
  readonly nodes?: readonly Node[];
}

/** A node of a cluster, as the one sees it that was asked. */
export interface Node {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly version: string;
  readonly state: 'serving' | 'draining';
  readonly startedAt: number;
  readonly self: boolean;
  /** Whether its servers are configured as those of the one that was asked. */
  readonly sameUpstreams: boolean;
}

/** What a node holds, as it says itself. */
export interface NodeFacts {
  readonly id: string;
  readonly epoch?: number;
  /** How long its lease holds unless it is renewed, in ms. */
  readonly leaseEndsInMs?: number;
  readonly owned: number;
  readonly lent: number;
  readonly storeLagMs: number;
  readonly sessions: number;
  readonly requests: number;
  readonly memoryBytes: number;
  /** By server. */
  readonly members: Readonly<Record<string, number>>;
  /** By the node that has them. */
  readonly elsewhere: Readonly<Record<string, number>>;
}

export interface Problem {
  readonly level: 'warn' | 'error';
  readonly text: string;
  readonly advice: string;
  readonly about?: { readonly kind: 'upstream' | 'session' | 'request' | 'person'; readonly id: string };
}

export interface Health {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
}

/** Columns of equal steps, oldest first. */
export interface History {
  readonly from: number;
  readonly stepMs: number;
  readonly calls: readonly number[];
  readonly errors: readonly number[];
  readonly refused: readonly number[];
  readonly p50Ms: readonly (number | null)[];
  readonly p99Ms: readonly (number | null)[];
  readonly clients: readonly number[];
  readonly sessions: readonly number[];
  readonly inFlight: readonly number[];
  readonly memoryBytes: readonly number[];
}

/** One server in the last minute, hour or day. */
export interface Load {
  readonly upstream: string;
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly perSecond: readonly number[];
}

/** What the processes of one server used; null where nothing was measured. */
export interface Usage {
  readonly from: number;
  readonly stepMs: number;
  readonly memoryBytes: readonly (number | null)[];
  /** Processor time in the time that passed: 1 is one core all the time. */
  readonly cores: readonly (number | null)[];
}

export interface Change {
  readonly nr: number;
  readonly time: number;
  readonly type: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly upstream?: string;
  /** Of an operator: the route of the admin API. */
  readonly action?: string;
  readonly text: string;
  readonly count: number;
}

export interface Session {
  /** In a cluster: the name of the node that has it. */
  readonly node?: string;
  /** What tells a client without a session apart, whose id is its address; absent of all others. */
  readonly key?: string;
  readonly id: string;
  readonly state: string;
  readonly principal: string;
  readonly upstream: string;
  readonly transport: string;
  readonly era?: string;
  readonly client?: { readonly name?: string; readonly version?: string };
  readonly version?: string;
  readonly address?: string;
  readonly userAgent?: string;
  readonly startedAt: number;
  readonly lastActivity: number;
  readonly inFlight: number;
  readonly groups: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly allowance?: { readonly limit: number; readonly remaining: number; readonly resetMs: number };
  readonly traffic?: {
    readonly messagesIn: number;
    readonly messagesOut: number;
    readonly bytesIn: number;
    readonly bytesOut: number;
    readonly latencyMs?: number;
  };
  /** How its client came back; absent where it never had to. */
  readonly returns?: {
    readonly count: number;
    readonly last: readonly { readonly time: number; readonly how: 'resumed' | 'moved' }[];
  };
}

/** A message of a session that is looked at. */
export interface SessionMessage {
  readonly nr: number;
  readonly time: number;
  readonly direction: 'in' | 'out';
  readonly kind: 'request' | 'notification' | 'result' | 'error';
  readonly name: string;
  readonly bytes: number;
}

/** What another node said last of its sessions. */
export interface NodeSessions {
  readonly node: string;
  readonly sessions: number;
  /** How many are not shown. */
  readonly leftOut: number;
  readonly error?: string;
}

/** Moments of a request's way, in ms after it was opened; `asked` and `held` are spans. */
export interface RequestTimes {
  readonly turn?: number;
  readonly server?: number;
  readonly sent?: number;
  readonly progress?: number;
  readonly answered?: number;
  /** For how long its client was asked something. */
  readonly asked?: number;
  /** For how long its answer is kept back, after `answered`. */
  readonly held?: number;
}

/** A request that is under way. */
export interface Running {
  readonly id: string;
  readonly method: string;
  readonly target?: string;
  readonly upstream: string;
  readonly session: string;
  /** The key of its client, where that has no session. */
  readonly clientKey?: string;
  readonly principal: string;
  readonly transport: string;
  readonly era: string;
  readonly state: 'queued' | 'running' | 'parked';
  readonly startedAt: number;
  readonly trace?: string;
  readonly times?: RequestTimes;
}

/** A request that has ended or was refused. */
export interface Recent {
  readonly nr: number;
  readonly time: number;
  readonly id?: string;
  readonly method: string;
  readonly target?: string;
  readonly upstream: string;
  readonly session?: string;
  readonly trace?: string;
  readonly principal: string;
  readonly transport: string;
  readonly era?: string;
  readonly ms?: number;
  readonly outcome: 'ok' | 'isError' | 'error' | 'cancelled' | 'refused';
  readonly error?: string;
  readonly times?: RequestTimes;
  readonly bytesIn?: number;
  readonly bytesOut?: number;
}

export interface Member {
  readonly slot: string;
  readonly state: string;
  readonly pid?: number;
  /** In a cluster: where it runs, if not at the node that was asked. */
  readonly node?: string;
  readonly era?: string;
  readonly version?: string;
  readonly startedAt?: number;
  readonly requests: number;
  readonly inFlight: number;
  readonly restarts: number;
  readonly lastReason?: string;
  readonly memoryBytes?: number;
  readonly cpuMs?: number;
}

export interface Upstream {
  readonly name: string;
  readonly isolation: string;
  readonly state: 'idle' | 'ready' | 'failed' | 'failing' | 'off';
  readonly reason?: string;
  readonly failing?: { readonly since: number; readonly nextTryAt?: number };
  readonly server?: { readonly name?: string; readonly version?: string };
  /** What it declared; absent before one was started. */
  readonly capabilities?: readonly string[];
  readonly running: number;
  readonly waiting: number;
  readonly members: readonly Member[];
}

export interface StderrLine {
  readonly nr: number;
  readonly time: number;
  readonly pid?: number;
  readonly line: string;
}

/** A tool as its server defines it. */
export interface Tool {
  readonly upstream: string;
  readonly name: string;
  readonly title?: string;
  readonly description: string;
  readonly inputSchema: FormSchema;
  readonly annotations?: Readonly<Record<string, unknown>>;
  /** The rule that hides it; absent where it is seen. */
  readonly hidden?: string;
}

/** What has changed in the tools of a server since they were looked at before. */
export interface ToolChange {
  readonly time: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly {
    readonly tool: string;
    readonly parts: readonly { readonly part: string; readonly before: string; readonly after: string }[];
  }[];
}

export interface Survey {
  readonly roles: readonly string[];
  readonly tools: readonly Tool[];
  readonly failed: readonly { readonly upstream: string; readonly reason: string }[];
}

/** A principal, with what its roles come to. */
export interface Person {
  readonly principal: string;
  readonly roles: readonly string[];
  readonly effective: readonly string[];
  readonly upstreams: readonly string[];
  readonly via: readonly string[];
  readonly sessions: number;
  readonly inFlight: number;
  readonly keys: number;
  readonly lastActivity?: number;
  readonly quotas?: {
    readonly rate?: {
      readonly perMinute: number;
      readonly burst: number;
      readonly remaining: number;
      readonly resetMs: number;
    };
    readonly running: { readonly now: number; readonly max?: number };
    readonly maxSessions?: number;
    readonly maxMessageBytes: number;
  };
}

/** An address that has shown wrong credentials. */
export interface Lockout {
  readonly address: string;
  readonly failures: number;
  readonly lastAt: number;
  readonly waitMs: number;
}

export interface ApiKey {
  readonly id: string;
  readonly principal: string;
  readonly roles: readonly string[];
  readonly label?: string;
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
  readonly state: 'good' | 'revoked' | 'expired';
}

/** A line of the audit log, as it was written: nothing in it needs to have the type that it should have. */
export type AuditLine = Readonly<Record<string, unknown>>;

export interface AuditPage {
  /** Newest first. */
  readonly lines: readonly AuditLine[];
  readonly before?: number;
  readonly searchedBytes: number;
  readonly redacted: readonly string[];
}

export interface Option {
  readonly name: string;
  readonly value: string | number | boolean | readonly string[];
  readonly unit?: 'ms' | 'bytes';
  /** As one writes it. */
  readonly written: string;
  readonly default: string | number | boolean;
  /** `default`, or where the value was found. */
  readonly origin: string;
  readonly describe: string;
  /** Whether it has no flag. */
  readonly secret?: boolean;
}

/** What differs, in words. */
export interface Difference {
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

/** What is to be another in the configuration file. */
export interface ConfigurationEdit {
  readonly options?: Readonly<Record<string, string | null>>;
  readonly servers?: Readonly<Record<string, 'enable' | 'disable' | 'remove'>>;
  readonly roles?: Readonly<Record<string, object | null>>;
  /** Servers of MCP clients: their ids by the names that they get. */
  readonly imports?: Readonly<Record<string, string>>;
}

/** A server of MCP clients that the configuration could have. */
export interface ImportableServer {
  /** Absent where it has the server already. */
  readonly id?: string;
  readonly name: string;
  /** Why it is not called as in the client. */
  readonly renamed?: string;
  readonly from: readonly { readonly client: string; readonly file: string; readonly line: number }[];
  /** What is started or reached, with the names of variables and headers. */
  readonly start: string;
  readonly isolation: string;
  readonly because: string;
  /** Variables that its secrets move into. */
  readonly secrets: readonly string[];
  /** What means something to the client alone. */
  readonly ignored: readonly string[];
}

/** What the MCP clients have where Switchboard runs. */
export interface Importable {
  readonly files: readonly { readonly client: string; readonly file: string; readonly servers: number }[];
  readonly servers: readonly ImportableServer[];
  readonly left: readonly {
    readonly client: string;
    readonly file: string;
    readonly line?: number;
    /** Of an entry; absent for a whole file. */
    readonly name?: string;
    readonly why: string;
  }[];
  readonly variablesFile: string;
}

/** What a reload changed, or would change. */
export interface Reloaded {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly applied: readonly string[];
  readonly restartNeeded: readonly string[];
}

export interface ConfigurationFile {
  readonly path: string;
  readonly version: string;
  /** Names of options that can be changed here. */
  readonly options: readonly string[];
  readonly disabled: readonly string[];
  readonly roles: Readonly<Record<string, object>>;
  /** Of options that can be changed here, as they stand in the file. */
  readonly values: Readonly<Record<string, string>>;
  /** Settings that are others in it than those that hold now. */
  readonly restartNeeded: readonly string[];
  /** Why it could not be read again as it is now. */
  readonly wrong?: string;
  /** The last 20, the newest first. */
  readonly revisions: readonly {
    readonly id: string;
    readonly time: number;
    readonly operator: string;
    readonly differences: readonly Difference[];
    readonly undone: boolean;
  }[];
}

export interface Configuration {
  readonly options: readonly Option[];
  readonly upstreams: readonly {
    readonly name: string;
    readonly kind: string;
    readonly at?: string;
    readonly isolation: string;
    readonly tools?: object;
  }[];
  readonly roles: Readonly<Record<string, object>>;
}

/** A run as it stands in the list. */
export interface Run {
  readonly id: string;
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
  /** While it runs: `starting`, `opening`, `running`, `draining`, `settling`. */
  readonly phase: string;
  readonly operator: string;
  readonly startedAt: number;
  /** When all clients were open, which points count from. */
  readonly openedAt?: number;
  readonly upstream: string;
  readonly options: {
    readonly clients: number;
    readonly durationMs: number;
    readonly inFlight: number;
    readonly era: string;
    readonly rate?: number;
    readonly tool?: string;
    readonly steps?: number;
  };
  /** From 0 to 1. */
  readonly done: number;
  readonly answers: number;
  readonly errors: number;
  /** Messages that went astray. */
  readonly faults: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly rate: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly error?: string;
}

/** What a run found. */
export type Found = Omit<Result, 'histogram' | 'points'>;

/** A run with its points, and once it has ended with what it found. */
export interface RunDetail extends Run {
  readonly points: readonly Point[];
  readonly result?: Found;
}
