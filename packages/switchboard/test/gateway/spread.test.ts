/** What an operator asks of one node of a cluster is asked of the others where it is for all, by the admin API and by the console alike. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { OperatorApi } from '../../src/gateway/admin/operator-api.ts';
import type { Operator } from '../../src/gateway/admin/operator.ts';
import type { AdminContext } from '../../src/gateway/admin/route.ts';
import { spread } from '../../src/gateway/admin/spread.ts';
import type { GatewayEvent } from '../../src/observe/events.ts';
import { SwitchboardError, asSwitchboardError } from '../../src/protocol/errors.ts';
import { sendError } from '../../src/transports/http/reply.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';

interface Cluster {
  asked: string[];
  events: GatewayEvent[];
  ask(line: string, operator?: Operator): Promise<HttpAnswer>;
}

const OLGA: Operator = { name: 'olga', role: 'operator' };

/** An API of a node with one other node, which knows a session called `there`. */
async function startCluster(): Promise<Cluster> {
  const { gateway } = await startGateway({ upstreams: { default: servers.scripted } });
  const [asked, events]: [string[], GatewayEvent[]] = [[], []];
  const nodes = ['here', 'there'].map((name) => ({ name, self: name === 'here' }));
  const cluster = {
    nodes: () => nodes,
    ask: (node: { name: string }, method: string, path: string) => {
      asked.push(`${node.name} ${method} ${path}`);
      return Promise.resolve(method === 'GET' ? [{ id: 'there' }] : {});
    },
  };
  const context = { operations: gateway.operations, settings: gateway.settings, cluster } as unknown as AdminContext;
  const api = new OperatorApi({ context, emit: (event) => void events.push(event) });
  let operator = OLGA;
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0]!;
    api
      .answer(path, request, response, operator)
      .catch((error: unknown) => sendError(response, asSwitchboardError(error)));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = (line: string, who = OLGA): Promise<HttpAnswer> => {
    operator = who;
    const [method = '', path = ''] = line.split(' ');
    return http(`http://127.0.0.1:${port}${path}`, { method });
  };
  return { asked, events, ask };
}

describe('an operator of one node of several', () => {
  it('sees the sessions of all, and ends one of another node, with what was said; the event names who did it', async () => {
    const { asked, events, ask } = await startCluster();
    expect(JSON.parse((await ask('GET /sessions')).body)).toEqual([{ node: 'there', id: 'there' }]);
    expect((await ask('DELETE /sessions/there?reason=late')).status).toBe(200);
    expect(asked).toEqual(['there GET /sessions', 'there DELETE /sessions/there?reason=late']);
    expect(events).toEqual([
      { type: 'operator.acted', operator: 'olga', action: 'DELETE /sessions/{id}', subject: 'there', outcome: 'ok' },
    ]);
  });

  it('hears from each of several nodes of one name, and that one did not answer where none knows what is asked for', async () => {
    const nodes = ['a', 'b', 'c'].map((id) => ({ id, name: id === 'c' ? 'other' : 'same', self: id === 'a' }));
    const cluster = { nodes: () => nodes, ask: () => Promise.resolve() } as never;
    const counted = await spread(
      'count',
      cluster,
      () => ({ count: 1 }),
      () => Promise.resolve({ count: 2 }),
    );
    expect(counted.answer).toEqual({
      count: 5,
      nodes: { 'same (a)': { count: 1 }, 'same (b)': { count: 2 }, other: { count: 2 } },
    });
    const unknown = new SwitchboardError('SWB_NOT_FOUND');
    const here = (): never => {
      throw unknown;
    };
    const silent = new SwitchboardError('SWB_NODE_LOST', { detail: 'c' });
    const find = (last: SwitchboardError): Promise<unknown> =>
      spread('find', cluster, here, ({ id }) => Promise.reject(id === 'c' ? last : unknown));
    await expect(find(silent)).rejects.toBe(silent);
    await expect(find(unknown)).rejects.toBe(unknown);
  });

  it('asks no other node of anything as a viewer who may not', async () => {
    const { asked, ask } = await startCluster();
    expect((await ask('DELETE /sessions/there', { name: 'vera', role: 'viewer' })).status).toBe(403);
    expect(asked).toEqual([]);
  });
});
