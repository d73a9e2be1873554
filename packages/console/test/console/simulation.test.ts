import { describe, expect, it } from 'vitest';
import type { Found, Run, Status, Tool } from '../../src/pages/console/facts.ts';
import {
  axisOf,
  changeOf,
  errorRates,
  MEASURES,
  mostClients,
  readSteps,
  stepsFor,
  particularsOf,
  titleOf,
  withTag,
} from '../../src/pages/console/simulation.ts';

const tool = (name: string, properties?: object): Tool =>
  ({
    upstream: 'demo',
    name,
    description: '',
    inputSchema: { type: 'object', ...(properties && { properties }) },
  }) as Tool;
const found = (rate: number, p99: number): Found =>
  ({ rate, answers: 1, latency: { p50: 1, p99, p999: 1, max: 1 }, errorCount: 0, integrity: {} }) as Found;

describe('two runs', () => {
  it('are better with more answers or less time, the same within the noise, and say where there was nothing before', () => {
    const of = (label: string) => MEASURES.find((measure) => measure.label === label)!;
    expect(changeOf(of('Answers a second'), found(100, 10), found(150, 10))).toEqual({ text: '+50 %', kind: 'better' });
    expect(changeOf(of('p99'), found(100, 10), found(100, 15))).toEqual({ text: '+50 %', kind: 'worse' });
    expect(changeOf(of('p99'), found(100, 100), found(100, 104))).toEqual({ text: 'same', kind: 'same' });
    expect(changeOf(of('p99'), found(1, 0), found(1, 5))).toEqual({ text: 'from none', kind: 'worse' });
    expect(changeOf(of('Memory after'), found(1, 1), found(1, 1))).toEqual({ text: '–', kind: 'same' });
  });
});

describe('a run', () => {
  it('says in a few words what it does, and its errors a second however long its intervals are', () => {
    const run = (options: object): Run => ({ options }) as Run;
    expect(titleOf(run({ clients: 1, durationMs: 600_000, tool: 'add' }))).toBe('add, 1 client, 10m');
    expect(titleOf(run({ clients: 20, durationMs: 8000, steps: 3 }))).toBe('3 steps, 20 clients, 8s');
    expect(particularsOf(run({ inFlight: 1, era: 'legacy' }))).toBe('');
    const more = particularsOf(run({ inFlight: 4, era: 'mixed', rate: 2.5 }));
    expect(more).toBe('calls a second: 2.5 · in flight each: 4 · era: mixed');
    const points = [
      { at: 0.5, errors: 2 },
      { at: 2.5, errors: 2 },
    ].map((point) => ({ ...point, rate: 0, open: 1 }));
    expect(errorRates(points)).toEqual([4, 1]);
  });

  it('takes no more than half of the places that are free and what one caller may ask at a time, and one at least', () => {
    const most = (maxConnections: number, connections: number, maxRequestsInFlight: number, inFlight = 1): object =>
      mostClients({ maxConnections, connections, maxRequestsInFlight } as Status, inFlight);
    expect(most(50, 0, 256)).toEqual({ most: 25, by: 'maxConnections' });
    expect(most(50, 50, 256)).toEqual({ most: 1, by: 'maxConnections' });
    expect(most(5000, 10, 256, 16)).toEqual({ most: 16, by: 'maxRequestsInFlight' });
    expect(most(5000, 10, 9000)).toEqual({ most: 500 });
    expect(mostClients(undefined, 1)).toEqual({ most: 500 });
  });

  it('is drawn from the moment at which its clients were open', () => {
    const points = [{ at: 1, rate: 1, errors: 0, open: 1 }];
    expect(axisOf({ startedAt: 1000, openedAt: 9000 } as Run, points).from).toBe(9000);
    expect(axisOf({ startedAt: 1000 } as Run, points).from).toBe(1000);
  });

  it('is offered steps of the tool that echoes, and reads a scenario or its steps', () => {
    const [call, list] = stepsFor([tool('add'), tool('echo', { text: { type: 'string' } })]) as {
      args?: object;
      do: string;
    }[];
    expect([call!.args, list!.do]).toEqual([{ text: '{{tag}}' }, 'list']);
    expect(stepsFor([]).length).toBeGreaterThan(0);
    expect(readSteps('{"steps": [{"do": "list"}]}')).toEqual({ steps: [{ do: 'list' }] });
    expect(readSteps('[]').wrong).toContain('Expected a list of steps');
    expect(readSteps('null').wrong).toContain('Expected a list of steps');
    expect(readSteps('{').wrong).toContain('JSON');
  });

  it('has a tag in the first text of a tool that has nothing there by itself', () => {
    const { inputSchema } = withTag(
      tool('find', {
        kind: { type: 'string', enum: ['a'] },
        n: { type: 'number' },
        text: { type: 'string' },
        odd: null,
      }),
    );
    expect(inputSchema).toMatchObject({ properties: { text: { default: '{{tag}}' }, kind: { enum: ['a'] } } });
    const bare = tool('list');
    expect(withTag(bare)).toBe(bare);
  });
});
