/** What a server started and detached from its process group: it ends with its server. */
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';

import { serve } from '../support/command.ts';
import { expectEmpty, isAlive, servers, startGateway } from '../support/gateway.ts';
import { WireClient, textOf } from '../support/wire.ts';

const { command, args } = servers.scripted;

/** Starts daemons of a server, which end with the test at the latest. */
async function daemon(client: WireClient, id: number, unmarked = false): Promise<number> {
  const pid = Number(textOf(await client.call(id, 'daemon', { unmarked })));
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });
  return pid;
}

const expectEnded = (pid: number): Promise<void> => expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);

describe('a process that a server detached', () => {
  it('ends with the session of its server, and those of other sessions stay', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const [one, other] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    const pids = [await daemon(one, 1), await daemon(one, 2)];
    const stays = await daemon(other, 1);
    one.socket.close();
    for (const pid of pids) await expectEnded(pid);
    expect(isAlive(stays)).toBe(true);
    other.socket.close();
    await expectEnded(stays);
    await expectEmpty(test);
  });

  it('ends when its server crashes', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const client = await WireClient.session(test.ws);
    const pid = await daemon(client, 1);
    await client.call(2, 'crash');
    await expectEnded(pid);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('ends when Switchboard is ended by %s', async (signal) => {
    const { child, ws } = await serve(['--', command, ...args]);
    const client = await WireClient.session(ws);
    const pid = await daemon(client, 1);
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    await expectEnded(pid);
  });

  it('stays where it was started without the variable', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const client = await WireClient.session(test.ws);
    const [stays, ends] = [await daemon(client, 1, true), await daemon(client, 2)];
    client.socket.close();
    await expectEnded(ends);
    expect(isAlive(stays)).toBe(true);
  });
});
