/**
 * Three clusters, two of them on one Redis, with clients of two tenants: whatever belongs to one of them is known at no node of another, and
 * to no other tenant at any node. All share one key, as if an operator had copied the configuration.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';

import { ticketSubprotocol } from '../../src/transports/websocket/subprotocols.ts';
import { modern, modernHeaders, ticketFor, upgrade } from '../support/access.ts';
import { startCluster } from '../support/cluster.ts';
import type { TestNode } from '../support/cluster.ts';
import { servers } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import type { EventStream } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { RedisServer } from '../support/redis.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

let redis: RedisServer;
let other: RedisServer;
beforeAll(async () => {
  [redis, other] = await Promise.all([RedisServer.start(), RedisServer.start()]);
});
afterAll(() => Promise.all([redis?.kill(), other?.kill()]));

const CLIENTS = 50;
const TENANTS = ['ann', 'ben'] as const;
type Tenant = (typeof TENANTS)[number];
type Cluster = readonly [TestNode, TestNode];

interface Client {
  name: string;
  tenant: Tenant;
  cluster: number;
  headers: Record<string, string>;
  /** What is said to it unasked. */
  events: EventStream;
}

const parse = (body: string): Json => JSON.parse(body) as Json;
const codeOf = (body: string): unknown => (parse(body)['error'] as { data: { code: string } }).data.code;
const WATCHED = 'x://the-same-for-all';

it('of 50 clients of two tenants in three clusters, none reaches or hears anything of another tenant or cluster, at any node', async () => {
  const keys = testKeys();
  const tokens = { ann: keys.add('ann'), ben: keys.add('ben') };
  const { scripted } = servers;
  const upstreams = {
    own: { ...scripted, isolation: 'principal' },
    all: { ...scripted, isolation: 'shared' },
    each: { ...scripted, isolation: 'session' },
  } as const;
  const options = { keysFile: keys.path, upstreams };
  const clusters = (await Promise.all(
    [redis, redis, other].map((store) => startCluster(store, ['a', 'b'], options)),
  )) as unknown as Cluster[];

  const open = async (nth: number): Promise<Client> => {
    const [tenant, cluster] = [TENANTS[nth % 2]!, nth % 3];
    const nodes = clusters[cluster]!;
    const at = (shift: number): string => nodes[(nth + shift) % 2]!.http;
    const body = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
    const opened = await http(at(0), { headers: bearer(tokens[tenant]), body });
    const headers = { 'mcp-session-id': String(opened.headers['mcp-session-id']), ...bearer(tokens[tenant]) };
    await http(at(1), { headers, body: { jsonrpc: '2.0', method: 'notifications/initialized' } });
    const watch = { jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: WATCHED } };
    expect((await http(at(0), { headers, body: watch })).status).toBe(200);
    return { name: `client ${nth}`, tenant, cluster, headers, events: await stream(at(1), { headers }) };
  };
  const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, nth) => open(nth)));
  const foreign = (tenant: Tenant): Record<string, string> => bearer(tokens[tenant === 'ann' ? 'ben' : 'ann']);

  // Each is served at both nodes of its cluster, nowhere else, and for nobody else.
  const pids = new Map<string, Set<string>>();
  await Promise.all(
    clients.map(async ({ name, tenant, cluster, headers }) => {
      for (const [nth, nodes] of clusters.entries()) {
        for (const node of nodes) {
          const call = toolCall(2, 'echo', { text: name });
          const said = await http(node.http, { headers, body: call });
          if (nth === cluster) expect(textOf(parse(said.body))).toBe(name);
          else expect([said.status, codeOf(said.body)]).toEqual([404, 'SWB_SESSION_NOT_FOUND']);
          const stolen = await http(node.http, { headers: { ...headers, ...foreign(tenant) }, body: call });
          expect([stolen.status, codeOf(stolen.body)]).toEqual([404, 'SWB_SESSION_NOT_FOUND']);
          const listening = { headers: { ...headers, ...foreign(tenant) }, method: 'GET' };
          expect((await http(node.http, listening)).status).toBe(404);
        }
      }
      const { body } = await http(clusters[cluster]![0].http, { headers, body: toolCall(3, 'pid') });
      const owner = `${cluster} ${tenant}`;
      pids.set(owner, (pids.get(owner) ?? new Set()).add(textOf(parse(body))));
    }),
  );
  // No process serves two tenants or two clusters.
  const all = [...pids.values()].flatMap((each) => [...each]);
  expect(pids.size).toBe(6);
  expect(new Set(all).size).toBe(all.length);

  // A change is heard by those alone who share the server, and an operator's word in that cluster alone.
  const changing = clients[0]!;
  await http(clusters[changing.cluster]![0].http, {
    headers: changing.headers,
    body: toolCall(4, 'update', { uri: WATCHED }),
  });
  for (const [nth, nodes] of clusters.entries()) {
    const said = { method: 'notifications/message', params: { level: 'info', data: `to cluster ${nth}` } };
    const { json } = await nodes[1].admin('POST /broadcast', said);
    expect(json).toMatchObject({ count: clients.filter(({ cluster }) => cluster === nth).length });
    const { json: sessions } = await nodes[0].admin('GET /sessions');
    const shown = (sessions as { principal: string }[]).map(({ principal }) => principal).toSorted();
    expect(shown).toEqual(
      clients
        .filter(({ cluster }) => cluster === nth)
        .map(({ tenant }) => tenant)
        .toSorted(),
    );
    const strange = clusters[(nth + 1) % 3]![0];
    const { json: elsewhere } = await strange.admin('GET /sessions');
    const [{ id }] = elsewhere as [{ id: string }];
    expect((await nodes[0].admin(`DELETE /sessions/${id}`)).status).toBe(404);
  }
  let heard = 0;
  for (const { tenant, cluster, events } of clients) {
    let message = await events.next();
    if (message['method'] === 'notifications/resources/updated') {
      expect([tenant, cluster]).toEqual([changing.tenant, changing.cluster]);
      heard++;
      message = await events.next();
    }
    expect(message['params']).toMatchObject({ data: `to cluster ${cluster}` });
  }
  expect(heard).toBeGreaterThan(0);

  // The rest of what a client has to show: the handle of a parked call, a ticket, and the token of a WebSocket that was cut.
  const ask = modern(1, 'tools/call', { name: 'ask', arguments: { message: 'who?' } }, { elicitation: {} });
  const asking = modernHeaders('tools/call', 'ask');
  const [one, two, three] = clusters as [Cluster, Cluster, Cluster];
  const each = (node: TestNode): string => node.http.replace(/\w+$/, 'each');
  const asked = await http(each(one[0]), { headers: { ...asking, ...bearer(tokens.ann) }, body: ask });
  const { requestState } = parse(asked.body)['result'] as Json;
  const inputResponses = { r1: { action: 'accept', content: {} } };
  const retry = { ...ask, params: { ...(ask['params'] as Json), requestState, inputResponses } };
  for (const [node, who] of [
    [two[0], 'ann'],
    [three[1], 'ann'],
    [one[0], 'ben'],
    [one[1], 'ben'],
  ] as const) {
    const said = await http(each(node), { headers: { ...asking, ...bearer(tokens[who]) }, body: retry });
    expect(codeOf(said.body)).toBe('SWB_INVALID_PARAMS');
  }
  const own = await http(each(one[1]), { headers: { ...asking, ...bearer(tokens.ann) }, body: retry });
  expect(textOf(parse(own.body))).toContain('accept');

  const ticket = ticketSubprotocol(await ticketFor(one[0], tokens.ann));
  const taken = [two[0], two[1], three[0], one[1]].map((node) => upgrade(node.ws, ['mcp', ticket]));
  expect(await Promise.all(taken)).toEqual([401, 401, 401, 101]);

  // One that any node of its own cluster could go on with.
  const protocols = ['mcp.r1', 'mcp'];
  const shared = ({ ws }: TestNode): string => ws.replace(/\w+$/, 'all');
  const cut = await WireClient.open(shared(one[0]), { headers: bearer(tokens.ann) }, protocols);
  cut.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  const { token } = (await cut.notification('switchboard/ws/session'))['params'] as { token: string };
  await cut.answer(0);
  for (const [node, who] of [
    [two[0], 'ann'],
    [three[0], 'ann'],
    [one[0], 'ben'],
    [one[1], 'ben'],
  ] as const) {
    const client = await WireClient.open(shared(node), { headers: bearer(tokens[who]) }, protocols);
    client.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token, h: 1 } });
    expect(await client.notification('switchboard/ws/lost')).toBeDefined();
    client.socket.terminate();
  }

  const stored = (await redis.ask('KEYS', '*')).split('\r\n').filter((line) => /^[a-z]/.test(line));
  expect(stored.length).toBeGreaterThan(10);
  expect(stored.filter((key) => !/^cluster\d+-\d+:/.test(key))).toEqual([]);
});
