import { describe, expect, it, onTestFinished } from 'vitest';
import { Commands } from '../src/commands.ts';

const node = process.execPath;
const never = 'setInterval(() => {}, 1000)';
const options = () => ({ cwd: process.cwd(), signal: new AbortController().signal });

describe('commands', () => {
  it('give their exit code and both outputs, and see their arguments as they are', async () => {
    const commands = make();
    const code = 'process.stdout.write(process.argv[1]); process.stderr.write("told"); process.exitCode = 4';
    const { code: exit, stdout, stderr } = await commands.run(node, ['-e', code, '$(id) "; *'], options());
    expect([exit, stdout, stderr]).toEqual([4, '$(id) "; *', 'told']);
  });

  it('are ended when they print too much', async () => {
    const endless = 'setInterval(() => process.stdout.write("x".repeat(1000)), 1)';
    const printing = make().run(node, ['-e', endless], { ...options(), maxBytes: 10_000 });
    await expect(printing).rejects.toMatchObject({
      code: 'OUTPUT_TOO_LARGE',
      message: expect.stringContaining('10000 bytes'),
    });
  });

  it('are ended when their time is over', async () => {
    const running = make().run(node, ['-e', never], { ...options(), timeoutMs: 50 });
    await expect(running).rejects.toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('50 ms') });
  });

  it('are not found if they are not there', async () => {
    const missing = make().run('no-such-program', [], options());
    await expect(missing).rejects.toMatchObject({
      code: 'COMMAND_NOT_FOUND',
      message: 'no-such-program is not on the PATH.',
    });
  });

  it('run eight at once while 256 wait, and one more is refused; one that is cancelled waits no longer', async () => {
    const commands = make();
    const stop = new AbortController();
    const start = (signal: AbortSignal) => commands.run(node, ['-e', never], { cwd: process.cwd(), signal });
    const running = Array.from({ length: 8 }, () => start(stop.signal));
    const leaving = new AbortController();
    const waiting = Array.from({ length: 256 }, (_, at) => start(at === 0 ? leaving.signal : stop.signal));
    const all = Promise.allSettled([...running, ...waiting]);
    await expect(start(stop.signal)).rejects.toMatchObject({ code: 'OVERLOADED' });
    leaving.abort(new Error('left'));
    await expect(waiting[0]).rejects.toThrow('left');
    stop.abort(new Error('stopped'));
    const reasons = (await all).map((one) => (one.status === 'rejected' ? (one.reason as Error).message : 'done'));
    expect(reasons.filter((reason) => reason === 'stopped')).toHaveLength(8 + 255);
    const { stdout } = await commands.run(node, ['-p', '1'], options());
    expect(stdout).toBe('1\n');
  });
});

function make(): Commands {
  const commands = new Commands({ env: process.env, timeoutMs: 20_000 });
  onTestFinished(() => commands.close());
  return commands;
}
