/**
 * Runs every requirement in every cell of one server and one isolation: each way in, each kind of client. With `MATRIX_CLUSTER=haproxy` (or
 * nginx) in the environment, all of it runs through three nodes behind that balancer, with `MATRIX_KEEP_ALIVE=off` too each request on a
 * connection of its own.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { GatewayOptions } from '../../../src/gateway/gateway.ts';
import { flavours, ways } from '../../support/clients.ts';
import type { Flavour, Way } from '../../support/clients.ts';
import { servers } from '../../support/gateway.ts';
import { reasonAgainst, stderrOf } from './cell.ts';
import type { Cell } from './cell.ts';
import { Inbox, PATIENCE_MS, within } from './inbox.ts';
import { connectPeer } from './peer.ts';
import type { Era, Peer, Target } from './peer.ts';
import { PROOFS } from './proofs.ts';
import { IDS, requirementOf } from './requirements.ts';
import type { Isolation } from './requirements.ts';
import { startAlone, startBehind } from './served.ts';
import type { Served } from './served.ts';

const programOf = (era: Era): string =>
  fileURLToPath(new URL(`../../fixtures/matrix-${era}-server.mjs`, import.meta.url));

/** Proven otherwise for a server that is one of several, as it is not the only one to say who it is. */
const NOT_OF_ONE: ReadonlySet<string> = new Set(['server-identity']);

export interface MatrixOptions {
  /** Whether the server is one of two that are reached by one address. @default false */
  merged?: boolean;
  /** The balancer in front of three nodes. @default what the environment says, and else one gateway alone */
  cluster?: string | undefined;
  /** Whether connections to the balancer, and those to nodes, are used for more than one request. @default what the environment says, and else they are */
  keepAlive?: boolean;
  /** @default all, but behind one address of several servers those by network */
  by?: readonly Way[];
  /** @default all */
  clients?: readonly Flavour[];
}

export function runMatrix(
  server: Era,
  isolation: Isolation,
  {
    merged = false,
    cluster = process.env['MATRIX_CLUSTER'],
    keepAlive = process.env['MATRIX_KEEP_ALIVE'] !== 'off',
    // How a client came does not count behind the address any more.
    by = merged ? ways.slice(0, 2) : ways,
    clients = flavours,
  }: MatrixOptions = {},
): void {
  const ids = merged ? IDS.filter((id) => !NOT_OF_ONE.has(id)) : IDS;
  describe(`${server} server, isolation ${isolation}${merged ? ', beside another' : ''}${cluster === undefined ? '' : `, behind ${cluster}`}`, () => {
    const stderr = new Inbox<string>();
    const bystanders: Peer[] = [];
    let served: Served;
    let target: Target;

    beforeAll(async () => {
      const options: GatewayOptions = {
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
      };
      served = await (cluster === undefined ? startAlone(options) : startBehind(cluster, { keepAlive }, options));
      target = { ...served.address, ...(merged && { prefix: 'default__' }) };
      for (const flavour of ['SDK v1', 'SDK v2 modern'] as const) {
        bystanders.push(await connectPeer(flavour, 'websocket', target, `bystander ${flavour}`));
      }
      await bystanders[0]!.setLevel('debug');
      await bystanders[1]!.watch();
    });

    afterAll(async () => {
      for (const bystander of bystanders) await within(bystander.close(), 'a bystander to leave');
      await served.close();
    });

    describe.each(by)('by %s', (way) => {
      describe.each(clients)('%s', (flavour) => {
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
          const cell: Cell = { server, isolation, peer: peer!, bystanders, stderr, served };
          const impossible = reasonAgainst(requirement, { client, server, isolation }) !== undefined;
          const proof = PROOFS[id]!;
          const proven = impossible ? proof.fails!(cell) : proof.holds(cell);
          await expect(within(proven, id, 2 * PATIENCE_MS)).resolves.toBeUndefined();
        });
      });
    });
  });
}
