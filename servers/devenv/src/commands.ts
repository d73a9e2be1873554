import { setMaxListeners } from 'node:events';
import { DevenvError } from './errors.ts';
import { ProcessTree } from './process-tree.ts';

export interface CommandOptions {
  cwd: string;
  /** Ends the command, with all that it started. */
  signal: AbortSignal;
  /** Variables besides those of {@link Commands}; undefined takes one away. */
  env?: Readonly<Record<string, string | undefined>>;
  /** How long it may run. @default the limit of {@link Commands} */
  timeoutMs?: number;
  /** How much it may print. @default 16 MiB */
  maxBytes?: number;
  /** Takes what it prints on stdout, which then is not kept. */
  onStdout?: (chunk: Buffer) => void;
}

export interface CommandResult {
  /** The exit code; a command that a signal ended counts as 128. */
  code: number;
  stdout: string;
  stderr: string;
  /** Both, in the order in which they came. */
  output: string;
}

export interface CommandsOptions {
  /** The environment of the commands. */
  env: Readonly<Record<string, string | undefined>>;
  /** How long one command may run. */
  timeoutMs: number;
}

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_RUNNING = 8;
const MAX_WAITING = 256;

/** Runs programs to their end: at most 8 at once, with at most 256 waiting; each limited in time and output. */
export class Commands {
  readonly #options: CommandsOptions;
  readonly #running = new Set<ProcessTree>();
  readonly #waiting: (() => void)[] = [];
  #places = MAX_RUNNING;

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** The environment that the commands run in. */
  get env(): Readonly<Record<string, string | undefined>> {
    return this.#options.env;
  }

  /**
   * Resolves with whatever exit code the command had.
   *
   * @throws {DevenvError} `COMMAND_NOT_FOUND`, `TIMEOUT`, `OUTPUT_TOO_LARGE`, `OVERLOADED`
   * @throws the reason of the signal, after the command was told to end.
   */
  async run(command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
    // All commands of one call listen to its signal.
    setMaxListeners(0, options.signal);
    await this.#place(options.signal);
    try {
      options.signal.throwIfAborted();
      return await this.#run(command, args, options);
    } finally {
      this.#places += 1;
      this.#waiting.shift()?.();
    }
  }

  /** Ends what runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((tree) => tree.end()));
  }

  /** Takes one of the places, or waits for it. */
  async #place(signal: AbortSignal): Promise<void> {
    if (this.#places === 0 && this.#waiting.length >= MAX_WAITING) {
      throw new DevenvError('OVERLOADED', `${MAX_RUNNING} commands run and ${MAX_WAITING} wait, which is the most.`);
    }
    // One that is woken may find its place taken by one that came just then, and waits again.
    while (this.#places === 0) await this.#turn(signal);
    this.#places -= 1;
  }

  #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(wake), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(wake);
    });
  }

  #run(command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
    const { cwd, signal, env, timeoutMs = this.#options.timeoutMs, maxBytes = MAX_BYTES, onStdout } = options;
    const tree = new ProcessTree(command, args, { cwd, env: { ...this.#options.env, ...env } });
    this.#running.add(tree);
    const chunks: { from: 'stdout' | 'stderr'; chunk: Buffer }[] = [];
    let bytes = 0;
    return new Promise<CommandResult>((resolve, reject) => {
      const give = (error: unknown): void => {
        reject(error instanceof Error ? error : new DevenvError('INTERNAL', String(error)));
        void tree.end();
      };
      const timer = setTimeout(
        () => give(new DevenvError('TIMEOUT', `${command} was not done after ${timeoutMs} ms, and was ended.`)),
        timeoutMs,
      );
      const cancel = (): void => give(signal.reason);
      signal.addEventListener('abort', cancel, { once: true });
      for (const from of ['stdout', 'stderr'] as const) {
        tree.child[from]?.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxBytes) {
            give(new DevenvError('OUTPUT_TOO_LARGE', `${command} printed more than ${maxBytes} bytes.`));
            return;
          }
          if (from === 'stderr' || !onStdout) {
            chunks.push({ from, chunk });
            return;
          }
          try {
            onStdout(chunk);
          } catch (error) {
            give(error);
          }
        });
      }
      tree.child.once('error', (error: NodeJS.ErrnoException) => {
        const missing = error.code === 'ENOENT';
        const message = missing ? `${command} is not on the PATH.` : `${command} cannot be started: ${error.message}`;
        give(new DevenvError('COMMAND_NOT_FOUND', message, { cause: error }));
      });
      tree.child.once('close', (code) => {
        const text = (which?: string): string =>
          Buffer.concat(chunks.filter(({ from }) => !which || from === which).map(({ chunk }) => chunk)).toString();
        resolve({ code: code ?? 128, stdout: text('stdout'), stderr: text('stderr'), output: text() });
      });
      tree.child.once('close', finish);
      tree.child.once('error', finish);
      const running = this.#running;
      function finish(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', cancel);
        running.delete(tree);
      }
    });
  }
}
