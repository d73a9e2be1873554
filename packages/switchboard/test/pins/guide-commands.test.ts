/** Every `switchboard …` line of the guide that is for operators does what it says, against a Switchboard that runs. */
import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

import { file, folder, run, serve, start } from '../support/command.ts';
import { root, servers } from '../support/gateway.ts';
import { WireClient, toolCall } from '../support/wire.ts';

const PAGES = ['docs/guide/11-sessions.md', 'docs/guide/10-operations.md'];

/** The lines of code blocks that begin with the command, those of the README's kind (`serve`) left out. */
const linesOf = (page: string): string[] =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```(?:sh|console)\n([\s\S]*?)^```$/gm)]
    .flatMap(([, block = '']) => block.split('\n'))
    .map((line) => line.replace(/^\$ /, '').trim())
    .filter((line) => /^switchboard (?!serve\b)/.test(line));

describe('the commands in the guide', () => {
  it('run as they stand there', { timeout: 120_000 }, async () => {
    const env = { XDG_RUNTIME_DIR: folder(), SWITCHBOARD_ADMIN_TOKEN: undefined };
    const config = file({ upstreams: { default: { ...servers.demo, isolation: 'shared' } } });
    const bin = folder();
    symlinkSync(join(root, 'packages/switchboard/bin/switchboard.js'), join(bin, 'switchboard'));
    symlinkSync(config, join(bin, 'switchboard.json'));
    const serving = await serve(['--config', config], env);
    const someone = async (): Promise<{ SESSION: string; REQUEST: string }> => {
      const client = await WireClient.session(serving.ws);
      client.send(toolCall(1, 'count', { to: 100, delayMs: 1000 }));
      client.send({ jsonrpc: '2.0', id: 2, method: 'ping' });
      await client.answer(2);
      const { stdout } = await run(['requests', '--json'], { env });
      const { id, session } = (JSON.parse(stdout) as { id: string; session: string }[]).at(-1)!;
      return { SESSION: session, REQUEST: id };
    };
    const lines = PAGES.flatMap(linesOf);
    // What ends Switchboard comes last.
    const ordered = lines.toSorted((a, b) => Number(a.includes(' drain')) - Number(b.includes(' drain')));
    expect(ordered.length).toBeGreaterThan(12);
    for (const line of ordered) {
      const names = /\$(SESSION|REQUEST)/.test(line) ? await someone() : {};
      if (line.startsWith('switchboard events')) {
        const watching = start(['events'], env);
        let heard = false;
        watching.stdout!.once('data', () => (heard = true));
        await expect.poll(async () => (await someone(), heard), { timeout: 30_000 }).toBe(true);
        watching.kill('SIGINT');
        continue;
      }
      const ended = promisify(execFile)('/bin/sh', ['-c', line], {
        cwd: bin,
        env: { ...process.env, ...env, ...names, PATH: `${bin}:${process.env['PATH']}`, SWITCHBOARD_PORT: '0' },
      });
      const failure = await ended.then(
        () => undefined,
        (error: Error & { stderr: string }) => error.stderr,
      );
      expect([line, failure]).toEqual([line, undefined]);
    }
    expect(serving.log.filter(({ msg }) => msg === 'draining')).toHaveLength(1);
    // It waits for calls that are long; the second signal does not.
    serving.child.kill('SIGTERM');
    serving.child.kill('SIGINT');
    await serving.exit;
  });
});
