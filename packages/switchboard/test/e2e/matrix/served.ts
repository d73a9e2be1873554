/** What the clients of the matrix reach: one gateway, or three nodes behind a balancer, which have to look like one. */
import { startBalancer } from '../../../../../scripts/cluster/balancer.mjs';
import { createGateway } from '../../../src/gateway/gateway.ts';
import type { Gateway, GatewayOptions } from '../../../src/gateway/gateway.ts';
import type { Stats } from '../../../src/gateway/stats.ts';
import { CLUSTER_KEY } from '../../support/cluster.ts';
import { RedisServer } from '../../support/redis.ts';
import type { Target } from './peer.ts';

type Open = Pick<Stats, 'connections' | 'exchanges' | 'parked'>;

export interface Served {
  address: Pick<Target, 'ws' | 'http'>;
  /** What is open now, at all nodes. */
  stats(): Open;
  close(): Promise<void>;
}

export async function startAlone(options: GatewayOptions): Promise<Served> {
  const gateway = createGateway(options);
  const address = (await gateway.listen()).at(-1);
  return {
    address: { ws: address!.websocket!, http: address!.http! },
    stats: () => gateway.stats,
    close: () => gateway.close(),
  };
}

/** @param balancer its name. */
export async function startBehind(
  balancer: string,
  connections: { keepAlive: boolean },
  options: GatewayOptions,
): Promise<Served> {
  const redis = await RedisServer.start();
  const nodes: Gateway[] = [];
  const paths: string[] = [];
  const ports: number[] = [];
  for (const nodeName of ['a', 'b', 'c']) {
    const node = createGateway({
      ...options,
      store: redis.url,
      clusterKey: CLUSTER_KEY,
      peerListen: '127.0.0.1:0',
      nodeName,
    });
    const { port, pathname } = new URL((await node.listen()).at(-1)!.http!);
    nodes.push(node);
    ports.push(Number(port));
    paths.push(pathname);
  }
  const { port, stop } = await startBalancer(balancer, ports, { ...connections, checks: false });
  return {
    address: { ws: `ws://127.0.0.1:${port}${paths[0]}`, http: `http://127.0.0.1:${port}${paths[0]}` },
    stats: () => {
      const sum = (what: keyof Open): number => nodes.reduce((all, { stats }) => all + stats[what], 0);
      return { connections: sum('connections'), exchanges: sum('exchanges'), parked: sum('parked') };
    },
    close: async () => {
      await Promise.all(nodes.map((node) => node.close()));
      await stop();
      await redis.kill();
    },
  };
}
