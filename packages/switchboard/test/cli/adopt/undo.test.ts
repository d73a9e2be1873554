/** Adopting is undone byte for byte. */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { URL_OF_ALL, changedSince, cursor, failure, isThere, makeHome, one, servers } from '../../support/adopt.ts';

describe('undo', () => {
  const other = '.gemini/settings.json';

  it('gives back what is as written, and leaves and shows what has changed since', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    home.write(other, servers({ one }));
    const [first, second] = [home.read(cursor), home.read(other)];
    await home.adopt();
    home.write(other, `${home.read(other)} `);
    expect(await home.adopt({ status: true })).toMatch(
      /^2026-03-04 05:06\n {2}Switchboard, .*: as written\n {2}Cursor, .*: as written\n {2}Gemini CLI, .*: changed since$/,
    );
    const said = await home.adopt({ undo: true, yes: true });
    expect(said).toContain('~/.cursor/mcp.json: given back as it was');
    const [, copy = ''] = /settings\.json: has changed since, and is left; as it was, it is in (.*)/.exec(said)!;
    expect(home.read(cursor)).toBe(first);
    expect(home.read(other)).toBe(`${home.read(other).trimEnd()}\n `);
    expect(isThere(home, home.configPath)).toBe(false);
    expect(home.read(copy.replace(`${home.path}/`, ''))).toBe(second);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    // When the change is taken back, so is the rest.
    home.write(other, home.read(other).slice(0, -1));
    await home.adopt({ undo: true, yes: true });
    expect(home.read(other)).toBe(second);
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
});
