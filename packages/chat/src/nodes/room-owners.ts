/** Which node has a room: noted under a name that says nothing of it. */
import type { Peers } from 'mcp-switchboard';

import type { Vault } from '../kept/vault.ts';
import type { RoomOwners } from '../rooms.ts';

export function roomOwners(peers: Peers, vault: Vault): RoomOwners {
  const nameOf = (organization: string, room: string): string => vault.name('owner of room', organization, room);
  return {
    find: (organization, room, value) => peers.find(nameOf(organization, room), value),
    release: (organization, room, value) => peers.release(nameOf(organization, room), value),
  };
}
