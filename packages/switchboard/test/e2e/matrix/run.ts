/** Runs every requirement in every cell of one server and one isolation: each way in, each kind of client. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createGateway } from '../../../src/gateway/gateway.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { flavours, ways } from '../../support/clients.ts';
import { servers } from '../../support/gateway.ts';
import { reasonAgainst, stderrOf } from './cell.ts';
import type { Cell } from './cell.ts';
import { Inbox, PATIENCE_MS, within } from './inbox.ts';
import { connectPeer } from './peer.ts';
import type { Era, Peer, Target } from './peer.ts';
import { PROOFS } from './proofs.ts';
import { IDS, requirementOf } from './requirements.ts';
import type { Isolation } from './requirements.ts';

const programOf = (era: Era): string =>
  fileURLToPath(new URL(`../../fixtures/matrix-${era}-server.mjs`, import.meta.url));

/** Proven otherwise for a server that is one of several, as it is not the only one to say who it is. */
const NOT_OF_ONE: ReadonlySet<string> = new Set(['server-identity']);

/** @param merged whether the server is one of two that are reached by one address. */
export function runMatrix(server: Era, isolation: Isolation, merged = false): void {
  const ids = merged ? IDS.filter((id) => !NOT_OF_ONE.has(id)) : IDS;
  describe(`${server} server, isolation ${isolation}${merged ? ', beside another' : ''}`, () => {
    const stderr = new Inbox<string>();
    const bystanders: Peer[] = [];
    let gateway: Gateway;
    let target: Target;

    beforeAll(async () => {
      gateway = createGateway({
        port: 0,
        isolation,
        rateLimit: 'unlimited',
        requestTimeout: `${PATIENCE_MS}ms`,
        environment: process.env,
        upstreams: {
          ...(merged && { other: servers.scripted }),
          default: { command: process.execPath, args: [programOf(server)] },
        },
        onEvent: stderrOf(stderr),
      });
      const address = (await gateway.listen()).at(-1);
      target = { ws: address!.websocket!, http: address!.http!, ...(merged && { prefix: 'default__' }) };
      for (const flavour of ['SDK v1', 'SDK v2 modern'] as const) {
        bystanders.push(await connectPeer(flavour, 'websocket', target, `bystander ${flavour}`));
      }
      await bystanders[0]!.setLevel('debug');
      await bystanders[1]!.watch();
    });

    afterAll(async () => {
      for (const bystander of bystanders) await within(bystander.close(), 'a bystander to leave');
      await gateway.close();
    });

    // How a client came does not count behind the address any more.
    describe.each(merged ? ways.slice(0, 2) : ways)('by %s', (way) => {
      describe.each(flavours)('%s', (flavour) => {
        const client = flavour === 'SDK v1' || flavour === 'SDK v2 legacy' ? 'legacy' : 'modern';
        let peer: Peer | undefined;

        beforeAll(async () => {
          peer = await connectPeer(flavour, way, target);
        });

        afterAll(async () => {
          if (peer !== undefined) await within(peer.close(), 'the client to leave');
        });

        it.each(ids.map((id) => [id, requirementOf(id).behavior] as const))('%s: %s', async (id) => {
          const requirement = requirementOf(id);
          const cell: Cell = { server, isolation, peer: peer!, bystanders, stderr, gateway };
          const impossible = reasonAgainst(requirement, { client, server, isolation }) !== undefined;
          const proof = PROOFS[id]!;
          const proven = impossible ? proof.fails!(cell) : proof.holds(cell);
          await expect(within(proven, id, 2 * PATIENCE_MS)).resolves.toBeUndefined();
        });
      });
    });
  });
}
