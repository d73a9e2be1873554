/** How the clients of a load come into a gateway: who they are, and what they reach. */
import type { Identity } from '../auth/identity.ts';
import { CallerCredentialValues } from '../callers/caller-credential-values.ts';
import type { Connections } from '../callers/connections.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { Upstream } from '../router/exchange.ts';
import { LoadDoor } from './load-door.ts';
import type { Settings } from './settings.ts';
import type { Simulator } from './simulator.ts';

export interface LoadClientsOptions {
  settings: Settings;
  connections: Connections;
  /** The upstream for a caller. @throws {SwitchboardError} `SWB_UPSTREAM_NOT_FOUND` */
  find(upstream: string, identity: Identity): Upstream;
  /** Who may use everything. */
  local(): Identity;
}

/**
 * Opens a door for the clients of one run. All of them are one principal, with a name that nobody can know before: what servers keep for it is
 * nobody else's.
 */
export function openLoadDoor(
  { settings, connections, find, local }: LoadClientsOptions,
  { id, upstream, max }: { id: string; upstream: string; max: number },
): Promise<LoadDoor> {
  const identity: Identity = { ...local(), principal: `simulation ${id}`, via: 'load' };
  const found = find(upstream, identity);
  return LoadDoor.open({
    settings,
    max,
    onClient: (channel) =>
      connections.open(channel, {
        upstream: found,
        transport: 'websocket',
        identity,
        credentials: new CallerCredentialValues(found),
      }),
  });
}

/** Where a program has no simulator. */
export function noSimulator(): never {
  const detail =
    'there is no simulator here: install the package mcp-switchboard-simulator beside mcp-switchboard, and try again';
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}

/** Loads the simulator when somebody first uses it. @throws {SwitchboardError} `SWB_NOT_FOUND` */
export const loadedSimulator = async (load: (() => Promise<Simulator | undefined>) | undefined): Promise<Simulator> =>
  (await load?.()) ?? noSimulator();
