/** Whole runs, mostly against Switchboard with the demo server behind it. */
import { describe, expect, it } from 'vitest';

import { readSettings } from '../src/options.ts';
import type { Result } from '../src/result.ts';
import { run } from '../src/run.ts';
import type { Controls, Watcher } from '../src/watcher.ts';
import { scenarioFile } from './support/files.ts';
import { demo, startFaulty, startSwitchboard } from './support/servers.ts';

const NONE = { crossed: 0, lost: 0, doubled: 0, disordered: 0 };

const simulate = (url: string, options: Readonly<Record<string, string>>, watcher?: Watcher): Promise<Result> =>
  run({ url, headers: {} }, readSettings({ clients: '6', ...options }), watcher);

const everything = {
  steps: [
    { do: 'call', tool: 'echo', args: { text: '{{tag}}' }, weight: 4 },
    { do: 'list', what: 'resources' },
    { do: 'read', uri: 'demo://notes' },
    { do: 'subscribe', uri: 'demo://clock' },
    { do: 'elicit', tool: 'ask', args: { question: '{{tag}}' }, weight: 2 },
    { do: 'call', tool: 'count', args: { to: 3 }, progress: true },
    { do: 'cancel', tool: 'count', args: { to: 100 }, after: '5ms' },
    { do: 'idle', for: '5ms' },
    { do: 'reconnect' },
  ],
};

describe.each(['ws', 'http'] as const)('over %s, clients of both eras', (transport) => {
  it('do every kind of step, are asked, and find every message in its place', async () => {
    const server = await startSwitchboard('--isolation', 'session', '--rate-limit', 'unlimited');
    const result = await simulate(server[transport], {
      era: 'mixed',
      calls: '250',
      scenario: scenarioFile(everything),
    });
    expect(result.integrity).toMatchObject({ ...NONE, unproven: 0 });
    expect(result.errors).toEqual({});
    expect(result.questions).toBeGreaterThan(0);
    expect(result.notes).toBeGreaterThan(0);
    expect(result.cancelled).toBeGreaterThan(0);
    expect(result.reconnects).toBeGreaterThan(0);
    expect(result.steps.map(({ name }) => name).toSorted()).toEqual([
      'call count',
      'call echo',
      'elicit ask',
      'list resources',
      'read demo://notes',
      'subscribe demo://clock',
    ]);
  });
});

describe('storms', () => {
  it.each(['ws', 'http'] as const)('over %s leave every message of Switchboard in its place', async (transport) => {
    const server = await startSwitchboard('--isolation', 'shared', '--rate-limit', 'unlimited');
    const result = await simulate(server[transport], {
      calls: '600',
      inFlight: '4',
      chaos: 'disconnect=2%,half-open=2%,cancel=10%,big-message=2%,slow-reader=20%',
      bigMessage: '100KiB',
      pid: String(server.pid),
    });
    expect(result.integrity).toMatchObject(NONE);
    expect(result.errors).toEqual({});
    expect(Object.keys(result.storms).toSorted()).toEqual([
      'big-message',
      'cancel',
      'disconnect',
      'half-open',
      'slow-reader',
    ]);
    expect(result.storms['slow-reader']).toBe(1);
    expect(result.cut).toBeGreaterThan(0);
    // The shared server was there before the clients, and stays.
    expect(result.processes?.peakProcesses).toBeGreaterThan(1);
    expect(result.processes?.leftovers).toEqual([]);
    expect(result.answers + result.cut + result.cancelled).toBe(600);
  });

  it('that kill processes of the server are seen as errors, and the clients go on', async () => {
    const server = await startSwitchboard('--isolation', 'shared', '--rate-limit', 'unlimited');
    const result = await simulate(server.ws, { calls: '300', chaos: 'crash=1%', pid: String(server.pid), settle: '0' });
    expect(result.storms['crash']).toBeGreaterThan(0);
    expect(result.integrity).toMatchObject(NONE);
    expect(result.answers + result.errorCount).toBe(300);
    expect(result.points.map(({ cpu = 0 }) => cpu).filter((cpu) => cpu < 0)).toEqual([]);
    expect(result.processes?.cpuPerAnswer).toBeGreaterThan(0);
    expect(result.answers).toBeGreaterThan(200);
  });
});

describe('a run', () => {
  it('at a rate measures from when a call should have begun, so that a server that stands still cannot hide it', async () => {
    const server = await startFaulty({ stall: [50] });
    const result = await simulate(server.ws, { calls: '100', rate: '200', clients: '1' });
    // The 60 calls of the 300 ms in which nobody was answered, and not only the one that was under way.
    expect(result.steps[0]?.latency.p75).toBeGreaterThan(50);
    expect(result.answers).toBe(100);
  });

  it('keeps so many late calls and no more, and counts the rest', async () => {
    const server = await startFaulty({ stall: [1] });
    const result = await simulate(server.ws, { duration: '200ms', rate: '2000000', clients: '1', timeout: '500ms' });
    expect(result.unsent).toBeGreaterThan(100_000);
    expect(result.sent).toBeLessThan(100_000);
    expect(result.integrity).toMatchObject(NONE);
  });

  it('ends when its time is over, and can be ended before', async () => {
    const server = await startFaulty({});
    const timed = await simulate(server.ws, { duration: '300ms' });
    expect(timed.seconds).toBeGreaterThan(0.29);
    expect(timed.seconds).toBeLessThan(3);
    let controls: Controls | undefined;
    const ended = await simulate(
      server.ws,
      { duration: '0' },
      {
        began: (given) => (controls = given),
        progress: ({ answers }) => answers > 0 && controls?.quit(),
      },
    );
    expect(ended.answers).toBeGreaterThan(0);
  });

  it('can be paused, made slower, cut and looked into', async () => {
    const server = await startFaulty({});
    const said: string[] = [];
    let acts: (() => Promise<string>)[] = [];
    let controls: Controls | undefined;
    const result = await simulate(
      server.ws,
      { duration: '0', clients: '2' },
      {
        began: (given) => {
          controls = given;
          acts = [
            () => given.cut(),
            () => given.pace(false),
            () => given.describe(2),
            () => given.describe(9),
            () => given.pause(),
          ];
        },
        progress: ({ phase }) => {
          const act = phase === 'running' ? acts.shift() : undefined;
          if (act !== undefined) void act().then((text) => said.push(text));
          else if (phase === 'running') controls?.quit();
        },
      },
    );
    expect(said).toEqual([
      'every connection is cut',
      '5 ms after each answer',
      expect.stringMatching(/^client 2: legacy, \w+, heard \d+ ms ago, \d+ answers, last id \d+/),
      'no client 9',
      'paused',
    ]);
    expect(result.reconnects).toBe(2);
    expect(result.integrity).toMatchObject(NONE);
  });

  it('leaves the time in which it was paused out of its rate, and has no latency for it', async () => {
    const server = await startFaulty({});
    let controls: Controls | undefined;
    let [running, paused] = [0, 0];
    const result = await simulate(
      server.ws,
      { duration: '0', clients: '2' },
      {
        began: (given) => (controls = given),
        progress: ({ phase, point }) => {
          if (phase !== 'running') return;
          if (point.paused) paused++;
          else running++;
          if (running === 1 && paused === 0) void controls?.pause();
          if (paused === 3) void controls?.pause();
          if (paused >= 3 && running >= 3) controls?.quit();
        },
      },
    );
    const silent = result.points.filter((point) => point.paused);
    expect(silent.length).toBeGreaterThanOrEqual(3);
    expect(silent.at(-1)).not.toHaveProperty('p50');
    expect(result.paused).toBeGreaterThan(0.4);
    const lasted = result.points.at(-1)!.at;
    expect(result.seconds + result.paused!).toBeCloseTo(lasted, 0);
    expect(result.rate).toBeGreaterThan((1.2 * result.answers) / (result.seconds + result.paused!));
  });

  it('counts a connection that the server ended, and makes a new one', async () => {
    const server = await startFaulty({ hangUp: [20] });
    const result = await simulate(server.ws, { calls: '60', clients: '2' });
    expect(result).toMatchObject({ reconnects: 1, errors: { 'closed 1006': 1 }, answers: 59 });
    expect(result.integrity).toMatchObject(NONE);
  });

  it('starts a command for each client, and sees its processes', async () => {
    const target = { command: [process.execPath, demo], env: process.env };
    const result = await run(target, readSettings({ clients: '2', calls: '20' }));
    expect(result).toMatchObject({ answers: 20, server: 'mcp-switchboard-demo 0.1.0', target: 'stdio: node' });
    expect(result.processes?.peakProcesses).toBeGreaterThanOrEqual(2);
    expect(result.processes?.leftovers).toEqual([]);
  });

  it('tells what was said, where somebody watches', async () => {
    const server = await startFaulty({});
    const said: string[] = [];
    await simulate(
      server.ws,
      { mode: 'single', clients: '1', calls: '1' },
      {
        talk: (client, speaker, text) => said.push(`${client} ${speaker} ${text.slice(0, 40)}`),
      },
    );
    expect(said).toEqual([
      expect.stringContaining('1 → {"jsonrpc":"2.0","id":1,"method":"initi'),
      expect.stringContaining('1 ← {"jsonrpc":"2.0","id":1,"result"'),
      expect.stringContaining('1 → {"jsonrpc":"2.0","method":"notificati'),
      '1 · connected',
      expect.stringContaining('1 → {"jsonrpc":"2.0","id":2,"method":"tools'),
      expect.stringContaining('1 ← {"jsonrpc":"2.0","id":2,"result"'),
    ]);
  });

  it.each([
    [
      'nobody there',
      'ws://127.0.0.1:9/mcp',
      {},
      /^The server cannot be reached or started: ws:\/\/127.0.0.1:9\/mcp: ECONNREFUSED$/,
    ],
    ['nobody there, by HTTP', 'http://127.0.0.1:9/mcp?key=secret', {}, /http:\/\/127.0.0.1:9\/mcp: ECONNREFUSED$/],
  ])('says what is wrong with %s', async (_, url, options, message) => {
    await expect(simulate(url, options)).rejects.toThrow(message);
  });

  it('says which tools there are where the one that was asked for is not', async () => {
    const server = await startFaulty({});
    await expect(simulate(server.ws, { tool: 'dance' })).rejects.toThrow(
      '--tool: the server has no "dance"; it has echo',
    );
  });
});
