// Three nodes behind a balancer in place of one Switchboard.
import { startBalancer } from '../scripts/cluster/balancer.mjs';
import { ClusterNode, Redis } from '../scripts/cluster/nodes.mjs';

const NAMES = ['a', 'b', 'c'];

/** @param args for each node, and the server. @returns as `serve` of processes.mjs. */
export async function serveCluster(args, { balancer: name, keepAlive }) {
  const redis = await Redis.start();
  const create = (nodeName) => ClusterNode.create({ name: nodeName, store: redis.port, args });
  const nodes = await Promise.all(NAMES.map(create));
  await Promise.all(nodes.map((node) => node.start()));
  const ports = nodes.map(({ port }) => port);
  const balancer = await startBalancer(name, ports, { keepAlive, checks: false });
  return {
    url: `http://127.0.0.1:${balancer.port}/mcp`,
    output: { stderr: '' },
    async stop() {
      await balancer.stop();
      const codes = await Promise.all(nodes.map((node) => node.end('SIGTERM').then(() => node.exit)));
      await redis.close();
      if (codes.some((code) => code !== 0)) throw new Error(`nodes ended with ${codes.join(', ')} by SIGTERM`);
    },
  };
}
