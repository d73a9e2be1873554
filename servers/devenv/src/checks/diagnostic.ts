import { access, constants } from 'node:fs/promises';
import type { Environment } from '../environment.ts';
import type { Finding } from './finding.ts';

/** The first git that merges in memory. */
const OLDEST_GIT = [2, 38] as const;

export interface Check extends Finding {
  ms: number;
}

/** What this server itself needs; each check does the thing. */
const CHECKS: Readonly<
  Record<string, (environment: Environment, signal: AbortSignal) => Promise<[Finding['state'], string]>>
> = {
  async root({ root }) {
    await access(root.path, constants.R_OK);
    const writable = await access(root.path, constants.W_OK).then(
      () => true,
      () => false,
    );
    return writable ? ['ok', `${root.path} can be read and written.`] : ['warning', `${root.path} can only be read.`];
  },

  async configuration({ configuration }) {
    const { file, found, lastError } = configuration.status;
    if (lastError !== undefined) return ['error', `${lastError} The former configuration is in force.`];
    return ['ok', found ? `${file} is in force.` : `There is no ${file}: the defaults are in force.`];
  },

  async git({ git }, signal) {
    const text = (await git.text(['version'], { signal })).trim();
    const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(text)?.map(Number) ?? [];
    const old = major < OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor < OLDEST_GIT[1]);
    return old ? ['error', `${text} is too old for merge_preview: it takes ${OLDEST_GIT.join('.')}.`] : ['ok', text];
  },

  async repository({ git }, signal) {
    const commit = await git.findCommit('HEAD', signal);
    if (commit === undefined) return ['warning', 'It has no commit yet.'];
    const found = `HEAD is ${commit.slice(0, 10)}.`;
    return (await git.isShallow(signal)) ? ['warning', `${found} The clone is shallow.`] : ['ok', found];
  },

  async programs({ git, readOnly }, signal) {
    const names = await git.programs(signal);
    if (names.length === 0) return ['ok', 'The configuration of git names no filter and no merge driver.'];
    const when = readOnly ? 'They never run' : 'They run for a checkout and a merge only';
    return ['ok', `${when}, so files that need them may count as changed: ${names.join(', ')}.`];
  },

  async engine({ engine }, signal) {
    const { name, version } = await engine.find(signal);
    return ['ok', `${name} ${version} answers.`];
  },

  async processes({ commands, root }, signal) {
    const stop = new AbortController();
    const options = { cwd: root.path, signal: AbortSignal.any([signal, stop.signal]) };
    const running = commands.run(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], options);
    stop.abort(new Error('stopped'));
    const ended = await running.then(
      () => 'It ended by itself.',
      (error: unknown) => (error as Error).message,
    );
    signal.throwIfAborted();
    return ended === 'stopped' ? ['ok', 'A process can be started and ended.'] : ['error', ended];
  },

  async jobs({ jobs }) {
    const all = jobs.list();
    return ['ok', `${all.filter(({ state }) => state === 'running').length} running, ${all.length} kept.`];
  },
};

/** The names of the checks, in order. */
export const DIAGNOSTICS: readonly string[] = Object.keys(CHECKS);

/** Runs one of {@link DIAGNOSTICS}. What it throws is what it found: without an engine much still works. */
export async function diagnose(check: string, environment: Environment, signal: AbortSignal): Promise<Check> {
  const startedAt = performance.now();
  const found = await CHECKS[check]?.(environment, signal).catch((error: unknown): [Finding['state'], string] => {
    signal.throwIfAborted();
    return [check === 'engine' ? 'warning' : 'error', error instanceof Error ? error.message : String(error)];
  });
  const [state, detail] = found ?? ['error', 'There is no such check.'];
  return { check, state, detail, ms: Math.round(performance.now() - startedAt) };
}
