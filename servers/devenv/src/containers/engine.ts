import type { CommandOptions, CommandResult, Commands } from '../commands.ts';
import { DevenvError } from '../errors.ts';
import type { Root } from '../root.ts';

export const ENGINES = ['docker', 'podman'] as const;
export type EngineName = (typeof ENGINES)[number];

/** The command line of Docker or Podman: the one that was chosen, else the first that answers. */
export class Engine {
  readonly #commands: Commands;
  readonly #root: Root;
  readonly #chosen: EngineName | undefined;

  constructor(commands: Commands, root: Root, chosen?: EngineName) {
    this.#commands = commands;
    this.#root = root;
    this.#chosen = chosen;
  }

  /**
   * The engine that answers, and its version. It is looked for each time, as it may be started or stopped meanwhile.
   *
   * @throws {DevenvError} `ENGINE_UNAVAILABLE` with what each said.
   */
  async find(signal: AbortSignal): Promise<{ name: EngineName; version: string }> {
    const said: string[] = [];
    for (const name of this.#chosen === undefined ? ENGINES : [this.#chosen]) {
      try {
        const args = ['version', '--format', name === 'docker' ? '{{.Server.Version}}' : '{{.Client.Version}}'];
        const { code, stdout, stderr } = await this.#run(name, args, { signal });
        if (code === 0 && stdout.trim() !== '') return { name, version: stdout.trim() };
        said.push(`${name}: ${stderr.trim().slice(0, 500) || `exit code ${code}`}`);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof DevenvError)) throw error;
        said.push(error.message);
      }
    }
    throw new DevenvError('ENGINE_UNAVAILABLE', `No container engine answers. ${said.join(' ')}`);
  }

  /**
   * Runs a command of the engine.
   *
   * @throws {DevenvError} `ENGINE_UNAVAILABLE`, or `ENGINE_FAILED` with the engine's words.
   */
  async run(args: readonly string[], options: EngineOptions): Promise<CommandResult> {
    const { name } = await this.find(options.signal);
    const result = await this.#run(name, args, options);
    if (result.code === 0 || options.anyCode === true) return result;
    const words = result.stderr.trim().slice(0, 2_000) || `exit code ${result.code}`;
    throw new DevenvError('ENGINE_FAILED', `${name} ${args[0] ?? ''}: ${words}`);
  }

  #run(name: EngineName, args: readonly string[], options: EngineOptions): Promise<CommandResult> {
    return this.#commands.run(name, args, { cwd: this.#root.path, ...options });
  }
}

export interface EngineOptions extends Omit<CommandOptions, 'cwd'> {
  /** Takes any exit code as an answer. @default false */
  anyCode?: boolean;
}
