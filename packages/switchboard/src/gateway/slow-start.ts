/** What to say of a server that has not answered yet. */
import { basename } from 'node:path';

import type { UpstreamOptions } from './upstream-options.ts';

/** Programs that download what they run, with the word that makes them do so. */
const DOWNLOADERS: Readonly<Record<string, readonly string[]>> = {
  npx: [''],
  uvx: [''],
  bunx: [''],
  pnpx: [''],
  dnx: [''],
  pipx: ['run'],
  npm: ['exec', 'x'],
  pnpm: ['dlx'],
  yarn: ['dlx'],
  bun: ['x'],
  uv: ['run', 'tool'],
  docker: ['run'],
  podman: ['run'],
};

/** The program that may be downloading the server before it runs it, such as `npx`. */
export function downloaderOf(options: UpstreamOptions): string | undefined {
  if (!('command' in options)) return undefined;
  const program = basename(options.command).replace(/\.(cmd|exe|ps1)$/i, '');
  const words = Object.hasOwn(DOWNLOADERS, program) ? DOWNLOADERS[program] : undefined;
  const [first = ''] = options.args ?? [];
  return words?.some((word) => word === '' || word === first) === true ? program : undefined;
}

/** @param startTimeoutMs the option `startTimeout`. @returns which option waits longer, and why it may have to. */
export function patienceFor(options: UpstreamOptions, startTimeoutMs: number): string {
  const downloader = downloaderOf(options);
  const raise = `raise --start-timeout (startTimeout, now ${startTimeoutMs / 1000}s)`;
  return downloader === undefined
    ? `If it needs longer to start, ${raise}`
    : `${downloader} may still be downloading the package: ${raise}`;
}
