import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { DevenvError } from './errors.ts';
import type { Root } from './root.ts';

/** Where the configuration is looked for, unless `--config` names it. */
export const CONFIG_FILE = 'devenv.json';
const MAX_FILE_BYTES = 1_000_000;
const MAX_ENTRIES = 100;

/** A database, a broker or a server to reach. */
export interface Service {
  kind: 'tcp' | 'http' | 'postgres' | 'mysql' | 'redis' | 'kafka' | 'amqp' | 'nats';
  host: string;
  port: number;
  /** What to GET of a service of kind `http`. */
  path: string;
  /** Whether it is an error or only a warning when it is away. */
  required: boolean;
}

/** Something long to run. */
export interface ConfiguredTask {
  command: string[];
  directory: string;
  description?: string | undefined;
  timeoutSeconds: number;
}

/** The configuration with its defaults; README.md documents each key. */
export interface Settings {
  branches: {
    /** What branches start from and merge into. */
    base: string;
    /** Branches nobody works on directly. */
    protected: string[];
    /** How the name of a branch must begin. */
    prefixes: string[];
  };
  /** Names for parts of the repository, as globs. */
  areas: Record<string, string[]>;
  services: Record<string, Service>;
  /** Ports of this machine to look at. */
  ports: number[];
  tasks: Record<string, ConfiguredTask>;
}

const name = z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'letters, digits, dots, dashes and underscores');
const port = z.int().min(1).max(65_535);

const branches = z.strictObject({
  base: z.string().default('main').describe('What branches start from and merge into'),
  protected: z
    .array(z.string())
    .max(MAX_ENTRIES)
    .default(['main', 'master'])
    .describe('Branches nobody works on directly'),
  prefixes: z
    .array(z.string().regex(/^[\w.-]+\/$/, 'a word with a slash at its end'))
    .min(1)
    .max(MAX_ENTRIES)
    .default(['feature/', 'fix/', 'bugfix/', 'hotfix/', 'release/', 'chore/', 'docs/'])
    .describe('How the name of a branch must begin'),
});

const service = z.strictObject({
  kind: z.enum(['tcp', 'http', 'postgres', 'mysql', 'redis', 'kafka', 'amqp', 'nats']).describe('What it speaks'),
  host: z.string().max(255).default('127.0.0.1'),
  port,
  path: z.string().startsWith('/').default('/').describe('What to GET of a service of kind http'),
  required: z.boolean().default(true).describe('Whether it is an error or only a warning when it is away'),
});

const task = z.strictObject({
  command: z.array(z.string()).min(1).max(MAX_ENTRIES).describe('A program and its arguments; no shell reads them'),
  directory: z.string().default('.').describe('Where it runs, relative to the root'),
  description: z.string().max(500).optional(),
  timeoutSeconds: z.int().min(1).max(86_400).default(1_800),
});

const schema: z.ZodType<Settings> = z.strictObject({
  branches: branches.prefault({}),
  areas: z
    .record(name, z.array(z.string().min(1)).min(1).max(MAX_ENTRIES))
    .default({})
    .describe(
      'Names for parts of the repository, as globs; what no area has belongs to its project or its first folder',
    ),
  services: z.record(name, service).default({}).describe('Databases, brokers and servers to reach'),
  ports: z.array(port).max(MAX_ENTRIES).default([]).describe('Ports of this machine to look at'),
  tasks: z.record(name, task).default({}).describe('Long work to run, besides what the projects themselves define'),
});

/** The settings of the repository, from a JSON file that may be read again while the server runs. */
export class Configuration {
  readonly #root: Root;
  readonly #named: string | undefined;
  #settings: Settings = schema.parse({});
  #loadedAt: string | undefined;
  #reloads = 0;
  #lastError: string | undefined;

  /** @param file the file that the operator named; without it, `devenv.json` in the root, if there is one. */
  constructor(root: Root, file?: string) {
    this.#root = root;
    this.#named = file;
  }

  get settings(): Settings {
    return this.#settings;
  }

  get status(): { file: string; found: boolean; loadedAt?: string; reloads: number; lastError?: string } {
    return {
      file: this.#named ?? CONFIG_FILE,
      found: this.#loadedAt !== undefined,
      ...(this.#loadedAt !== undefined && { loadedAt: this.#loadedAt }),
      reloads: this.#reloads,
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
    };
  }

  /**
   * Reads the file. If it is not valid, what was read before stays.
   *
   * @throws {DevenvError} `CONFIG_INVALID` with every fault of the file.
   */
  async load(): Promise<void> {
    try {
      const text = await this.#read();
      this.#settings = schema.parse(text === undefined ? {} : JSON.parse(text));
      this.#loadedAt = text === undefined ? undefined : new Date().toISOString();
      this.#lastError = undefined;
    } catch (error) {
      const fault =
        error instanceof z.ZodError ? z.prettifyError(error) : String(error instanceof Error ? error.message : error);
      this.#lastError = `${this.#named ?? CONFIG_FILE}: ${fault}`;
      throw new DevenvError('CONFIG_INVALID', this.#lastError, { cause: error });
    }
  }

  /** {@link load}, counted. */
  async reload(): Promise<void> {
    await this.load();
    this.#reloads += 1;
  }

  async #read(): Promise<string | undefined> {
    let file = this.#named;
    if (file === undefined) {
      file = await this.#root.existing(CONFIG_FILE).catch((error: unknown) => {
        if (error instanceof DevenvError && error.code === 'PATH_NOT_FOUND') return undefined;
        throw error;
      });
    }
    if (file === undefined) return undefined;
    const text = await readFile(file, 'utf8');
    if (text.length > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} characters`);
    return text;
  }
}
