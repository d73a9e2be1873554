import { describe, expect, it } from 'vitest';

import type { RequestEnd } from '../../src/observe/events.ts';
import { MAX_ENDED, RecentRequests } from '../../src/observe/recent-requests.ts';
import { Timeline } from '../../src/observe/timeline.ts';
import type { RequestTimes } from '../../src/observe/timeline.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { WireClient, envelope, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };

/** The ends of the calls of a tool, in order. */
const endsOf = ({ events }: TestGateway, tool: string): RequestEnd[] =>
  events.flatMap((event) => (event.type === 'request.ended' && event.target === tool ? [event] : []));

/** The names of the moments that a request came to, in the order of their times; 0 stands for its opening, `ms` for its end. */
function wayOf({ times, ms }: RequestEnd): string[] {
  const { asked: _asked, held: _held, ...moments } = times as RequestTimes;
  const all = [['0', 0] as const, ...Object.entries(moments), ['ms', ms] as const];
  return all
    .filter((each): each is [string, number] => each[1] !== undefined)
    .toSorted(([, one], [, other]) => one - other)
    .map(([name]) => name);
}

describe('where the time of a request goes', () => {
  it('is noted from its turn to its answer, with its first progress', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'slow', { ms: 30, steps: 2 }, { progressToken: 't' });
    const [end] = endsOf(test, 'slow');
    expect(wayOf(end!)).toEqual(['0', 'turn', 'server', 'sent', 'progress', 'answered', 'ms']);
    // Its last progress note came in the same moment or nearly so, and the answer is written behind it.
    expect([undefined, 5]).toContain(end!.times!.held);
  });

  it('says of one under way how far it has come: in the queue it has not had its turn', async () => {
    const test = await startGateway({ upstreams: { default: { ...servers.scripted, maxConcurrent: 1 } } });
    const client = await WireClient.session(test.ws);
    client.send(toolCall(1, 'never'));
    client.send(toolCall(2, 'echo'));
    const requests = (): { state: string; times: RequestTimes }[] => test.gateway.operations.requests();
    await expect.poll(() => requests().map(({ state }) => state)).toEqual(['running', 'queued']);
    await expect.poll(() => requests()[0]!.times.sent).toBeGreaterThan(0);
    expect(requests()[0]!.times.answered).toBeUndefined();
    expect(Object.values(requests()[1]!.times).filter((each) => each !== undefined)).toEqual([]);
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await client.answer(2);
    const [never, echo] = [endsOf(test, 'never')[0]!, endsOf(test, 'echo')[0]!];
    // Nobody answered the first; the second had its turn after that was known.
    expect(wayOf(never)).toEqual(['0', 'turn', 'server', 'sent', 'ms']);
    expect(wayOf(echo)).toEqual(['0', 'turn', 'server', 'sent', 'answered', 'ms']);
  });

  it('is noted at the server that was reached where all have one address; of what goes to all only the end is known', async () => {
    const test = await startGateway({ upstreams: { one: servers.scripted, two: servers.scripted } });
    const client = await WireClient.session(test.all.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    await client.answer(1);
    await client.call(2, 'two__echo');
    expect(wayOf(endsOf(test, 'echo')[0]!)).toEqual(['0', 'turn', 'server', 'sent', 'answered', 'ms']);
    const list = test.events.find((event) => event.type === 'request.ended' && event.method === 'tools/list');
    expect(wayOf(list as never)).toEqual(['0', 'answered', 'ms']);
  });

  it('says for how long the client was asked something', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.open(test.ws);
    const meta = envelope({ elicitation: { form: {} } });
    const { requestState } = (await client.call(1, 'ask', { message: 'who?' }, meta))['result'] as Json;
    const inputResponses = { r1: { action: 'decline' } };
    const call = toolCall(2, 'ask', { message: 'who?' }, meta);
    client.send({ ...call, params: { ...(call['params'] as Json), requestState, inputResponses } });
    await client.answer(2);
    const [end] = endsOf(test, 'ask');
    expect(end!.times!.asked).toBeGreaterThan(0);
    expect(end!.times!.asked).toBeLessThan(end!.ms);
  });

  it('counts several questions at a time once, and one that is never answered to the end', () => {
    const times = new Timeline(performance.now());
    times.beginQuestion();
    times.beginQuestion();
    times.endQuestion();
    expect(times.asked).toBeUndefined();
    times.endQuestions();
    const { asked } = times;
    expect(asked).toBeGreaterThan(0);
    times.endQuestion();
    expect(times.asked).toBe(asked);
  });

  it('stays with the newest requests, each with its own', () => {
    const recent = new RecentRequests();
    const facts = { type: 'request.ended', method: 'ping', target: undefined, upstream: 'demo', session: 's' } as const;
    const whose = { principal: 'ann', transport: 'websocket', era: 'legacy', outcome: 'ok' } as const;
    const end = (exchange: string, times?: RequestTimes): void =>
      recent.onEvent({
        ...facts,
        ...whose,
        exchange,
        ms: 9,
        code: undefined,
        error: undefined,
        ...(times && { times }),
      });
    end('x-1', { turn: 0, server: 3, answered: 8, held: 5 });
    for (let nth = 2; nth <= MAX_ENDED; nth++) end(`x-${nth}`);
    expect(recent.list()[0]!.times).toEqual({ turn: 0, server: 3, answered: 8, held: 5 });
    expect(recent.list()[1]).not.toHaveProperty('times');
    // The oldest makes room: nothing of it is left in its place.
    end('x-last', { answered: 1 });
    expect(recent.list().at(-1)).toMatchObject({ id: 'x-last', times: { answered: 1 } });
    expect(recent.list().at(-1)!.times).not.toHaveProperty('turn');
  });
});

describe('the sizes of a request', () => {
  it('are known without an audit log where they cost nothing: of what is large', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'x'.repeat(4000) });
    await client.call(2, 'echo', { text: 'x' });
    const [large, small] = endsOf(test, 'echo');
    expect(large!.bytesIn).toBe(4000 + '{"text":""}'.length);
    expect(large!.bytesOut).toBeGreaterThan(4000);
    expect([small!.bytesIn, small!.bytesOut]).toEqual([undefined, undefined]);
  });
});
