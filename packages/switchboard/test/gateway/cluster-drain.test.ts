/** Nodes that are replaced one after the other, as an upgrade does it, while clients call. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import type { Message } from '../../src/protocol/jsonrpc.ts';
import { CLIENT_DEFAULTS, dialNode } from '../../src/transports/websocket/client.ts';
import { connectSocket } from '../../src/transports/websocket/dialer.ts';
import { modern, modernHeaders } from '../support/access.ts';
import { sees, startNode } from '../support/cluster.ts';
import type { TestNode } from '../support/cluster.ts';
import { servers } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { RedisServer } from '../support/redis.ts';
import { plain, remote } from '../support/remote.ts';
import { initializeParams, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.kill());

const NAMES = ['a', 'b', 'c'];
const UPSTREAMS = ['remote', 'shared'];
/** Of the three, these are replaced: one that had what the clients began with, and one that has taken over. */
const REPLACED = ['a', 'b'];

it('no call fails while nodes are replaced one after the other: sessions over HTTP and WebSockets go on at the others', async () => {
  const { scripted } = servers;
  const server = await remote(plain);
  const upstreams = {
    remote: { url: server.url },
    shared: { ...scripted, isolation: 'shared' },
  } as const;
  const start = (name: string): Promise<TestNode> =>
    startNode(`${redis.url}/?prefix=drain`, name, { upstreams, allowPrivateUpstreams: true });
  const nodes = new Map<string, TestNode>();
  for (const name of NAMES) nodes.set(name, await start(name));
  await Promise.all([...nodes.values()].map((node) => sees(node, NAMES)));

  // A balancer that looks again and again who is ready, and sends each request to the next.
  const isOn = { load: true, checks: true };
  onTestFinished(() => void Object.assign(isOn, { load: false, checks: false }));
  let ready = [...nodes.values()];
  const checks = (async () => {
    while (isOn.checks) {
      const all = [...nodes.values()].map(async (node) => {
        const url = `http://127.0.0.1:${node.port}/readyz`;
        const isReady = await http(url, { method: 'GET' }).then(
          ({ status }) => status === 200,
          () => false,
        );
        return isReady ? [node] : [];
      });
      const found = (await Promise.all(all)).flat();
      if (found.length > 0) ready = found;
      await pause(100);
    }
  })();
  let turn = 0;
  const at = (upstream: string): Pick<TestNode, 'http' | 'ws'> => {
    const node = ready[turn++ % ready.length]!;
    const [overHttp, overWebSocket] = [node.http, node.ws].map((url) => url.replace(/\w+$/, upstream));
    return { http: overHttp!, ws: overWebSocket! };
  };

  const failures: string[] = [];
  let answered = 0;
  const note = (said: string, answer: string): void => {
    if (answer.includes(`"text":"${said}"`)) answered++;
    else failures.push(`${said}: ${answer}`);
  };
  const overHttp = async (upstream: string, isModern: boolean): Promise<void> => {
    const session = isModern
      ? modernHeaders('tools/call', 'echo')
      : await openSession(at(upstream).http, initializeParams());
    for (let id = 1; isOn.load; id++) {
      const said = `${upstream} ${isModern ? 'modern' : 'legacy'} ${id}`;
      const params = { name: 'echo', arguments: { text: said } };
      const body = isModern ? modern(id, 'tools/call', params) : toolCall(id, 'echo', { text: said });
      const sent = http(at(upstream).http, { headers: session, body });
      note(said, await sent.then((answer) => answer.body, String));
    }
  };
  const overWebSocket = async (upstream: string): Promise<void> => {
    const channel = await connectSocket({
      ...CLIENT_DEFAULTS,
      dial: () => dialNode(new URL(at(upstream).ws), CLIENT_DEFAULTS),
    });
    let settle: (answer: string) => void = () => {};
    channel.start({
      onMessage: (message: Message) => 'method' in message || settle(JSON.stringify(message)),
      onBadMessage: (error) => failures.push(String(error)),
      onClose: (reason) => settle(`closed: ${reason}`),
    });
    const ask = (message: Json): Promise<string> =>
      new Promise((resolve) => {
        settle = resolve;
        channel.send(message as never);
      });
    await ask({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    channel.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    for (let id = 1; isOn.load; id++) {
      const said = `${upstream} WebSocket ${id}`;
      const answer = await ask(toolCall(id, 'echo', { text: said }));
      note(said, answer);
      if (answer.startsWith('closed')) return;
    }
    channel.close();
  };
  const load = UPSTREAMS.flatMap((each) =>
    [overHttp(each, false), overHttp(each, true), overWebSocket(each)].map((client) =>
      client.catch((error: unknown) => failures.push(String(error))),
    ),
  );
  const more = async (): Promise<void> => {
    const before = answered;
    await expect.poll(() => answered + failures.length, { timeout: 10_000 }).toBeGreaterThan(before + 20);
  };
  await more();
  for (const name of REPLACED) {
    await nodes.get(name)!.gateway.drain();
    nodes.set(name, await start(name));
    await Promise.all([...nodes.values()].map((node) => sees(node, NAMES)));
    await more();
  }
  isOn.load = false;
  await Promise.all(load);
  isOn.checks = false;
  await checks;
  expect(failures).toEqual([]);
}, 60_000);
