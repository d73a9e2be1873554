/**
 * What a call costs, counted and not timed: a change that parses a message once more, writes each one by itself, or makes many objects for
 * each, is seen here before it is seen in `npm run bench`.
 */
import { expect, it } from 'vitest';

import { servers } from '../support/gateway.ts';
import { ask, startMeasured } from '../support/measured.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';

interface Work {
  parses: number;
  parsedChars: number;
  stringifies: number;
  stringifiedChars: number;
  writes: number;
  allocatedBytes: number;
}

const IN_FLIGHT = 50;
const ROUNDS = 40;
/** About 10 % more than it was: 7,200 with Node 22, which takes most of the older ones, and 8,600 with Node 26. */
const MOST_BYTES_A_CALL = Number(process.versions.node.split('.')[0]) < 24 ? 8000 : 9500;

it('a small call is parsed and written once in each direction, with others of its turn, and makes little garbage', async () => {
  const options = { upstreams: { default: servers.scripted }, isolation: 'shared', rateLimit: 'unlimited' };
  const { gateway, websocket } = await startMeasured(options);
  const client = await WireClient.session(websocket);
  let id = 0;
  const round = async (): Promise<void> => {
    const ids = Array.from({ length: IN_FLIGHT }, () => ++id);
    for (const each of ids) client.send(toolCall(each, 'echo', { text: `text ${each}` }));
    const answers = await Promise.all(ids.map((each) => client.answer(each)));
    expect(answers.map(textOf)).toEqual(ids.map((each) => `text ${each}`));
  };
  for (let n = 0; n < ROUNDS; n++) await round();
  await ask(gateway, 'count');
  const before = await ask<Work>(gateway, 'counted');
  for (let n = 0; n < ROUNDS; n++) await round();
  const after = await ask<Work>(gateway, 'counted');
  const calls = IN_FLIGHT * ROUNDS;
  const aCall = (what: keyof Work): number => (after[what] - before[what]) / calls;
  expect(aCall('parses')).toBeCloseTo(2, 1);
  expect(aCall('stringifies')).toBeCloseTo(2, 1);
  expect(aCall('writes')).toBeLessThan(0.5);
  expect(aCall('allocatedBytes')).toBeLessThan(MOST_BYTES_A_CALL);
});

it('of a large call nothing but its envelope is parsed or written anew', async () => {
  const options = { upstreams: { default: servers.scripted }, isolation: 'shared' };
  const { gateway, websocket } = await startMeasured(options);
  const client = await WireClient.session(websocket);
  const text = 'x'.repeat(1024 * 1024);
  expect(textOf(await client.call(1, 'echo', { text }))).toBe(text);
  await ask(gateway, 'count');
  expect(textOf(await client.call(2, 'echo', { text }))).toBe(text);
  const work = await ask<Work>(gateway, 'counted');
  expect(work.parsedChars + work.stringifiedChars).toBeLessThan(2000);
});
