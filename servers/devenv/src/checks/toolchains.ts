import type { Commands } from '../commands.ts';
import { DevenvError } from '../errors.ts';
import type { Kind } from '../projects/manifest.ts';

export interface Toolchain {
  name: string;
  /** Whether a project of this repository needs it, or this server itself. */
  needed: boolean;
  found: boolean;
  version?: string;
}

const VERSION_TIMEOUT_MS = 10_000;

/** The programs that are asked for their version, and the kind of project that needs each. */
const PROGRAMS: readonly { name: string; args: readonly string[]; kind?: Kind; always?: boolean }[] = [
  { name: 'git', args: ['--version'], always: true },
  { name: 'node', args: ['--version'], kind: 'npm' },
  { name: 'npm', args: ['--version'], kind: 'npm' },
  { name: 'dotnet', args: ['--version'], kind: 'dotnet' },
  { name: 'python3', args: ['--version'], kind: 'python' },
  { name: 'go', args: ['version'], kind: 'go' },
  { name: 'cargo', args: ['--version'], kind: 'cargo' },
  { name: 'docker', args: ['--version'] },
  { name: 'podman', args: ['--version'] },
];

/** Asks each program for its version, in a folder; the kinds are those of the projects that are there. */
export function findToolchains(
  commands: Commands,
  { cwd, kinds }: { cwd: string; kinds: ReadonlySet<Kind> },
  signal: AbortSignal,
): Promise<Toolchain[]> {
  return Promise.all(
    PROGRAMS.map(async ({ name, args, kind, always }) => {
      const needed = always ?? (kind !== undefined && kinds.has(kind));
      const version = await versionOf(commands, name, args, cwd, signal);
      return { name, needed, found: version !== undefined, ...(version !== undefined && { version }) };
    }),
  );
}

async function versionOf(
  commands: Commands,
  name: string,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { code, output } = await commands.run(name, args, { cwd, signal, timeoutMs: VERSION_TIMEOUT_MS });
    return code === 0 ? (/\d+(?:\.\d+)+/.exec(output)?.[0] ?? output.trim().slice(0, 100)) : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DevenvError) return undefined;
    throw error;
  }
}
