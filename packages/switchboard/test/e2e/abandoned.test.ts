/** Ten thousand sessions whose clients are gone without a goodbye: after the idle time nothing of them is left. */
import type { ChildProcess } from 'node:child_process';
import { expect, it } from 'vitest';

import type { Stats } from '../../src/gateway/stats.ts';
import { servers } from '../support/gateway.ts';
import { childrenOf } from '../support/leftovers.ts';
import { ask, hear, startMeasured, startProgram } from '../support/measured.ts';
import type { Held } from '../support/measured.ts';

const SESSIONS = 10_000;
/** What code and tables grow by in the first sessions, and keep, is no part of a session. */
const WARM_UP = 2500;
/** Of the baseline. A session that is open takes some 10 KB: a hundredth of them would show. */
const MAX_GROWTH = 0.05;
/** What an open session holds at the least, in bytes: otherwise nothing is measured here. */
const LEAST_OF_SESSION = 1000;
it(`${SESSIONS} sessions, twice, half of them cut off and half of them frozen, leave memory, files, timers and children as they were`, async () => {
  const options = {
    upstreams: { default: servers.scripted },
    isolation: 'shared',
    maxConnections: SESSIONS + 100,
    maxConcurrent: SESSIONS,
    rateLimit: 'unlimited',
    idleTimeout: '8s',
    requestTimeout: '4s',
    pingInterval: '2s',
    resumeWindow: '2s',
  };
  const { gateway, websocket, http } = await startMeasured(options);
  const open = async (count: number): Promise<ChildProcess> => {
    const clients = startProgram('abandon', [websocket, http, String(count)]);
    await hear(clients);
    return clients;
  };
  const stats = (): Promise<Stats & { opened: number }> => ask(gateway, 'stats');
  const connections = async (): Promise<number> => (await stats()).connections;
  const untilGone = async (): Promise<Held> => {
    await expect.poll(connections, { timeout: 45_000, interval: 250 }).toBe(0);
    return ask<Held>(gateway, 'held');
  };

  const warm = await open(WARM_UP);
  await ask(gateway, 'kick');
  warm.send('cut');
  const before = await untilGone();
  const children = childrenOf(gateway.pid!).length;

  const abandon = async (round: number): Promise<void> => {
    const [cut, frozen] = await Promise.all([open(SESSIONS / 2), open(SESSIONS / 2)]);
    // On a slow machine the first are quiet for long enough before the last are open.
    const { opened, connections: held } = await stats();
    expect(opened).toBe(WARM_UP + round * SESSIONS);
    const full = await ask<Held>(gateway, 'held');
    cut.send('cut');
    frozen.kill('SIGSTOP');
    const after = await untilGone();
    frozen.kill('SIGKILL');
    expect(full.bytes - before.bytes).toBeGreaterThan(held * LEAST_OF_SESSION);
    expect(after.bytes / before.bytes).toBeLessThan(1 + MAX_GROWTH);
    expect(after.files).toBe(before.files);
    // One that ran at the start may be over.
    expect(after.timers).toBeLessThanOrEqual(before.timers);
    expect(childrenOf(gateway.pid!)).toHaveLength(children);
  };

  await abandon(1);
  await abandon(2);
  expect(await stats()).toMatchObject({ connections: 0, exchanges: 0, parked: 0 });
}, 300_000);
