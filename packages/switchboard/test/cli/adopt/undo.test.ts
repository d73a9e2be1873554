/** Adopting is undone byte for byte. */
import { mkdirSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { adopt } from '../../../src/cli/adopt/adopt.ts';
import { readConfigFile } from '../../../src/cli/config.ts';
import { URL_OF_ALL, changedSince, cursor, failure, isThere, makeHome, one, servers } from '../../support/adopt.ts';

describe('undo', () => {
  const other = '.gemini/settings.json';

  it('gives back what is as written, and leaves and shows what has changed since', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    home.write(other, servers({ one }));
    const [first, second] = [home.read(cursor), home.read(other)];
    await home.adopt();
    home.write(other, home.read(other).replace('"switchboard"', '"mine"'));
    const changed = home.read(other);
    expect(await home.adopt({ status: true })).toMatch(
      /^2026-03-04 05:06\n {2}Switchboard, .*: as written\n {2}Cursor, .*: as written\n {2}Gemini CLI, .*: changed since$/,
    );
    const said = await home.adopt({ undo: true, yes: true });
    expect(said).toContain('~/.cursor/mcp.json: given back as it was');
    const [, copy = ''] = /settings\.json: has changed since, and is left; as it was, it is in (.*)/.exec(said)!;
    expect(home.read(cursor)).toBe(first);
    expect(home.read(other)).toBe(changed);
    // What still leads to Switchboard finds its servers there.
    expect(said).toContain('~/.config/switchboard/switchboard.json: is left, as what has changed may need it');
    expect(isThere(home, home.configPath)).toBe(true);
    expect(home.read(copy.replace(`${home.path}/`, ''))).toBe(second);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    // When the change is taken back, so is the rest.
    home.write(other, changed.replace('"mine"', '"switchboard"'));
    await home.adopt({ undo: true, yes: true });
    expect(home.read(other)).toBe(second);
    expect(isThere(home, home.configPath)).toBe(false);
    expect(await home.adopt({ status: true })).toContain('adopt has changed nothing, or all of it was undone');
    expect(Object.keys(home.all()).filter((name) => name.includes('/state/'))).toEqual([]);
  });

  it('goes back over several adoptions, and over the clients that are named', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    const before = home.all();
    await home.adopt();
    home.write(other, servers({ two: { command: 'two' } }));
    const text = home.read(other);
    await home.adopt();
    expect(Object.keys(home.config().upstreams)).toEqual(['one', 'two']);
    await home.adopt({ undo: true, yes: true, only: 'gemini' });
    expect(home.read(other)).toBe(text);
    expect(home.read(cursor)).toContain(URL_OF_ALL);
    await home.adopt({ undo: true, yes: true });
    expect(changedSince(home, before)).toEqual([other]);
  });

  it('does nothing without an answer, and refuses a journal that is no longer one', async () => {
    const home = makeHome();
    expect(await home.adopt({ undo: true, yes: true })).toBe('There is nothing to undo.');
    home.write(cursor, servers({ one }));
    await home.adopt();
    expect(await failure(home.adopt({ undo: true }))).toMatchObject({ code: 'SWB_USAGE' });
    expect(home.read(cursor)).toContain(URL_OF_ALL);
    const journal = Object.keys(home.all()).find((name) => /\/adopted\/.*\.json$/.test(name))!;
    expect(statSync(join(home.path, journal)).mode & 0o777).toBe(0o600);
    const [, id = ''] = /([\w-]+)\.json$/.exec(journal)!;
    const steps = [{ path: '/etc/passwd', after: 'x', mode: 0o644, backup: '../../../../evil' }];
    home.write(journal, JSON.stringify({ id, at: '', steps }));
    expect(await failure(home.adopt({ undo: true, yes: true }))).toMatchObject({ code: 'SWB_CONFIG_INVALID' });
  });

  it('gives back what was written when adopting ended in the middle, and says of the rest that it is as it was', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    home.write(other, servers({ one }));
    const before = home.all();
    // The folder of a file is a file when it is its turn.
    const ask = async (): Promise<boolean> => {
      rmSync(join(home.path, '.gemini'), { recursive: true });
      home.write('.gemini', 'not a folder');
      return true;
    };
    expect(await failure(home.adopt({}, { ask }))).toMatchObject({ code: 'SWB_FILE_NOT_WRITTEN' });
    const journal = Object.keys(home.all()).find((name) => /\/adopted\/.*\.json$/.test(name))!;
    // As it was when the process was killed: all of it noted, one of it written.
    const noted = JSON.parse(home.read(journal)) as { steps: { path: string }[] };
    const unwritten = { ...noted.steps.at(-1)!, path: join(home.path, other) };
    home.write(journal, { ...noted, steps: [...noted.steps, unwritten] });
    rmSync(join(home.path, '.gemini'));
    home.write(other, servers({ one }));
    const said = await home.adopt({ undo: true, yes: true });
    expect(said).toContain('~/.gemini/settings.json: is as it was already');
    expect(said).toContain('~/.cursor/mcp.json: given back as it was');
    expect(changedSince(home, before)).toEqual([]);
  });

  it('keeps what it could not give back, and says why', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    await home.adopt();
    const copy = Object.keys(home.all()).find((name) => /\/adopted\/[\w-]+-\d$/.test(name))!;
    const text = home.read(copy);
    rmSync(join(home.path, copy));
    expect(await failure(home.adopt({ undo: true, yes: true }))).toMatchObject({ code: 'SWB_FILE_NOT_WRITTEN' });
    expect(home.read(cursor)).toContain(URL_OF_ALL);
    home.write(copy, text);
    await home.adopt({ undo: true, yes: true });
    expect(JSON.parse(home.read(cursor))).toEqual(servers({ one }));
  });

  it('keeps the copy of a file that is no longer there, and says where it is', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    const text = home.read(cursor);
    await home.adopt();
    rmSync(join(home.path, cursor));
    const said = await home.adopt({ undo: true, yes: true });
    const [, copy = ''] = /mcp\.json: is no longer there; as it was, it is in (.*)/.exec(said)!;
    expect(readFileSync(copy, 'utf8')).toBe(text);
    expect(await home.adopt({ undo: true, yes: true })).toContain(copy);
    // Put back by hand, it is undone.
    home.write(cursor, text);
    await home.adopt({ undo: true, yes: true });
    expect(await home.adopt({ status: true })).toContain('adopt has changed nothing, or all of it was undone');
  });

  it('does not let one file keep the others from it', async () => {
    const home = makeHome();
    const third = '.kiro/settings/mcp.json';
    for (const name of [cursor, other, third]) home.write(name, servers({ one }));
    const text = home.read(cursor);
    await home.adopt();
    rmSync(join(home.path, third));
    mkdirSync(join(home.path, third));
    const folder = '.local/state/switchboard/adopted/';
    const lost = Object.keys(home.all()).find((name) => name.startsWith(folder) && name.endsWith('-2'))!;
    home.write(lost, 'something else');
    expect(await home.adopt({ status: true })).toContain(`Kiro, ~/${third}: changed since`);
    const { situation, said } = home.situation();
    const error = await failure(adopt({ undo: true, yes: true }, situation));
    expect(error).toMatchObject({ code: 'SWB_FILE_NOT_WRITTEN' });
    expect(error.message).toContain(`~/${other}: the copy of it as it was, ${join(home.path, lost)}, is not there`);
    expect(said.join('\n')).toContain(`~/${third}: has changed since, and is left`);
    expect(home.read(other)).toContain(URL_OF_ALL);
    expect(home.read(cursor)).toBe(text);
  });

  it('gives back a file that has become a link where the link leads', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    const text = home.read(cursor);
    await home.adopt();
    mkdirSync(join(home.path, 'dotfiles'));
    renameSync(join(home.path, cursor), join(home.path, 'dotfiles/mcp.json'));
    symlinkSync('../dotfiles/mcp.json', join(home.path, cursor));
    await home.adopt({ undo: true, yes: true });
    expect(readlinkSync(join(home.path, cursor))).toBe('../dotfiles/mcp.json');
    expect(home.read('dotfiles/mcp.json')).toBe(text);
  });

  it('keeps the variables of a configuration that has changed since', async () => {
    const home = makeHome();
    home.write(cursor, servers({ gh: { command: 'x', env: { GITHUB_TOKEN: 'ghp_0123456789abcdef' } } }));
    const text = home.read(cursor);
    await home.adopt();
    home.write(home.configPath, home.read(home.configPath).replace('"upstreams"', '"port": 9000, "upstreams"'));
    const said = await home.adopt({ undo: true, yes: true });
    expect(said).toContain('switchboard.json: has changed since, and is left; there was no such file before');
    expect(said).toContain('.env: is left, as what has changed may need it');
    expect(home.read(cursor)).toBe(text);
    const { upstreams } = readConfigFile(join(home.path, home.configPath), {}, {});
    expect(upstreams['gh']).toMatchObject({ env: { GITHUB_TOKEN: 'ghp_0123456789abcdef' } });
  });

  it('gives back the servers in a file that its client has written since, and leaves the rest', async () => {
    const home = makeHome();
    const app = { mcpServers: { dev: { command: 'dev' } } };
    const figma = { url: 'https://mcp.figma.com/mcp' };
    home.write('.claude.json', { numStartups: 1, mcpServers: { one, figma }, projects: { '/srv/app': app } });
    home.write('.codex/config.toml', '[mcp_servers.one]\ncommand = "one"\nargs = ["-x"]\n');
    home.write('.config/goose/config.yaml', 'extensions:\n  one: { type: stdio, cmd: one, args: [-x] }\n');
    await home.adopt({ yes: true, keep: true });
    home.write('.claude.json', home.read('.claude.json').replace('"numStartups": 1', '"numStartups": 2'));
    home.write('.codex/config.toml', `# mine\n${home.read('.codex/config.toml')}`);
    home.write('.config/goose/config.yaml', `${home.read('.config/goose/config.yaml')}# mine\n`);
    const said = await home.adopt({ undo: true, yes: true });
    expect(said).toContain('~/.claude.json: has changed since; its servers are in it again, the rest stays');
    expect(JSON.parse(home.read('.claude.json'))).toEqual({
      numStartups: 2,
      mcpServers: { one, figma },
      projects: { '/srv/app': app },
    });
    expect(home.read('.codex/config.toml').trimEnd()).toBe('# mine\n[mcp_servers.one]\ncommand = "one"\nargs = ["-x"]');
    expect(home.read('.config/goose/config.yaml')).toMatch(/^extensions:\n {2}one:\n {4}type: stdio\n[^]*# mine\n$/);
    expect(home.read('.config/goose/config.yaml')).not.toMatch(/switchboard|enabled/);
    expect(isThere(home, home.configPath)).toBe(false);
    expect(await home.adopt({ status: true })).toContain('adopt has changed nothing, or all of it was undone');
  });

  it('takes away the folders that adopt made, and no other', async () => {
    const home = makeHome();
    home.write(cursor, servers({ gh: { command: 'x', env: { GITHUB_TOKEN: 'ghp_0123456789abcdef' } } }));
    mkdirSync(join(home.path, '.local/state'), { recursive: true });
    const folders = (): string[] => readdirSync(home.path, { recursive: true, encoding: 'utf8' }).toSorted();
    const before = folders();
    await home.adopt();
    expect(folders()).toContain('.config/switchboard');
    await home.adopt({ undo: true, yes: true });
    expect(folders()).toEqual(before);
    // What others have put there meanwhile stays.
    await home.adopt();
    home.write('.config/other/x', '');
    home.write('.config/switchboard/keys.json', '');
    await home.adopt({ undo: true, yes: true });
    expect(folders()).toEqual(
      [...before, '.config', '.config/other', '.config/other/x']
        .concat('.config/switchboard', '.config/switchboard/keys.json')
        .toSorted(),
    );
  });

  it('gives them back over several adoptions too', async () => {
    const home = makeHome();
    const two = { command: 'two' };
    home.write(cursor, servers({ one }));
    await home.adopt();
    home.write(cursor, home.read(cursor).replace('"switchboard"', '"two": { "command": "two" },\n    "switchboard"'));
    await home.adopt();
    home.write(cursor, `${home.read(cursor)}\n`);
    await home.adopt({ undo: true, yes: true });
    expect(JSON.parse(home.read(cursor))).toEqual(servers({ one, two }));
    expect(isThere(home, home.configPath)).toBe(false);
  });
});
