import { containerFaults, listContainers } from '../containers/containers.ts';
import type { Environment } from '../environment.ts';
import { DevenvError } from '../errors.ts';
import { readStatus } from '../git/status.ts';
import { readDisk } from './disk.ts';
import type { Finding } from './finding.ts';
import { probe, type ProbeResult } from './probe.ts';
import { findToolchains } from './toolchains.ts';

export const SECTIONS = ['toolchains', 'git', 'projects', 'services', 'ports', 'containers', 'disk'] as const;
export type Section = (typeof SECTIONS)[number];

const GIB = 1024 ** 3;

/** The check of each section. */
const CHECKS: Readonly<Record<Section, (environment: Environment, signal: AbortSignal) => Promise<Finding[]>>> = {
  async toolchains(environment, signal) {
    const { projects } = await environment.projects(signal);
    const where = { cwd: environment.root.path, kinds: new Set(projects.map(({ kind }) => kind)) };
    const toolchains = await findToolchains(environment.commands, where, signal);
    return toolchains
      .filter(({ needed, found }) => needed || found)
      .map(({ name, found, version }) => ({
        check: name,
        state: found ? 'ok' : 'error',
        detail: found
          ? `${name} ${version ?? ''}`
          : `${name} is needed here, but does not run: install it, or put it on the PATH.`,
      }));
  },

  async git({ git }, signal) {
    const { branch, changed, untracked, unmerged } = await readStatus(git, signal);
    const detail = `${branch ?? 'A commit'} is checked out; ${changed.length} files changed, ${untracked.length} untracked.`;
    const state = unmerged.length > 0 ? 'error' : 'ok';
    return [
      { check: 'git', state, detail: unmerged.length > 0 ? `${detail} ${unmerged.length} have conflicts.` : detail },
    ];
  },

  async projects(environment, signal) {
    const { projects, cycles, problems } = await environment.projects(signal);
    const findings: Finding[] = problems.map(({ manifest, message }) => ({
      check: manifest,
      state: 'error',
      detail: message,
    }));
    for (const cycle of cycles) findings.push({ check: 'cycle', state: 'warning', detail: cycle.join(' ↔ ') });
    return [...findings, { check: 'projects', state: 'ok', detail: `${projects.length} projects.` }];
  },

  async services(environment, signal) {
    const found = await probeServices(environment, signal);
    return found.map(({ name, required, reachable, detail, address }) => ({
      check: name,
      state: reachable ? 'ok' : required ? 'error' : 'warning',
      detail: `${address}: ${detail}`,
    }));
  },

  ports({ configuration }, signal) {
    return Promise.all(
      configuration.settings.ports.map(async (port): Promise<Finding> => {
        const service = { kind: 'tcp', host: '127.0.0.1', port, path: '/', required: false } as const;
        const { reachable } = await probe(service, signal);
        return { check: `port ${port}`, state: 'ok', detail: reachable ? 'Something listens.' : 'It is free.' };
      }),
    );
  },

  async containers({ engine }, signal) {
    const containers = await listContainers(engine, signal).catch((error: unknown) => {
      if (error instanceof DevenvError && error.code === 'ENGINE_UNAVAILABLE') return error;
      throw error;
    });
    if (containers instanceof DevenvError) return [{ check: 'engine', state: 'warning', detail: containers.message }];
    return containers.map((container) => {
      const faults = containerFaults(container);
      // One that ended well was meant to.
      const state =
        faults.length === 0 || (container.status === 'exited' && container.exitCode === 0) ? 'ok' : 'warning';
      return {
        check: container.name,
        state,
        detail: faults.join(' ') || `${container.status}, health ${container.health}`,
      };
    });
  },

  async disk({ root }) {
    const { freeBytes, totalBytes, low } = await readDisk(root.path);
    const detail = `${(freeBytes / GIB).toFixed(1)} GiB of ${(totalBytes / GIB).toFixed(1)} GiB are free.`;
    return [{ check: 'disk', state: low ? 'warning' : 'ok', detail }];
  },
};

/** Checks one section; what keeps it from being checked is a finding too. */
export async function checkSection(
  section: Section,
  environment: Environment,
  signal: AbortSignal,
): Promise<Finding[]> {
  try {
    return await CHECKS[section](environment, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DevenvError)
      return [{ check: section, state: 'error', detail: `${error.message} ${error.remedy}` }];
    throw error;
  }
}

export interface ServiceResult extends ProbeResult {
  name: string;
  kind: string;
  address: string;
  required: boolean;
}

/** Reaches the services of the configuration. */
export function probeServices(
  { configuration }: Environment,
  signal: AbortSignal,
  only?: string,
): Promise<ServiceResult[]> {
  const services = Object.entries(configuration.settings.services).filter(
    ([name]) => only === undefined || name === only,
  );
  return Promise.all(
    services.map(async ([name, service]) => ({
      name,
      kind: service.kind,
      address: `${service.host}:${service.port}`,
      required: service.required,
      ...(await probe(service, signal)),
    })),
  );
}
