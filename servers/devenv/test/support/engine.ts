import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folder } from './repository.ts';

const script = fileURLToPath(new URL('../fixtures/engine.mjs', import.meta.url));

/** A container as `docker inspect` tells it. */
export function dockerContainer(name: string, more: { State?: object; Labels?: object; Env?: string[] } = {}): object {
  return {
    Id: Buffer.from(name).toString('hex').padEnd(64, '0'),
    Created: '2026-01-31T08:00:00.5Z',
    Path: 'docker-entrypoint.sh',
    Args: ['postgres'],
    State: {
      Status: 'running',
      Running: true,
      OOMKilled: false,
      Pid: 4242,
      ExitCode: 0,
      Error: '',
      StartedAt: '2026-01-31T08:00:01Z',
      FinishedAt: '0001-01-01T00:00:00Z',
      ...more.State,
    },
    Image: 'sha256:6f0d3f9d',
    Name: `/${name}`,
    RestartCount: 0,
    Config: {
      Image: 'postgres:17',
      Env: more.Env ?? ['POSTGRES_PASSWORD=of-the-container'],
      Labels: more.Labels ?? {},
    },
    NetworkSettings: {
      Ports: { '5432/tcp': [{ HostIp: '127.0.0.1', HostPort: '5432' }], '9999/tcp': null },
    },
  };
}

/** A container as `podman inspect` tells it. */
export function podmanContainer(name: string, health: string): object {
  return {
    Id: Buffer.from(name).toString('hex').padEnd(64, '0'),
    State: {
      OciVersion: '1.2.0',
      Status: 'running',
      ExitCode: 0,
      OOMKilled: false,
      Error: '',
      StartedAt: '2026-01-31T09:00:01.2+01:00',
      FinishedAt: '0001-01-01T00:00:00Z',
      Healthcheck: { Status: health, FailingStreak: 0, Log: null },
    },
    Image: '6f0d3f9d',
    ImageName: 'docker.io/library/redis:8',
    Name: name,
    RestartCount: 2,
    Config: { Image: 'docker.io/library/redis:8', Labels: null },
    NetworkSettings: { Ports: {} },
  };
}

export interface EngineState {
  containers: object[];
  logs?: string;
  /** Whether `logs` runs on for ever, after it wrote down its pid. */
  hang?: boolean;
  /** The engines that do not answer. */
  down?: ('docker' | 'podman')[];
}

/** docker and podman on the PATH, with these containers. */
export class FakeEngine {
  readonly folder: string = folder();
  readonly env: Record<string, string>;

  constructor(state: EngineState) {
    const bin = join(this.folder, 'bin');
    mkdirSync(bin);
    for (const name of ['docker', 'podman']) {
      copyFileSync(script, join(bin, name));
      chmodSync(join(bin, name), 0o755);
    }
    // Without an ending, Node takes a file for what the package.json beside it says.
    writeFileSync(join(bin, 'package.json'), '{"type":"module"}');
    writeFileSync(join(this.folder, 'engine.json'), JSON.stringify(state));
    this.env = { FAKE_ENGINE: this.folder, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
  }

  /** What was asked of the engines, each as its name and its arguments. */
  get calls(): string[][] {
    const lines = readFileSync(join(this.folder, 'calls'), 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as string[]);
  }
}
