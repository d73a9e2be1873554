/** What a program around a gateway is asked, and may refuse. */
import { describe, expect, it } from 'vitest';

import { SwitchboardError } from '../../src/protocol/errors.ts';
import type { Hooks } from '../../src/callers/hooks.ts';
import type { SessionFacts } from '../../src/callers/session-facts.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';

async function startWith(hooks: Hooks): Promise<TestGateway> {
  const test = await startGateway({ upstreams: { default: servers.scripted } });
  test.gateway.registerHooks(hooks);
  return test;
}

const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };

describe('onConnect', () => {
  it('is told who comes, and refuses an upgrade and a session over HTTP with 403 and its message', async () => {
    const visits: unknown[] = [];
    const test = await startWith({
      onConnect: async (visit) => {
        visits.push(visit);
        throw new Error('not today');
      },
    });
    await expect(WireClient.open(test.ws, { headers: { 'user-agent': 'w' } })).rejects.toThrow('403');
    const answer = await http(test.http, { body: initialize, headers: { 'user-agent': 'h' } });
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      403,
      { id: 0, error: { code: 31024, message: 'Refused: not today', data: { code: 'SWB_REFUSED' } } },
    ]);
    const common = { principal: 'anonymous', upstream: 'default', address: '127.0.0.1' };
    expect(visits).toEqual([
      { ...common, transport: 'websocket', userAgent: 'w' },
      { ...common, transport: 'http', userAgent: 'h' },
    ]);
    await expectEmpty(test);
  });

  it('refuses with an error out of the table as it is', async () => {
    const test = await startWith({
      onConnect: () => {
        throw new SwitchboardError('SWB_UNAUTHORIZED', { detail: 'who?' });
      },
    });
    await expect(WireClient.open(test.ws)).rejects.toThrow('401');
  });
});

describe('onSession', () => {
  it('is told how the client named itself, before a server is started, and what it gives is kept', async () => {
    const seen: SessionFacts[] = [];
    const test = await startWith({
      onSession: (session) => {
        seen.push(session);
        return { groups: ['blue'], metadata: { team: 'x' } };
      },
    });
    await WireClient.session(test.ws);
    await openSession(test.http, initializeParams());
    expect(seen).toMatchObject([
      { state: 'opening', transport: 'websocket', client: { name: 'wire' } },
      { state: 'opening', transport: 'http', client: { name: 'wire' } },
    ]);
    expect(test.gateway.operations.sessions()).toMatchObject([
      { groups: ['blue'], metadata: { team: 'x' } },
      { groups: ['blue'], metadata: { team: 'x' } },
    ]);
  });

  it('refuses: initialize is answered with the error, and no server was started', async () => {
    const test = await startWith({ onSession: () => Promise.reject(new Error('no room')) });
    const client = await WireClient.open(test.ws);
    client.send(initialize);
    expect(await client.answer(0)).toMatchObject({ error: { code: 31024, message: 'Refused: no room' } });
    const answer = await http(test.http, { body: initialize });
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([403, { error: { code: 31024 } }]);
    expect(test.gateway.stats.upstreams['default']).toMatchObject({ members: 0 });
    client.socket.close();
    await expectEmpty(test);
  });
});

describe('onRequest', () => {
  it.each([
    [
      'at once',
      (): void => {
        throw new Error('not this one');
      },
    ],
    [
      'later',
      async (): Promise<void> => {
        await Promise.resolve();
        throw new Error('not this one');
      },
    ],
  ])('refuses %s, and the server never hears of it', async (_, refuse) => {
    const test = await startWith({ onRequest: ({ target }) => (target === 'echo' ? refuse() : undefined) });
    const client = await WireClient.session(test.ws);
    expect(await client.call(1, 'echo', { text: 'x' })).toMatchObject({
      error: { code: 31024, message: 'Refused: not this one', data: { code: 'SWB_REFUSED' } },
    });
    expect(JSON.parse(textOf(await client.call(2, 'seen')))).toEqual([
      'initialize',
      'notifications/initialized',
      'tools/call',
    ]);
  });

  it('is told what is asked and by whom, in both eras', async () => {
    const visits: object[] = [];
    const test = await startWith({ onRequest: (visit) => void visits.push(visit) });
    const legacy = await WireClient.session(test.ws);
    await legacy.call(1, 'echo', { text: 'x' });
    const modern = await WireClient.open(test.ws);
    await modern.call(1, 'echo', { text: 'x' }, envelope());
    const [first, second] = test.gateway.operations.sessions();
    const common = { method: 'tools/call', target: 'echo', upstream: 'default', principal: 'anonymous' };
    expect(visits).toMatchObject([
      { ...common, session: first!.id },
      { ...common, session: second!.id },
    ]);
  });

  it('may take its time, and the client may give up meanwhile', async () => {
    let admit = (): void => {};
    const test = await startWith({ onRequest: () => new Promise((resolve) => (admit = resolve)) });
    const client = await WireClient.session(test.ws);
    client.send(toolCall(1, 'echo', { text: 'x' }));
    await expect.poll(() => test.gateway.operations.requests()).toMatchObject([{ state: 'queued' }]);
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await expect.poll(() => test.gateway.operations.requests()).toEqual([]);
    admit();
    const second = client.call(2, 'seen');
    await expect.poll(() => test.gateway.operations.requests()).toHaveLength(1);
    admit();
    expect(JSON.parse(textOf(await second)).filter((method: string) => method === 'tools/call')).toHaveLength(1);
  });
});

describe('onClose', () => {
  it('is called once for every client that is gone, however it went', async () => {
    const gone: [SessionFacts, string][] = [];
    const test = await startWith({ onClose: (session, reason) => void gone.push([session, reason]) });
    const client = await WireClient.session(test.ws);
    const session = await openSession(test.http, initializeParams());
    client.socket.close();
    await expect.poll(() => gone).toHaveLength(1);
    await http(test.http, { method: 'DELETE', headers: session });
    await openSession(test.http, initializeParams());
    await WireClient.session(test.ws);
    await test.gateway.close();
    expect(gone.map(([{ transport, state }]) => [transport, state])).toEqual([
      ['websocket', 'closed'],
      ['http', 'closed'],
      ['http', 'closed'],
      ['websocket', 'closed'],
    ]);
    expect(gone[3]![1]).toContain('Switchboard is shutting down');
  });

  it.each([
    [
      'at once',
      (): void => {
        throw new Error('hook broke');
      },
    ],
    ['later', (): Promise<void> => Promise.reject(new Error('hook broke'))],
  ])('that fails %s changes nothing, and is told of', async (_, onClose) => {
    const test = await startWith({ onClose });
    for (const transport of ['websocket', 'http']) {
      const failure = test.nextEvent('failed');
      if (transport === 'websocket') (await WireClient.session(test.ws)).socket.close();
      else await http(test.http, { method: 'DELETE', headers: await openSession(test.http, initializeParams()) });
      expect(await failure).toMatchObject({ where: 'onClose', error: new Error('hook broke') });
    }
    await expectEmpty(test);
  });
});
