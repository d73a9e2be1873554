import { realpath } from 'node:fs/promises';
import { DevenvError } from '../errors.ts';
import type { Root } from '../root.ts';
import { listContainers } from './containers.ts';
import type { Engine } from './engine.ts';
import type { Inspection } from './inspection.ts';

/** In the order in which Compose looks for them. */
const FILES = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];
const RESTART_TIMEOUT_MS = 120_000;

export interface ComposeService {
  name: string;
  /** Its containers; none if it was never started. */
  containers: Inspection[];
}

/** The compose file of the root; Compose itself would go on looking in the folders above. */
export class Compose {
  readonly #engine: Engine;
  readonly #root: Root;

  constructor(engine: Engine, root: Root) {
    this.#engine = engine;
    this.#root = root;
  }

  /** @throws {DevenvError} `COMPOSE_NOT_FOUND`, `PATH_OUTSIDE` */
  async file(): Promise<string> {
    for (const file of FILES) {
      try {
        return await this.#root.existing(file);
      } catch (error) {
        if (!(error instanceof DevenvError) || error.code !== 'PATH_NOT_FOUND') throw error;
      }
    }
    throw new DevenvError('COMPOSE_NOT_FOUND', `There is none of ${FILES.join(', ')} in the root.`);
  }

  /** The services that the file defines, each with its containers. */
  async services(signal: AbortSignal): Promise<ComposeService[]> {
    const { stdout } = await this.#engine.run([...(await this.#command()), 'config', '--services'], { signal });
    const names = stdout
      .split('\n')
      .filter((name) => name.trim() !== '')
      .sort();
    const containers = await this.#containers(signal);
    return names.map((name) => ({
      name,
      containers: containers.filter(({ labels }) => labels['com.docker.compose.service'] === name),
    }));
  }

  /**
   * Restarts the containers of a service.
   *
   * @throws {DevenvError} `SERVICE_NOT_FOUND`
   */
  async restart(service: string, signal: AbortSignal): Promise<void> {
    await this.checkService(service, signal);
    const args = [...(await this.#command()), 'restart', service];
    await this.#engine.run(args, { signal, timeoutMs: RESTART_TIMEOUT_MS });
  }

  /** @throws {DevenvError} `SERVICE_NOT_FOUND` */
  async checkService(service: string, signal: AbortSignal): Promise<void> {
    const names = (await this.services(signal)).map(({ name }) => name);
    if (names.includes(service) && !service.startsWith('-')) return;
    const there = `The compose file has ${names.join(', ') || 'none'}.`;
    throw new DevenvError('SERVICE_NOT_FOUND', `There is no service ${JSON.stringify(service)}. ${there}`);
  }

  async #command(): Promise<string[]> {
    return ['compose', '--file', await this.file(), '--project-directory', this.#root.path];
  }

  /** Those that Compose started in the root, as their labels say. */
  async #containers(signal: AbortSignal): Promise<Inspection[]> {
    const containers = await listContainers(this.#engine, signal);
    const ours = await Promise.all(
      containers.map(async ({ labels }) => {
        const folder = labels['com.docker.compose.project.working_dir'];
        return folder !== undefined && (await realpath(folder).catch(() => folder)) === this.#root.path;
      }),
    );
    return containers.filter((_, at) => ours[at]);
  }
}
