import { DevenvError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { type Inspection, inspectionSchema } from './inspection.ts';

/** A restart gives a container 10 s to stop. */
const STOP_SECONDS = 10;
const RESTART_TIMEOUT_MS = 60_000;
/** An answer carries the logs twice, and a client reads messages of at most 10 MB. */
const MAX_LOG_CHARACTERS = 256 * 1024;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/;
const SINCE = /^(\d{1,6}[smh]|\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z?)?)$/;

/** All containers of the engine, running or not. */
export async function listContainers(engine: Engine, signal: AbortSignal): Promise<Inspection[]> {
  const { stdout } = await engine.run(['ps', '--all', '--quiet', '--no-trunc'], { signal });
  const ids = stdout.split('\n').filter((id) => id !== '');
  return ids.length === 0 ? [] : inspect(engine, ids, signal);
}

/**
 * One container, by its name or id.
 *
 * @throws {DevenvError} `ARGUMENT_INVALID`, `CONTAINER_NOT_FOUND`
 */
export async function findContainer(engine: Engine, name: string, signal: AbortSignal): Promise<Inspection> {
  if (!NAME.test(name)) {
    throw new DevenvError('ARGUMENT_INVALID', `${JSON.stringify(name.slice(0, 100))} cannot name a container.`);
  }
  const [found] = await inspect(engine, [name], signal);
  if (found) return found;
  throw new DevenvError('CONTAINER_NOT_FOUND', `There is no container ${JSON.stringify(name)}.`);
}

export interface LogQuery {
  lines: number;
  /** How far back: `10m`, `2h`, or a time. */
  since?: string | undefined;
}

/**
 * The end of what a container printed, both of its streams; at most 256 Ki characters.
 *
 * @throws {DevenvError} `ARGUMENT_INVALID`
 */
export async function containerLogs(
  engine: Engine,
  id: string,
  { lines, since }: LogQuery,
  signal: AbortSignal,
): Promise<string> {
  if (since !== undefined && !SINCE.test(since)) {
    throw new DevenvError(
      'ARGUMENT_INVALID',
      `since is ${JSON.stringify(since)}: give 30s, 10m, 2h, or 2026-01-31T08:00:00Z.`,
    );
  }
  const from = since === undefined ? [] : ['--since', since];
  const { output } = await engine.run(['logs', '--tail', String(lines), ...from, id], { signal });
  return output.slice(-MAX_LOG_CHARACTERS);
}

/** Restarts a container, and gives what it is afterwards. */
export async function restartContainer(engine: Engine, id: string, signal: AbortSignal): Promise<Inspection> {
  await engine.run(['restart', '--time', String(STOP_SECONDS), id], { signal, timeoutMs: RESTART_TIMEOUT_MS });
  return findContainer(engine, id, signal);
}

/** What is wrong with a container, in words; nothing for one that runs well. */
export function containerFaults(container: Inspection): string[] {
  const { status, health, lastCheck, exitCode, outOfMemory, error, restarts, failingStreak } = container;
  const faults: string[] = [];
  if (status === 'restarting') faults.push(`It is being started again and again: ${restarts} restarts.`);
  else if (status !== 'running') faults.push(`It does not run: it is ${status}, with exit code ${exitCode}.`);
  if (health === 'unhealthy') {
    faults.push(`Its health check has failed ${failingStreak} times${lastCheck ? `; it said: ${lastCheck}` : ''}.`);
  }
  if (outOfMemory) faults.push('It was ended because it used too much memory.');
  if (error !== '') faults.push(error);
  return faults;
}

/** One that went away since it was listed is left out. */
async function inspect(engine: Engine, names: readonly string[], signal: AbortSignal): Promise<Inspection[]> {
  const args = ['inspect', '--type', 'container', ...names];
  const { code, stdout, stderr } = await engine.run(args, { signal, anyCode: true });
  const gone = /no such (container|object)/i.test(stderr);
  if (code !== 0 && !gone) throw new DevenvError('ENGINE_FAILED', `inspect: ${stderr.trim().slice(0, 2_000)}`);
  if (stdout.trim() === '') return [];
  const { data, error } = inspectionSchema.safeParse(JSON.parse(stdout));
  if (data) return data;
  throw new DevenvError(
    'ENGINE_FAILED',
    `inspect printed something unknown: ${error.issues[0]?.path.join('.') ?? ''}.`,
  );
}
