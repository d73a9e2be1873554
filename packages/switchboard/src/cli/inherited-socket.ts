/** The socket that systemd has opened for this process (`sd_listen_fds`): descriptors from 3 on, for the process that `LISTEN_PID` names. */
import { usageError } from './exit.ts';

const FIRST = 3;

/**
 * @param environment from which the variables are taken, so that no child believes that they are its own.
 * @returns the descriptor; undefined where there is none
 * @throws {SwitchboardError} `SWB_USAGE` where there are several
 */
export function takeInheritedSocket(environment: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { LISTEN_PID: owner, LISTEN_FDS: count } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name];
  if (owner !== String(pid) || count === undefined || count === '0') return undefined;
  if (count === '1') return FIRST;
  throw usageError(
    `systemd hands over ${count} sockets (LISTEN_FDS); Switchboard listens on one: keep one ListenStream`,
  );
}
