/** The built command, as an operator runs it. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { EXIT } from '../../src/cli/exit.ts';
import { cli, servers } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer } from '../support/keys.ts';
import { initializeParams } from '../support/wire.ts';

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function run(
  args: readonly string[],
  env: Record<string, string> = {},
): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { code: status, stdout, stderr };
}

/** Starts `serve`, and waits until it listens. */
async function serve(args: readonly string[]): Promise<{ url: string; stderr: () => string }> {
  const child = spawn(process.execPath, [
    cli,
    'serve',
    '--port',
    '0',
    ...args,
    '--',
    servers.demo.command,
    ...servers.demo.args,
  ]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let written = '';
  child.stdout.resume();
  child.stderr.on('data', (chunk: Buffer) => (written += chunk.toString()));
  const url = (): string | undefined => /"url":"([^"]+)"/.exec(written)?.[1];
  await expect.poll(url, { timeout: 10_000 }).toBeDefined();
  return { url: url()!, stderr: () => written };
}

const body = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
const statusWith = async (url: string, token: string): Promise<number> =>
  (await http(url, { headers: bearer(token), body })).status;

describe('switchboard keys', () => {
  it('makes a key that is shown once, lists it without it, and takes it back from a Switchboard that runs', async () => {
    const file = join(newFolder(), 'keys.json');
    const env = { SWITCHBOARD_KEYS_FILE: file };
    const made = run(
      ['keys', 'create', 'ann', '--role', 'reader', 'writer', '--label', 'for \u001B[31mtests', '--expires', '90d'],
      env,
    );
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^swb_[0-9a-f]{12}_[\w-]{43}\n$/) });
    const key = made.stdout.trim();
    const [, id = '', secret = ''] = /^swb_([0-9a-f]{12})_(.*)$/.exec(key) ?? [];
    expect(made.stderr).not.toContain(secret);
    expect(statSync(file).mode & 0o777).toBe(0o600);

    const listed = run(['keys', 'list', '--keys-file', file]).stdout;
    expect(listed).toMatch(
      new RegExp(`^${id}  ann  +reader,writer  good  +\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d  for \\?\\[31mtests$`, 'm'),
    );
    expect(listed).not.toContain(secret);
    const [shown] = JSON.parse(run(['keys', 'list', '--json'], env).stdout) as Record<string, unknown>[];
    expect(Object.keys(shown!).toSorted()).toEqual([
      'createdAt',
      'expiresAt',
      'id',
      'label',
      'principal',
      'roles',
      'state',
    ]);

    const { url } = await serve(['--keys-file', file]);
    expect(await statusWith(url, key)).toBe(200);
    expect(run(['keys', 'revoke', id], env).code).toBe(0);
    await expect.poll(() => statusWith(url, key), { timeout: 5000 }).toBe(401);
    expect(run(['keys', 'list'], env).stdout).toContain('revoked');
  });

  it.each([
    [['create', 'anonymous'], /cannot be a principal/],
    [['create', 'a\nb'], /cannot be a principal/],
    [['create', 'ann', '--expires', 'soon'], /--expires: expected a duration/],
    [['revoke', '000000000000'], /no key 000000000000/],
  ])('refuses %j and says why', (args, message) => {
    const env = { SWITCHBOARD_KEYS_FILE: join(newFolder(), 'keys.json') };
    run(['keys', 'create', 'ben'], env);
    expect(run(['keys', ...args], env)).toMatchObject({
      code: EXIT.usage.code,
      stderr: expect.stringMatching(message),
    });
  });

  it('refuses a role that the configuration does not have, and writes the key to a file of its owner alone', () => {
    const folder = newFolder();
    const config = join(folder, 'switchboard.json');
    writeFileSync(config, JSON.stringify({ roles: { reader: {} }, upstreams: { one: { command: 'node' } } }));
    const [keys, output] = [join(folder, 'keys.json'), join(folder, 'ann.key')];
    const create = ['keys', 'create', 'ann', '--keys-file', keys, '--config', config, '--output', output, '--role'];
    const refused = run([...create, 'reder'], {});
    expect([refused.code, refused.stderr]).toEqual([
      EXIT.usage.code,
      expect.stringContaining('Did you mean "reader"?'),
    ]);
    expect([existsSync(keys), existsSync(output)]).toEqual([false, false]);
    expect(run([...create, 'reader'], {})).toMatchObject({ code: 0, stdout: '' });
    expect([keys, output].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(readFileSync(output, 'utf8')).toMatch(/^\S{40,}\n$/);
    // One that is there is kept, and no key is made that nobody has.
    const again = run([...create, 'reader'], {});
    expect([again.code, again.stderr]).toEqual([EXIT.usage.code, expect.stringContaining('is there already')]);
    expect(JSON.parse(readFileSync(keys, 'utf8'))).toMatchObject({ keys: [{ principal: 'ann' }] });
  });

  it('refuses a file that others can read, and wants one to be named', () => {
    const file = join(newFolder(), 'keys.json');
    writeFileSync(file, '{"version":1,"keys":[]}', { mode: 0o644 });
    expect(run(['keys', 'list', '--keys-file', file])).toMatchObject({
      code: EXIT.config.code,
      stderr: expect.stringMatching(/chmod 600/),
    });
    expect(run(['keys', 'list'], { SWITCHBOARD_KEYS_FILE: '' }).stderr).toContain('--keys-file');
  });
});

describe('switchboard serve --token', () => {
  it('prints the token that it made, which lets in', async () => {
    const { url, stderr } = await serve(['--token', 'auto']);
    const token = /shown once: export SWITCHBOARD_TOKEN=([\w-]{43})$/m;
    await expect.poll(stderr).toMatch(token);
    expect(await statusWith(url, token.exec(stderr())![1]!)).toBe(200);
    expect((await http(url, { body })).status).toBe(401);
  });

  it('takes no other as a flag, and does not repeat it', () => {
    const secret = 'a-secret-that-would-be-in-the-process-list';
    const { code, stderr } = run(['serve', '--token', secret, '--', 'x']);
    expect([code, stderr.includes(secret), stderr]).toEqual([
      EXIT.usage.code,
      false,
      expect.stringContaining('SWITCHBOARD_TOKEN'),
    ]);
  });
});
