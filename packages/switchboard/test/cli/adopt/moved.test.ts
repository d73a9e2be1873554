/** Entries in the files of clients follow Switchboard to another address. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { connectClient } from '../../../src/cli/adopt/connect-client.ts';
import { writeRunFile } from '../../../src/cli/run-file.ts';
import { BRIDGES, URL_OF_ALL, changedSince, cursor, makeHome, one, servers, under } from '../../support/adopt.ts';
import type { Home } from '../../support/adopt.ts';

const NOW = 'http://127.0.0.1:9000/mcp';
const claude = '.config/Claude/claude_desktop_config.json';
const files = [cursor, claude, '.codex/config.toml', '.config/goose/config.yaml', '.continue/config.yaml'];

/** A home whose clients were led to the usual address, with a Switchboard that has another now. */
async function moved(home: Home = makeHome()): Promise<Home> {
  home.write(cursor, servers({ one }));
  home.write(claude, servers({ one }));
  home.write('.codex/config.toml', '# mine\n[mcp_servers.one]\ncommand = "one"\nargs = ["-x"]\n');
  home.write('.config/goose/config.yaml', 'extensions:\n  one: { type: stdio, cmd: one, args: [-x] }\n');
  home.write('.continue/config.yaml', 'mcpServers:\n  - name: one\n    command: one\n    args: [-x]\n');
  await home.adopt();
  home.write(home.configPath, home.read(home.configPath).replace('"upstreams"', '"port": 9000,\n  "upstreams"'));
  return home;
}

describe('after the port has changed', () => {
  it('every entry that adopt wrote is shown with its old address, and moved after a yes', async () => {
    const home = await moved();
    const before = files.map((file) => home.read(file));
    const said = await home.adopt({}, { answers: [true] });
    expect(said).not.toContain('Servers that are shared');
    expect(under('Changes', said)).toEqual(
      expect.arrayContaining([
        '  ~/.cursor/mcp.json',
        `    - line 3: switchboard (at ${URL_OF_ALL})`,
        `    + "switchboard": { "url": "${NOW}" }`,
        '    - line 3: switchboard (at ws://127.0.0.1:8765/mcp)',
      ]),
    );
    expect(files.map((file) => home.read(file))).toEqual(before.map((text) => text.replaceAll('8765', '9000')));
    expect(await home.adopt()).toContain('nothing to change');
    // The configuration has one server still: none of the entries was taken for another.
    expect(Object.keys(home.config().upstreams)).toEqual(['one']);
  });

  it('the new entry takes the place of the old one also where further servers are adopted, and with --keep', async () => {
    const home = await moved();
    home.write('.codex/config.toml', `${home.read('.codex/config.toml')}\n[mcp_servers.two]\ncommand = "two"\n`);
    await home.adopt({ yes: true, keep: true, only: 'codex' });
    expect(home.read('.codex/config.toml')).toBe(
      `# mine\n[mcp_servers.switchboard]\nurl = "${NOW}"\n\n[mcp_servers.two]\nenabled = false\ncommand = "two"\n`,
    );
  });

  it('undoing goes back over both addresses', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    const first = home.read(cursor);
    await moved(home);
    await home.adopt();
    await home.adopt({ undo: true, yes: true, only: 'cursor' });
    expect(home.read(cursor)).toBe(first);
  });

  it('an entry is recognised also without a journal, unless another Switchboard runs at its address', async () => {
    const home = makeHome();
    home.write(home.configPath, { port: 9000, upstreams: {} });
    home.write(cursor, servers({ switchboard: { url: 'http://localhost:8765/mcp' } }));
    const environment = { HOME: home.path, XDG_RUNTIME_DIR: join(home.path, 'run') };
    const end = writeRunFile(environment, { url: 'http://127.0.0.1:8765', token: 't', pid: process.pid });
    const before = home.all();
    expect(under('Left alone', await home.adopt({ yes: true }, { environment }))).toEqual([
      '  Cursor, ~/.cursor/mcp.json:3 "switchboard": it leads to another Switchboard, which runs here',
    ]);
    expect(changedSince(home, before)).toEqual([]);
    end();
    await home.adopt({ yes: true }, { environment });
    expect(JSON.parse(home.read(cursor))).toEqual(servers({ switchboard: { url: NOW } }));
  });

  it.each<[string, object, string | undefined]>([
    ['a server of the same name elsewhere', { switchboard: { url: 'https://mcp.example.com/mcp' } }, undefined],
    ['one with a header', { switchboard: { url: URL_OF_ALL, headers: { A: 'x' } } }, 'change it by hand'],
    ['one for a single server', { one: { url: `${URL_OF_ALL}/one` } }, 'change it by hand'],
  ])('what adopt did not write stays: %s', async (_, entries, why) => {
    const home = await moved();
    writeFileSync(join(home.path, cursor), JSON.stringify(servers(entries)));
    const before = home.read(cursor);
    const said = await home.adopt({ yes: true, only: 'cursor' });
    expect(home.read(cursor)).toBe(before);
    expect(said).toContain(why ?? 'is a remote server without a key');
  });

  it('an address that another configuration has since is not moved', async () => {
    const home = await moved();
    const other = join(home.path, 'other.json');
    home.write('.gemini/settings.json', servers({ two: { command: 'two' } }));
    await home.adopt({ yes: true, config: other, only: 'gemini' });
    const gemini = home.read('.gemini/settings.json');
    const environment = { HOME: home.path, XDG_RUNTIME_DIR: join(home.path, 'run') };
    writeRunFile(environment, { url: 'http://127.0.0.1:8765', token: 't', pid: process.pid });
    await home.adopt({ yes: true, only: 'gemini' }, { environment });
    expect(home.read('.gemini/settings.json')).toBe(gemini);
  });

  it('connect-client puts its entry in the place of the old one', async () => {
    const home = await moved();
    const { situation } = home.situation();
    await connectClient('cursor', { name: 'switchboard', yes: true, url: NOW }, { ...situation, bridges: BRIDGES });
    expect(JSON.parse(home.read(cursor))).toEqual(servers({ switchboard: { url: NOW } }));
  });
});
