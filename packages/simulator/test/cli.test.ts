/** The built command, as a user runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

import { EXIT } from '../src/errors.ts';
import type { Result } from '../src/result.ts';
import { folder } from './support/files.ts';
import { simulateBin, startFaulty, startSwitchboard } from './support/servers.ts';

const switchboard = fileURLToPath(new URL('../../switchboard/dist/cli/main.js', import.meta.url));

async function command(
  args: readonly string[],
  input = '',
  program: readonly string[] = [simulateBin],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [...program, ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.write(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

describe('mcp-simulate', () => {
  it('prints a summary, and ends well where every threshold was kept', async () => {
    const server = await startFaulty({});
    const { code, stdout, stderr } = await command([server.ws, '--calls', '50']);
    expect(code).toBe(EXIT.done.code);
    expect(stdout).toMatch(/^10 clients, .*faulty 1\.0\.0\n/);
    expect(stdout).toContain('0 crossed, 0 lost, 0 doubled, 0 disordered\n');
    expect(stdout).toContain('✓ crossed: 0 (limit 0)');
    expect(stderr).toContain('10 of 10 clients');
    expect(stdout + stderr).not.toContain('\u001b');
  });

  it('ends with a code of its own where a threshold was broken', async () => {
    const server = await startFaulty({ double: [7] });
    const { code, stdout } = await command([server.ws, '--calls', '50', '--fail-on', 'doubled>0,errors>0']);
    expect(code).toBe(EXIT.threshold.code);
    expect(stdout).toContain('✗ doubled: 1 (limit 0)\n');
    expect(stdout).toContain('got the answer to id');
  });

  it('does not end well where most calls fail, and says what to change', async () => {
    const server = await startSwitchboard('--isolation', 'shared', '--rate-limit', '20');
    const page = join(folder(), 'page.html');
    const { code, stdout } = await command([server.ws, '--clients', '2', '--calls', '100', '--report', page]);
    expect(code).toBe(EXIT.threshold.code);
    expect(stdout).toMatch(/✗ errors: \d+(\.\d+)? % \(limit 1 %\)\n/);
    expect(stdout).toContain('rate limited: raise the limit of the server (--rate-limit');
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('<div class="verdict bad">1 of 4 thresholds was broken');
    expect(html).toContain('rate limited: raise');
  });

  it('does not show a green banner over errors that no threshold forbids', async () => {
    const server = await startFaulty({ error: [3] });
    const page = join(folder(), 'page.html');
    const flags = ['--calls', '20', '--fail-on', 'crossed>0', '--report', page];
    expect((await command([server.ws, ...flags])).code).toBe(EXIT.done.code);
    expect(readFileSync(page, 'utf8')).toContain(
      '<div class="verdict doubtful">Every threshold was kept, with one error',
    );
  });

  it('spreads clients over threads, which find together what no one of them could', async () => {
    const server = await startFaulty({ misdeliver: [20, 40, 60], lose: [80] });
    const { stdout, stderr } = await command([
      server.ws,
      '--calls',
      '200',
      '--threads',
      '3',
      '--timeout',
      '500ms',
      '--json',
    ]);
    const result = JSON.parse(stdout) as Result;
    expect(result.integrity).toMatchObject({ crossed: 3, lost: 1, doubled: 0 });
    expect(result).toMatchObject({ sent: 200, self: { threads: 3 } });
    expect(stderr).toContain('3 crossed, 1 lost');
  });

  it('writes a result and a page that needs nothing else, and compares two results', async () => {
    const server = await startFaulty({ error: [3] });
    const [before, after, page] = ['a.json', 'b.json', 'both.html'].map((name) => join(folder(), name)) as [
      string,
      string,
      string,
    ];
    const secrets = ['--header', 'Authorization: Bearer secret'];
    await command([`${server.http}?key=secret`, '--calls', '20', '--output', before, ...secrets]);
    await command([`${server.http}?key=secret`, '--calls', '40', '--output', after, '--report', page, ...secrets]);
    const { code, stdout } = await command(['compare', before, after, '--report', page]);
    expect(code).toBe(EXIT.done.code);
    expect(stdout).toMatch(/^ +before +after\n/);
    expect(stdout).toMatch(/^ {2}answers +19 +40 +\+111 %$/m);
    expect(stdout).toContain('calls: 20 before, 40 after');
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('beside an earlier run');
    expect(html).not.toMatch(/(src|href)=|@import|url\(/);
    expect(html + readFileSync(after, 'utf8')).not.toContain('secret');
  });

  it('takes its keys from stdin', async () => {
    const server = await startFaulty({});
    const { code, stderr } = await command([server.ws, '--duration', '0', '--keys'], 'psq');
    expect(code).toBe(EXIT.done.code);
    expect(stderr).toContain('paused\n');
    expect(stderr).toContain('client 1: legacy');
  });

  it('shows the conversation of a single client', async () => {
    const server = await startFaulty({});
    const { code, stderr } = await command([server.ws, '--mode', 'single', '--calls', '1']);
    expect(code).toBe(EXIT.done.code);
    expect(stderr).toMatch(/→ \{"id":2,"method":"tools\/call".*\n.*← \{"id":2,"result"/);
  });

  it.each([
    ['an unknown flag', ['ws://127.0.0.1:1', '--clint', '3'], EXIT.usage.code, 'unknown option'],
    ['no target', [], EXIT.usage.code, 'give a URL, or a command after --'],
    ['no command', ['--'], EXIT.usage.code, 'give a command after --'],
    ['two targets', ['ws://127.0.0.1:1', 'more'], EXIT.usage.code, 'got "more" too'],
    [
      'a file after --json',
      ['ws://127.0.0.1:1', '--json', 'result.json'],
      EXIT.usage.code,
      '--json takes no value, it prints on stdout; did you mean --output result.json?',
    ],
    ['a file in --json', ['ws://127.0.0.1:1', '--json=r.json'], EXIT.usage.code, 'did you mean --output r.json?'],
    ['a file that is before the target', ['--json', 'r.json', '--', 'node'], EXIT.usage.code, '--output r.json?'],
    ['a dash after --json', ['ws://127.0.0.1:1', '--json', '-'], EXIT.usage.code, 'leave out the "-"'],
    ['nobody there', ['ws://127.0.0.1:9/mcp'], EXIT.unreachable.code, '(SIM_UNREACHABLE)'],
    ['a command that is not there', ['--', '/nowhere/server'], EXIT.unreachable.code, 'ENOENT'],
    [
      'a scenario that is not there',
      ['ws://127.0.0.1:9/', '--scenario', '/nowhere.json'],
      EXIT.failed.code,
      '/nowhere.json',
    ],
    ['a result that is none', ['compare', '/dev/null', '/dev/null'], EXIT.failed.code, '(SIM_FILE)'],
  ])('says what is wrong with %s', async (_, args, code, message) => {
    const ended = await command(args);
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr).not.toContain('    at ');
  });

  it('is `switchboard simulate` too', async () => {
    const server = await startFaulty({});
    const ended = await command(['simulate', server.ws, '--calls', '20', '--clients', '2'], '', [switchboard]);
    expect(ended).toMatchObject({ code: EXIT.done.code, stdout: expect.stringMatching(/^2 clients/) });
    expect((await command(['simulate', '--help'], '', [switchboard])).stdout).toContain('Usage: switchboard simulate');
  });
});

describe('switchboard simulate without the simulator', () => {
  it('says how to get it', async () => {
    const loader = join(folder(), 'hide.mjs');
    // Resolves as it would where the package is not installed.
    writeFileSync(
      loader,
      `import { register } from 'node:module';
       register('data:text/javascript,' + encodeURIComponent(\`export const resolve = (name, context, next) => {
         if (name !== 'mcp-switchboard-simulator') return next(name, context);
         throw Object.assign(new Error("Cannot find package '" + name + "'"), { code: 'ERR_MODULE_NOT_FOUND' });
       };\`));`,
    );
    const ended = await command(['simulate', 'ws://127.0.0.1:1'], '', ['--import', loader, switchboard]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('install it beside this one, or run npx mcp-switchboard-simulator');
  });
});
