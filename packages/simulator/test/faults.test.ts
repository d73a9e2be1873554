/** The simulator against servers that do wrong: each fault is found, and counted exactly. */
import { describe, expect, it, onTestFinished } from 'vitest';

import { readSettings } from '../src/options.ts';
import type { Result } from '../src/result.ts';
import { run } from '../src/run.ts';
import { scenarioFile } from './support/files.ts';
import { startFaulty } from './support/servers.ts';

/** One call in a thousand. */
const LOST = [1000, 2000, 3000];
const NONE = { crossed: 0, lost: 0, doubled: 0, disordered: 0 };

async function simulate(url: string, options: Readonly<Record<string, string>> = {}): Promise<Result> {
  const quick = { calls: '3000', clients: '10', timeout: '1s', settle: '100ms', ...options };
  const result = await run({ url, headers: {} }, readSettings(quick));
  onTestFinished(() => {
    for (const { pid } of result.processes?.leftovers ?? []) process.kill(pid, 'SIGKILL');
  });
  return result;
}

describe.each(['ws', 'http'] as const)('over %s, the simulator', (transport) => {
  it('finds nothing wrong with a server that does right', async () => {
    const server = await startFaulty({});
    const result = await simulate(server[transport], { pid: String(server.pid) });
    expect(result.integrity).toMatchObject({ ...NONE, proven: 3000, unproven: 0, examples: [] });
    expect(result).toMatchObject({ answers: 3000, errors: {}, server: 'faulty 1.0.0', reconnects: 0 });
    expect(result.verdicts.map(({ kept }) => kept)).toEqual([true, true, true, true]);
    expect(result.processes?.leftovers).toEqual([]);
  });

  it('counts two answers that were swapped, every lost one, a doubled one and a leaked child, all in one run', async () => {
    const server = await startFaulty({ swap: [100], lose: LOST, double: [400], leak: [500] });
    const result = await simulate(server[transport], { pid: String(server.pid) });
    expect(result.integrity).toMatchObject({ crossed: 2, lost: 3, doubled: 1, disordered: 0 });
    expect(result.processes?.leftovers).toMatchObject([{ name: 'sleep' }]);
    expect(result.answers).toBe(3000 - 2 - 3);
    expect(result.verdicts.map(({ kept }) => kept)).toEqual([false, false, false, true]);
    expect(result.integrity.examples.filter(({ fault }) => fault === 'crossed').map(({ what }) => what)).toEqual([
      expect.stringMatching(/^client \d+, call \d+ \(tools\/call echo\) got the answer of client \d+, call \d+$/),
      expect.stringMatching(/^client \d+, call \d+ \(tools\/call echo\) got the answer of client \d+, call \d+$/),
    ]);
  });

  it('counts what a server answers with an error by its code, and as no fault', async () => {
    const server = await startFaulty({ error: [7, 8, 9] });
    const result = await simulate(server[transport], { calls: '100' });
    expect(result).toMatchObject({ answers: 97, errorCount: 3, errors: { '-32001': 3 } });
    expect(result.integrity).toMatchObject(NONE);
  });
});

describe('the simulator', () => {
  it('does not call lost what reached somebody else', async () => {
    const server = await startFaulty({ misdeliver: [200, 300] });
    const result = await simulate(server.ws, { calls: '1000' });
    expect(result.integrity).toMatchObject({ crossed: 2, lost: 0, doubled: 0 });
  });

  it('counts a message of one client that all others got too', async () => {
    const server = await startFaulty({ broadcast: [50] });
    const result = await simulate(server.ws, { calls: '200' });
    expect(result.integrity).toMatchObject({ ...NONE, crossed: 9 });
  });

  it('counts progress that comes again, goes back, comes after the answer, or under a token that nobody gave', async () => {
    const server = await startFaulty({ progress: [30], strangeProgress: [40] });
    const step = { do: 'call', tool: 'echo', args: { text: '{{tag}}' }, progress: true };
    const result = await simulate(server.ws, { calls: '100', scenario: scenarioFile({ steps: [step] }) });
    expect(result.integrity).toMatchObject({ crossed: 1, lost: 0, doubled: 1, disordered: 2 });
  });

  it('says that it could not tell whose the answers were where they carry no correlation id', async () => {
    const server = await startFaulty({ swap: [100] });
    const result = await simulate(server.ws, { calls: '200', tool: 'echo', args: '{"text": "always the same"}' });
    expect(result.integrity).toMatchObject({ ...NONE, proven: 0, unproven: 0 });
  });
});
