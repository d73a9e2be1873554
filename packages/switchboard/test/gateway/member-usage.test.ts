/** How often it is measured what the processes of servers use, and what of it the charts get. */
import { expect, it, onTestFinished, vi } from 'vitest';

import { MemberUsage } from '../../src/gateway/admin/member-usage.ts';
import type { UpstreamFacts } from '../../src/gateway/operations.ts';
import type { Usage } from '../../src/observe/history.ts';
import { ProcessTree } from '../../src/upstreams/process-tree.ts';

/** Processes with ids, and what each has used so far. */
type Processes = Readonly<Record<number, { memoryBytes: number; cpuMs: number }>>;

function startUsage(): {
  usage: MemberUsage;
  measured: [string, Usage][];
  reads(): number;
  run(processes: Processes): void;
  pass(ms: number): void;
} {
  let [now, reads] = [1000, 0];
  let processes: Processes = {};
  const measured: [string, Usage][] = [];
  const treeOf = (): ProcessTree =>
    new ProcessTree(
      Object.entries(processes).map(([pid, used]) => ({
        pid: Number(pid),
        parent: 1,
        group: Number(pid),
        state: 'S',
        ...used,
      })),
    );
  const upstreamsWith = (tree: ProcessTree): UpstreamFacts[] => {
    const members = Object.keys(processes).map((pid) => ({ pid: Number(pid), ...tree.usage(Number(pid)) }));
    return [{ name: 'demo', members } as unknown as UpstreamFacts, { name: 'remote', members: [{}] } as UpstreamFacts];
  };
  const usage = new MemberUsage({
    operations: { upstreamsWith },
    history: {
      measured: (upstream, used) => void measured.push([upstream, used]),
      usage: (upstream) => {
        const memoryBytes = measured.flatMap(([name, used]) => (name === upstream ? [used.memoryBytes] : []));
        return { from: 0, stepMs: 60_000, memoryBytes: [null, ...memoryBytes], cores: [] };
      },
    },
    read: () => {
      reads++;
      return Promise.resolve(treeOf());
    },
    now: () => now,
    onFault: (error) => expect.unreachable(String(error)),
  });
  onTestFinished(() => usage.close());
  return {
    usage,
    measured,
    reads: () => reads,
    run: (next) => void (processes = next),
    pass: (ms) => void (now += ms),
  };
}

it('adds up what the processes of a server have used since the look before, and tells that nothing runs any more', async () => {
  const { usage, measured, reads, run, pass } = startUsage();
  // Where no server has a process, the system is not looked at.
  await usage.measure();
  expect([reads(), measured]).toEqual([0, []]);
  run({ 7: { memoryBytes: 1000, cpuMs: 5000 } });
  pass(1000);
  await usage.measure();
  run({ 7: { memoryBytes: 1500, cpuMs: 5500 }, 8: { memoryBytes: 500, cpuMs: 250 } });
  pass(1000);
  await usage.measure();
  run({ 9: { memoryBytes: 100, cpuMs: 0 } });
  pass(2000);
  await usage.measure();
  run({});
  pass(1000);
  await usage.measure();
  expect(measured.slice(1)).toEqual([
    ['demo', { memoryBytes: 2000, cores: 0.75 }],
    ['demo', { memoryBytes: 100, cores: 0 }],
    ['demo', { memoryBytes: 0, cores: 0 }],
  ]);
});

it('looks every 5 s while somebody watches, and once a minute while nobody does', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { usage, reads, run, pass } = startUsage();
  run({ 7: { memoryBytes: 1000, cpuMs: 0 } });
  for (let second = 0; second < 12; second++) {
    const [demo] = await usage.upstreams();
    expect(demo!.members[0]!.memoryBytes).toBe(1000);
    pass(1000);
  }
  expect(reads()).toBe(2);
  pass(48_000);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(reads()).toBe(3);
  pass(10_000);
  await vi.advanceTimersByTimeAsync(60_000);
  // Somebody has looked a moment ago.
  expect(reads()).toBe(3);
});
