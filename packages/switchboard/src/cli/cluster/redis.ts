/** The Redis of a cluster that is only tried: in memory, on this machine, for its nodes alone. */
import { randomBytes } from 'node:crypto';

import { oneInstalled } from './installed.ts';
import type { Installed } from './installed.ts';
import type { Programs } from './programs.ts';

/** @throws {SwitchboardError} `SWB_COMMAND_NOT_FOUND` with what to install */
export const findRedis = (environment: NodeJS.ProcessEnv): Installed =>
  oneInstalled(['redis-server', 'valkey-server'], 'sudo apt install redis-server', environment);

/** @returns the URL for nodes, with a password that nobody else knows: it is on no command line. */
export async function startRedis({ path, name }: Installed, port: number, programs: Programs): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  const settings = [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    'save ""',
    'appendonly no',
    'maxmemory-policy noeviction',
  ];
  const { ready } = programs.start(name, path, ['-'], {
    input: `${settings.join('\n')}\n`,
    ready: /Ready to accept connections/,
  });
  await ready;
  return `redis://:${password}@127.0.0.1:${port}`;
}
