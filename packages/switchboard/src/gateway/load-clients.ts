/** How the clients of a load come into a gateway: who they are, and what they reach. */
import type { Identity } from '../auth/identity.ts';
import { CallerCredentialValues } from '../callers/caller-credential-values.ts';
import type { Connections } from '../callers/connections.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { Access } from './access.ts';
import { LoadDoor } from './load-door.ts';
import type { Operations } from './operations.ts';
import type { Served } from './served.ts';
import type { Settings } from './settings.ts';
import { principalOf, Simulations } from './simulations.ts';
import type { Simulator } from './simulator.ts';

export interface LoadClientsOptions {
  settings: Settings;
  connections: Connections;
  served: Pick<Served, 'find'>;
  access: Pick<Access, 'local'>;
}

/** Opens a door for the clients of one run. All of them are one principal: what servers keep for it is nobody else's. */
function openLoadDoor(
  { settings, connections, served, access }: LoadClientsOptions,
  { id, upstream, max }: { id: string; upstream: string; max: number },
): Promise<LoadDoor> {
  const identity: Identity = { ...access.local, principal: principalOf(id), via: 'load' };
  const found = served.find(upstream, identity);
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

/** The loads of a gateway. */
export const simulationsOf = ({
  registry,
  simulator,
  operations,
  ...clients
}: LoadClientsOptions & {
  registry: { readonly size: number };
  simulator: (() => Promise<Simulator | undefined>) | undefined;
  operations: Pick<Operations, 'checkUpstream' | 'check'>;
}): Simulations =>
  new Simulations({
    simulator: () => loadedSimulator(simulator),
    checkUpstream: (name) => operations.checkUpstream(name),
    freePlaces: () => clients.settings.maxConnections - registry.size,
    maxInFlight: () => clients.settings.maxRequestsInFlight,
    startServer: (name) => operations.check(name),
    openDoor: (load) => openLoadDoor(clients, load),
  });

/** Where a program has no simulator. */
function noSimulator(): never {
  const detail =
    'there is no simulator here: install the package mcp-switchboard-simulator beside mcp-switchboard, and try again';
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}

/** Loads the simulator when somebody first uses it. @throws {SwitchboardError} `SWB_NOT_FOUND` */
const loadedSimulator = async (load: (() => Promise<Simulator | undefined>) | undefined): Promise<Simulator> =>
  (await load?.()) ?? noSimulator();
