/** A cluster whose Redis has a replica and a Sentinel, while the primary is killed. */
import { expect, it, onTestFinished } from 'vitest';

import { checkCluster } from '../../src/cli/check-cluster.ts';
import { redisStore } from '../../src/stores/redis.ts';
import { sees, startNode } from '../support/cluster.ts';
import { http, openSession } from '../support/http.ts';
import { startPair, startSentinel } from '../support/redis.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';

it(
  'when the primary is killed and the replica takes over, calls go on, nothing is started twice, and sessions still move',
  { timeout: 60_000 },
  async () => {
    const { primary } = await startPair();
    const sentinel = await startSentinel(primary, 'main');
    // The first one is not there.
    const store = `redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinel}/main/2?prefix=x`;
    const nodes = [await startNode(store, 'a'), await startNode(store, 'b')] as const;
    const [a, b] = nodes;
    await Promise.all(nodes.map((node) => sees(node, ['a', 'b'])));
    const headers = await openSession(a.http, initializeParams());
    const pidAt = async (node: typeof a, id: number): Promise<number> => {
      const { status, body } = await http(node.http, { headers, body: toolCall(id, 'pid') });
      expect(status).toBe(200);
      const answer = body.split('\n').find((line) => line.includes(`"id":${id}`));
      return Number(textOf(JSON.parse(answer!.replace(/^data: /, ''))));
    };
    const client = await WireClient.session(b.ws);
    const { announcements, close } = redisStore({ url: store });
    onTestFinished(close);
    const heard: unknown[] = [];
    await announcements.subscribe('topic', (message) => heard.push(message));
    const pid = await pidAt(a, 1);
    expect(await pidAt(b, 2)).toBe(pid);
    expect((await checkCluster(a.gateway.settings))[0]).toMatchObject({
      state: 'ok',
      detail: expect.stringContaining(`the primary is 127.0.0.1:${primary.port}, and 1 replica`),
    });

    const back = nodes.map((node) => node.nextEvent('store.back'));
    const away = nodes.map((node) => node.nextEvent('store.away'));
    await primary.kill();
    await Promise.all(away);
    // Each as often as it is made, at the process that it was at.
    let calls = 0;
    const isBack = Promise.all(back);
    const ended = isBack.then(() => true);
    const next = (): Promise<boolean> =>
      Promise.race([ended, new Promise<false>((resolve) => setTimeout(resolve, 50, false))]);
    do {
      expect([await pidAt(a, ++calls), await pidAt(b, ++calls)]).toEqual([pid, pid]);
      expect(Number(textOf(await client.call(++calls, 'pid')))).toBe(pid);
    } while (!(await next()));
    expect(await isBack).toMatchObject([{ lost: true }, { lost: true }]);
    expect([await pidAt(a, ++calls), await pidAt(b, ++calls)]).toEqual([pid, pid]);
    await Promise.all(nodes.map((node) => sees(node, ['a', 'b'])));
    const announce = async (): Promise<number> => {
      await announcements.publish('topic', { n: 1 }).catch(() => {});
      return heard.length;
    };
    await expect.poll(announce, { timeout: 5000 }).toBeGreaterThan(0);
    const [found] = await checkCluster(a.gateway.settings);
    expect(found).toMatchObject({ state: 'warning', detail: expect.stringContaining('nothing can take its place') });

    // What they are rebuilt from is where the replica took over. Nobody takes over what may be on its way back, for two leases.
    await a.gateway.close();
    const statusAtB = async (): Promise<number> =>
      (await http(b.http, { headers, body: toolCall(++calls, 'echo') })).status;
    await expect.poll(statusAtB, { timeout: 15_000, interval: 200 }).toBe(200);
    expect(await pidAt(b, ++calls)).not.toBe(pid);
    expect(b.events.some(({ type }) => type === 'node.fenced')).toBe(false);
  },
);
