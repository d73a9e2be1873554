/** A fault that belongs to nothing, in the built command: what is under way is finished, and then the process ends. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { ended, serve, start } from '../support/command.ts';
import { isAlive, servers } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';

const fixture = fileURLToPath(new URL('../fixtures/unknown-fault.mjs', import.meta.url));
const { command, args } = servers.scripted;

const faulty = (fault: string): Record<string, string> => ({ NODE_OPTIONS: `--import=${fixture}`, FAULT: fault });

describe.each(['exception', 'rejection'])('a fault of its own that nothing has caught, a %s', (fault) => {
  it('cuts no call under way: it is logged, nobody new is let in, and the process ends with 1', async () => {
    const test = await serve(['--isolation', 'session', '--', command, ...args], faulty(fault));
    const client = await WireClient.session(test.ws);
    const pid = Number(textOf(await client.call(1, 'pid')));
    const other = await WireClient.session(test.ws);
    client.send(toolCall(2, 'slow', { ms: 2000, text: 'finished' }));
    other.send(toolCall(2, 'slow', { ms: 1000, text: 'finished too' }));
    await expect.poll(() => client.call(3, 'echo', { text: 'x' })).toBeDefined();

    test.child.kill('SIGUSR2');
    const probe = `http://127.0.0.1:${test.port}/readyz`;
    await expect.poll(async () => (await http(probe, { method: 'GET' })).status).toBe(503);
    expect(textOf(await other.answer(2))).toBe('finished too');
    expect(textOf(await client.answer(2))).toBe('finished');

    expect(await test.exit).toBe(1);
    const logged = test.log.find(({ msg }) => msg === 'failed') as { where: string; err: { stack: string } };
    expect(logged.where).toMatch(/^an (uncaught exception|unhandled rejection) in \S+-\d+-[\da-f]{8}$/);
    expect(logged.err.stack).toContain('a fault that belongs to nothing');
    expect(logged.err.stack).toContain('unknown-fault.mjs');
    await expect.poll(() => isAlive(pid)).toBe(false);
  });
});

it('of a command that carries one conversation ends it in the same way', async () => {
  const far = await serve(['--isolation', 'shared', '--', command, ...args]);
  const child = start(['connect', far.ws], faulty('exception'));
  const finished = once(child, 'exit');
  let heard = '';
  child.stdout!.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  const write = (message: object): void => void child.stdin!.write(`${JSON.stringify(message)}\n`);
  write({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
  await expect.poll(() => heard).toContain('"id":0');
  write(toolCall(1, 'slow', { ms: 1000, text: 'finished' }));
  write(toolCall(2, 'echo', { text: 'under way' }));
  await expect.poll(() => heard).toContain('under way');
  child.kill('SIGUSR2');
  expect((await finished)[0]).toBe(1);
  expect(heard).toContain('finished');
});

it('that cannot start ends with its own code as before', async () => {
  expect((await ended(start(['serve', '--port', 'x'], faulty('exception')))).code).toBe(2);
});
