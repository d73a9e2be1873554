/** Servers of MCP clients that operators import into the configuration of a running Switchboard: what is shown, written and given back. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { Imports } from '../../src/cli/adopt/imports.ts';
import { readConfig } from '../../src/cli/config.ts';
import { configurationFile } from '../../src/cli/configuration-file.ts';
import type { Change } from '../../src/gateway/change.ts';
import type { ConfigurationFile, Importable } from '../../src/gateway/configuration-file.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { servers } from '../support/gateway.ts';

const { command } = servers.demo;
const SECRET = 'ghp_abcdefghijklmnopqrstuvwxyz012345';
const OTHER = 'ghp_ABCDEFGHIJKLMNOPQRSTUVWXYZ543210';
const github = (token: string): object => ({
  command,
  args: ['gh'],
  env: { GITHUB_TOKEN: token, MODE: 'canary-mode' },
});
const OURS = 'http://127.0.0.1:9999/mcp';

interface Started {
  file: ConfigurationFile & Required<Pick<ConfigurationFile, 'importable'>>;
  read(name?: string): string;
  write(name: string, text: string): void;
  has(name: string): boolean;
  mode(name: string): number;
}

/** @param fail whether the running Switchboard cannot take what was written. */
function start(clients: Readonly<Record<string, object>>, { fail = false } = {}): Started {
  const home = mkdtempSync(join(tmpdir(), 'imports-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const at = (name: string): string => join(home, name);
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };
  for (const [name, found] of Object.entries(clients)) write(name, JSON.stringify({ mcpServers: found }));
  const text = JSON.stringify({ upstreams: { demo: { command, args: ['x'] } } }, undefined, 2);
  const path = at('switchboard/switchboard.json');
  write('switchboard/switchboard.json', text);
  const inputOf = (of: string, variables?: string) => {
    const { settings, access, upstreams } = readConfig(of, path, {}, {}, variables);
    return { ...settings, ...access, upstreams };
  };
  const gateway = createGateway(inputOf(text));
  onTestFinished(() => gateway.close());
  const reload = (): Change => {
    if (fail) throw new Error('cannot');
    return gateway.reload(inputOf(readFileSync(path, 'utf8')));
  };
  const file = configurationFile({
    path,
    disabled: () => [],
    changeBy: (of, variables) => gateway.changeBy(inputOf(of, variables)),
    reload,
    imports: new Imports({ path, machine: { home, platform: 'linux', environment: {} }, url: () => OURS }),
  });
  return {
    file: file as Started['file'],
    write,
    read: (name = 'switchboard/switchboard.json') => readFileSync(at(name), 'utf8'),
    has: (name) => existsSync(at(name)),
    mode: (name) => statSync(at(name)).mode & 0o777,
  };
}

const idOf = ({ servers: found }: Importable, name: string): string => found.find((each) => each.name === name)!.id!;
const ENV = 'switchboard/.env';

describe('what could be imported', () => {
  it('is told with where it is, what it runs, where its secrets go and why it is called otherwise, and without a value', async () => {
    const { file } = start({
      '.cursor/mcp.json': { github: github(SECRET), demo: { command, args: ['another'] }, here: { url: OURS } },
      '.gemini/settings.json': {
        github: github(OTHER),
        same: { command, args: ['x'] },
        off: { command, disabled: true },
      },
      '.codeium/windsurf/mcp_config.json': { github: github(SECRET) },
    });
    const found = await file.importable();
    expect(
      found.servers.map(({ name, renamed, from, secrets }) => [
        name,
        renamed,
        from.map(({ client }) => client),
        secrets,
      ]),
    ).toEqual([
      ['github', undefined, ['Cursor', 'Windsurf'], ['GITHUB_TOKEN']],
      ['demo-cursor', 'another server is called demo', ['Cursor'], []],
      ['github-gemini-cli', 'another server is called github', ['Gemini CLI'], ['GITHUB_GEMINI_CLI_GITHUB_TOKEN']],
      ['demo', undefined, ['Gemini CLI'], []],
    ]);
    expect(found.servers.map(({ id }) => id !== undefined)).toEqual([true, true, true, false]);
    expect(found.servers[0]).toMatchObject({
      start: expect.stringContaining('gh (variables GITHUB_TOKEN, MODE)'),
      from: [{ file: '~/.cursor/mcp.json', line: 1 }, { file: '~/.codeium/windsurf/mcp_config.json' }],
    });
    expect(found.left.map(({ name, why }) => [name, why])).toEqual([
      ['here', 'it is Switchboard already'],
      ['off', 'it is disabled'],
    ]);
    expect(found.files.map(({ client, servers: count }) => [client, count])).toEqual([
      ['Cursor', 3],
      ['Windsurf', 1],
      ['Gemini CLI', 3],
    ]);
    expect(JSON.stringify(found)).not.toMatch(/ghp_|canary/);
  });

  it('is nothing where no client is, and a file that cannot be read is named', async () => {
    const { file, write } = start({});
    expect(await file.importable()).toMatchObject({ files: [], servers: [], left: [] });
    write('.cursor/mcp.json', '{ "mcpServers": ');
    write('.gemini/settings.json', ' '.repeat(9 * 1024 * 1024));
    const { left } = await file.importable();
    expect(left.map(({ file: name, why }) => `${name} ${why}`)).toEqual([
      expect.stringMatching(/^~\/\.cursor\/mcp\.json cannot be read/),
      '~/.gemini/settings.json is larger than 8 MiB',
    ]);
  });
});

describe('what is imported', () => {
  it('is shown as a difference without secrets, comes into the file with its secrets beside it, and is taken back', async () => {
    const { file, read, has, mode } = start({
      '.cursor/mcp.json': { github: github(SECRET), two: { command, args: ['two'] } },
    });
    const [before, client] = [read(), read('.cursor/mcp.json')];
    const imports = { github: idOf(await file.importable(), 'github') };
    const preview = file.preview({ imports });
    expect(preview.differences).toEqual([
      {
        what: 'server github',
        before: '',
        // Everybody sees the history, and an argument may be a secret that nobody knows for one.
        after: expect.stringMatching(/^\S+ \(variables GITHUB_TOKEN, MODE\); isolation session$/),
      },
      { what: 'envFile', before: '', after: '~/switchboard/.env' },
      { what: 'variable GITHUB_TOKEN in ~/switchboard/.env', before: '', after: 'its value, not shown' },
    ]);
    expect(preview.change.added).toEqual(['github']);
    expect([read(), has(ENV)]).toEqual([before, false]);
    expect(file.apply({ imports }, 'olga', preview.version).added).toEqual(['github']);
    expect(JSON.parse(read())).toMatchObject({
      envFile: '.env',
      upstreams: { demo: {}, github: { args: ['gh'], env: { GITHUB_TOKEN: '${env:GITHUB_TOKEN}' } } },
    });
    expect([read(ENV), mode(ENV)]).toEqual([`GITHUB_TOKEN=${SECRET}\n`, 0o600]);
    expect(read('.cursor/mcp.json')).toBe(client);
    expect(JSON.stringify([preview, file.facts()])).not.toMatch(/ghp_|canary/);
    expect((await file.importable()).servers.map(({ name, id }) => [name, id !== undefined])).toEqual([
      ['github', false],
      ['two', true],
    ]);
    file.undo('olga');
    expect([read(), has(ENV)]).toEqual([before, false]);
  });

  it('changes nothing where Switchboard cannot take it: neither the configuration nor the variables', async () => {
    const { file, read, write } = start({ '.cursor/mcp.json': { github: github(SECRET) } }, { fail: true });
    write(ENV, 'KEPT=1\n');
    const before = read();
    const imports = { github: idOf(await file.importable(), 'github') };
    expect(() => file.apply({ imports }, 'olga')).toThrow('cannot');
    expect([read(), read(ENV)]).toEqual([before, 'KEPT=1\n']);
  });

  it('leaves variables to whoever has changed their file since', async () => {
    const { file, read, write } = start({ '.cursor/mcp.json': { github: github(SECRET) } });
    const before = read();
    file.apply({ imports: { github: idOf(await file.importable(), 'github') } }, 'olga');
    write(ENV, `${read(ENV)}MORE=1\n`);
    file.undo('olga');
    expect([read(), read(ENV)]).toEqual([before, `GITHUB_TOKEN=${SECRET}\nMORE=1\n`]);
  });

  it('is what was looked at: nothing that nobody found, no name that is taken, no variable that is another now', async () => {
    const { file, read, write } = start({ '.cursor/mcp.json': { github: github(SECRET) } });
    const before = read();
    const id = idOf(await file.importable(), 'github');
    expect(() => file.preview({ imports: { x: 'never-given' } })).toThrow('look at them again');
    expect(() => file.preview({ imports: { demo: id } })).toThrow('has a server "demo" already');
    write(ENV, 'GITHUB_TOKEN=other\n');
    expect(() => file.preview({ imports: { github: id } })).toThrow('GITHUB_TOKEN has another value now');
    write(ENV, '');
    write('.cursor/mcp.json', JSON.stringify({ mcpServers: { github: github(OTHER) } }));
    const now = idOf(await file.importable(), 'github');
    expect(now).not.toBe(id);
    expect(() => file.apply({ imports: { github: id } }, 'olga')).toThrow('look at them again');
    expect([read(), read(ENV)]).toEqual([before, '']);
  });
});
