import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { program } from './support/session.ts';

describe('the demo program', () => {
  const children: ChildProcess[] = [];
  const start = (...args: string[]) => {
    const child = spawn(process.execPath, [program, ...args]);
    children.push(child);
    return child;
  };
  const finish = async (...args: string[]): Promise<unknown> => {
    const child = start(...args);
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { stdout, stderr, code };
  };
  afterEach(() => children.splice(0).forEach((child) => child.kill()));

  it('prints its usage and its version', async () => {
    expect(await finish('--help')).toEqual({ stdout: expect.stringMatching(/^Usage: /), stderr: '', code: 0 });
    expect(await finish('--version')).toEqual({
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
      code: 0,
    });
  });

  it('refuses an option it does not know', async () => {
    expect(await finish('--port')).toEqual({ stdout: '', stderr: expect.stringContaining("'--port'"), code: 2 });
  });

  it.each([
    [{}, 1],
    [{ code: 42 }, 42],
  ])('exits when it is told to crash with %j', async (args, code) => {
    const child = start();
    child.stdin.write(handshake());
    child.stdin.write(line({ id: 2, method: 'tools/call', params: { name: 'crash', arguments: args } }));
    expect(await once(child, 'exit')).toEqual([code, null]);
  });

  it('exits without an error when its input ends, though it counts and the clock ticks', async () => {
    const child = start();
    const errors = text(child.stderr);
    child.stdin.write(handshake());
    child.stdin.write(line({ id: 2, method: 'resources/subscribe', params: { uri: 'demo://clock' } }));
    child.stdin.write(
      line({ id: 3, method: 'tools/call', params: { name: 'count', arguments: { to: 9, delayMs: 10_000 } } }),
    );
    await once(child.stdout, 'data');
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await errors).toBe('');
  });
});

function handshake(): string {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'demo-test', version: '1' } };
  return line({ id: 1, method: 'initialize', params }) + line({ method: 'notifications/initialized' });
}

function line(message: object): string {
  return `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
}
