import { Commands } from './commands.ts';
import { Configuration } from './configuration.ts';
import { Compose } from './containers/compose.ts';
import { Engine, type EngineName } from './containers/engine.ts';
import { Git } from './git/git.ts';
import { Jobs } from './jobs/jobs.ts';
import { type Projects, scanProjects } from './projects/projects.ts';
import { Redactor } from './redact.ts';
import { Root } from './root.ts';

export interface EnvironmentOptions {
  /** The folder to work in; nothing outside of it is read or changed. */
  root: string;
  /** The configuration file. @default `devenv.json` in the root, if there is one */
  config?: string | undefined;
  /** Whether tools that change something are left out. @default false */
  readOnly?: boolean | undefined;
  /** The container engine. @default the first of docker and podman that answers */
  engine?: EngineName | undefined;
  /** How long one command may run that is no job, in milliseconds. @default 30000 */
  timeoutMs?: number | undefined;
  /** The environment of every program that is started. @default none */
  env?: Readonly<Record<string, string | undefined>> | undefined;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** What the tools of one server process work on. Clients that share the process share the jobs and the configuration. */
export class Environment {
  readonly root: Root;
  readonly readOnly: boolean;
  readonly configuration: Configuration;
  readonly commands: Commands;
  readonly git: Git;
  readonly engine: Engine;
  readonly compose: Compose;
  readonly jobs: Jobs;
  readonly redactor: Redactor;
  readonly timeoutMs: number;

  /** @throws {DevenvError} `PATH_NOT_FOUND` if there is no such root. */
  constructor(options: EnvironmentOptions) {
    const { config, readOnly = false, engine, timeoutMs = DEFAULT_TIMEOUT_MS, env = {} } = options;
    this.root = new Root(options.root);
    this.readOnly = readOnly;
    this.timeoutMs = timeoutMs;
    this.configuration = new Configuration(this.root, config);
    this.commands = new Commands({ env, timeoutMs });
    this.git = new Git(this.commands, this.root);
    this.engine = new Engine(this.commands, this.root, engine);
    this.compose = new Compose(this.engine, this.root);
    this.jobs = new Jobs(this.root, env);
    this.redactor = new Redactor(env);
  }

  /** The projects as they are now. */
  projects(signal: AbortSignal): Promise<Projects> {
    return scanProjects(this.root, signal);
  }

  /** Ends every program that was started. */
  async close(): Promise<void> {
    await Promise.all([this.jobs.close(), this.commands.close()]);
  }
}
