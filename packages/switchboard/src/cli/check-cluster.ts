/** What `doctor` looks at of the store that several Switchboards share, and of the nodes that it has. */
import { z } from 'zod';

import { readAnswer } from '../gateway/node-answer.ts';
import type { Settings } from '../gateway/settings.ts';
import { PRODUCT } from '../gateway/product.ts';
import { ClusterKeyFile } from '../peers/cluster-key-file.ts';
import { ClusterKey } from '../peers/cluster-key.ts';
import { recordedNodes } from '../peers/nodes.ts';
import type { NodeRecord } from '../peers/nodes.ts';
import { PeerLink } from '../peers/peer-link.ts';
import type { Peer } from '../peers/peer-link.ts';
import { ALIVE_PATH, UNREACHED_PATH } from '../peers/peer-listener.ts';
import { isUsedAlone } from '../peers/sole-use.ts';
import { asSwitchboardError } from '../protocol/errors.ts';
import { openStore } from '../stores/open-store.ts';
import { inspectRedis } from '../stores/redis.ts';
import { isRedisUrl, readRedisUrl } from '../stores/redis-url.ts';
import { SealedFacts } from '../stores/sealed-facts.ts';
import type { SharedStore, StoreNotice } from '../stores/store.ts';
import { readClientTls } from '../transports/tls/client-tls.ts';
import { counted } from '../util/counted.ts';
import type { Finding } from './check-upstreams.ts';

/** A request between nodes counts for 30 s; clocks that are this far apart are worth a look. */
const CLOCK_MS = 5000;
const PATIENCE_MS = 3000;
/** A node asks the others for 2 s. */
const UNREACHED_PATIENCE_MS = 4000;
const REQUESTS_PER_NODE = 2;

const unreached = z.array(z.object({ node: z.string(), why: z.string() }));

/** @returns nothing where no store is shared. */
export async function checkCluster(settings: Settings): Promise<Finding[]> {
  if (!isRedisUrl(settings.store)) return [];
  const store = await openStore(settings.store);
  let away = '';
  store.watch((notice) => {
    if (notice.type === 'away') away = notice.detail;
  });
  try {
    const begun = performance.now();
    await store.incarnation();
    const answered = `it answers in ${Math.round(performance.now() - begun)} ms`;
    return [
      await checkReplicas(settings.store, answered),
      await (settings.peerListen === '' ? checkAlone(store) : checkNodes(settings, store)),
    ];
  } catch (error) {
    return [{ check: 'store', state: 'failed', detail: away || asSwitchboardError(error).message }];
  } finally {
    await store.close();
  }
}

/** @param answered what is known of the store already. */
async function checkReplicas(url: string, answered: string): Promise<Finding> {
  const check = 'store';
  const { group, replicas: wanted } = readRedisUrl(url)!;
  if (group === undefined && wanted === 0) return { check, state: 'ok', detail: answered };
  const { primary, replicas } = await inspectRedis(url);
  const detail = `${answered}; the primary is ${primary}, and ${counted(replicas, 'replica')} of it ${replicas === 1 ? 'has' : 'have'} what it has`;
  if (replicas < wanted)
    return { check, state: 'failed', detail: `${detail}; the URL wants ${wanted} (replicas), so nothing can be owned` };
  return replicas === 0
    ? { check, state: 'warning', detail: `${detail}: nothing can take its place` }
    : { check, state: 'ok', detail };
}

/** Whoever names a Redis often means several processes. */
async function checkAlone(store: SharedStore): Promise<Finding> {
  const nodes = await recordedNodes(store);
  const used = (await isUsedAlone(store))
    ? '; one has it now'
    : nodes.length > 0
      ? `; ${counted(nodes.length, 'node')} of a cluster ${nodes.length === 1 ? 'uses' : 'use'} it, so this would not start`
      : '';
  const detail = `there is no peerListen, so that one process alone can use the store${used}. For several, give each peerListen and the key of the cluster`;
  return { check: 'nodes', state: 'warning', detail };
}

async function checkNodes(settings: Settings, store: SharedStore): Promise<Finding> {
  const check = 'nodes';
  const { clusterKey, clusterKeyFile, peerTlsCa } = settings;
  let key: ClusterKey;
  try {
    key = clusterKeyFile === '' ? new ClusterKey(clusterKey) : new ClusterKeyFile(clusterKeyFile, () => {});
  } catch (error) {
    return { check, state: 'failed', detail: asSwitchboardError(error).message };
  }
  const forged: StoreNotice[] = [];
  let link: PeerLink | undefined;
  try {
    const facts = new SealedFacts(store.facts, key, (notice) => forged.push(notice));
    const nodes = await recordedNodes({ facts });
    if (nodes.length === 0 && forged.length === 0) return { check, state: 'ok', detail: 'none runs' };
    const ca = peerTlsCa === '' ? undefined : readClientTls({ ca: peerTlsCa }).ca?.toString();
    const asked = new PeerLink({ key, self: () => 'doctor', maxRequests: REQUESTS_PER_NODE, ca });
    link = asked;
    const wrong = (
      await Promise.all(nodes.flatMap((node) => [wrongWith(node, asked), unreachedFrom(node, asked)]))
    ).flat();
    if (forged.length > 0)
      wrong.push(`not written with this cluster key: ${counted(forged.length, 'record')} of nodes`);
    if (new Set(nodes.map(({ digest }) => digest)).size > 1) wrong.push('their upstreams are not configured alike');
    const names = nodes.map(({ name }) => name).join(', ');
    const said = nodes.length === 0 ? 'none runs' : `${counted(nodes.length, 'node')}: ${names}`;
    const detail = [said, ...wrong].join('\n');
    return { check, state: wrong.length === 0 ? 'ok' : 'warning', detail };
  } finally {
    if (key instanceof ClusterKeyFile) key.close();
    await link?.close();
  }
}

async function wrongWith(node: NodeRecord & Peer, link: PeerLink): Promise<string[]> {
  const { name, url, version } = node;
  const wrong = version === PRODUCT.version ? [] : [`${name} is of version ${version}, and this is ${PRODUCT.version}`];
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const { headers, body } = await link.send(node, { method: 'GET', path: ALIVE_PATH, headers: {}, signal });
    body.resume();
    const offMs = Math.abs(Date.now() - Date.parse(headers.date ?? ''));
    if (offMs > CLOCK_MS) wrong.push(`the clock of ${name} is ${Math.round(offMs / 1000)} s from that of this machine`);
  } catch (error) {
    wrong.push(`${name} cannot be asked at ${url}: ${asSwitchboardError(error).message}`);
  }
  return wrong;
}

/** That this machine reaches a node says nothing of the others. A node that cannot be asked was named already, or is of an earlier version. */
async function unreachedFrom(node: NodeRecord & Peer, link: PeerLink): Promise<string[]> {
  try {
    const signal = AbortSignal.timeout(UNREACHED_PATIENCE_MS);
    const answer = await link.send(node, { method: 'GET', path: UNREACHED_PATH, headers: {}, signal });
    const said = unreached.safeParse(await readAnswer(answer, node));
    return (said.data ?? []).map(({ node: other, why }) => `${node.name} cannot reach ${other}: ${why}`);
  } catch {
    return [];
  }
}
