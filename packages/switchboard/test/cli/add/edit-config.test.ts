/** One server of the configuration is taken out, or switched off and on, and every other byte stays. */
import { describe, expect, it } from 'vitest';

import { editConfig } from '../../../src/cli/add/edit-config.ts';
import type { Verb } from '../../../src/cli/add/edit-config.ts';
import { failure, makeHome } from '../../support/adopt.ts';
import type { Home } from '../../support/adopt.ts';
import { file, run, serve } from '../../support/command.ts';
import { servers } from '../../support/gateway.ts';

async function edit(home: Home, verb: Verb, name: string, answers?: boolean[]): Promise<string> {
  const { situation, said } = home.situation(answers === undefined ? {} : { answers });
  const fetch = async (): Promise<Response> => new Response();
  await editConfig(verb, name, { yes: answers === undefined }, { ...situation, fetch, reload: async () => 'reloaded' });
  return said.join('\n');
}

const TEXT = `{
  // mine
  "upstreams": {
    "one": { "command": "one" }, // first
    "two": {
      "command": "two", "args": ["-x"], "env": { "KEY": "value" }
    },
  },
  "mcp": { "servers": { "three": { "command": "three", "enabled": false } } }
}
`;

describe('the configuration', () => {
  it('loses one server, and nothing else', async () => {
    const home = makeHome();
    home.write(home.configPath, TEXT);
    const said = await edit(home, 'remove', 'two', [true]);
    expect(said).toContain(
      'two runs two -x (variables KEY)\n\n~/.config/switchboard/switchboard.json:5: two is taken out',
    );
    expect(said).not.toContain('value');
    expect(said).toMatch(/reloaded$/);
    expect(home.read(home.configPath)).toBe(TEXT.replace(/ {4}"two"[^]*?\},\n/, ''));
  });

  it('has a server switched off and on again, in the words that its entry has', async () => {
    const home = makeHome();
    home.write(home.configPath, TEXT);
    await edit(home, 'disable', 'one');
    expect(home.read(home.configPath)).toBe(
      TEXT.replace('{ "command": "one" }', '{ "disabled": true, "command": "one" }'),
    );
    expect(await edit(home, 'disable', 'one')).toBe('one is disabled already.');
    await edit(home, 'enable', 'one');
    expect(home.read(home.configPath)).toBe(
      TEXT.replace('{ "command": "one" }', '{ "disabled": false, "command": "one" }'),
    );
    await edit(home, 'enable', 'three');
    expect(home.read(home.configPath)).toContain('"enabled": true');
  });

  it('is not changed without a yes, nor for a server that is not there', async () => {
    const home = makeHome();
    expect((await failure(edit(home, 'remove', 'one'))).message).toContain('there is no configuration ~/');
    home.write(home.configPath, TEXT);
    expect(await edit(home, 'remove', 'two', [false])).toContain('Nothing was changed.');
    expect(await failure(edit(home, 'enable', 'three', []))).toMatchObject({ code: 'SWB_USAGE' });
    const error = await failure(edit(home, 'remove', 'tree'));
    expect(error.message).toMatch(/no server "tree" in .*, which has one, two, three\. Did you mean "three"\?/);
    expect(await failure(edit(home, 'remove', '__proto__'))).toMatchObject({ code: 'SWB_USAGE' });
    expect(home.read(home.configPath)).toBe(TEXT);
  });

  it('is read again by the Switchboard that runs', { timeout: 15_000 }, async () => {
    const home = makeHome();
    const config = file({ upstreams: { demo: servers.demo, other: servers.demo } });
    const env = { XDG_RUNTIME_DIR: home.path };
    const serving = await serve(['--config', config], env);
    const { code, stdout, stderr } = await run(['remove', 'other', '--yes', '--config', config], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/The running Switchboard was reloaded: /);
    await expect.poll(async () => (await fetch(`${serving.http}/other`)).status, { timeout: 5000 }).toBe(404);
  });
});
