/** Adopting that is killed in the middle of writing a file. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';

import { changedSince, cursor, makeHome, one, servers } from '../../support/adopt.ts';
import { run } from '../../support/command.ts';

/** Ends the process when it is about to put the nth file in its place. */
const killAt = (nth: number): string => {
  const code = `import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { renameSync } = fs;
let left = ${nth};
fs.renameSync = (...paths) => (--left === 0 ? process.kill(process.pid, 'SIGKILL') : renameSync(...paths));
syncBuiltinESMExports();`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
};

it('leaves a file beside that the next run takes away, and everything can be undone', async () => {
  const home = makeHome();
  home.write(cursor, servers({ one }));
  const before = home.all();
  const env = {
    HOME: home.path,
    XDG_CONFIG_HOME: '',
    XDG_STATE_HOME: '',
    CLAUDE_CONFIG_DIR: '',
    CODEX_HOME: '',
    SWITCHBOARD_CONFIG: '',
    NODE_OPTIONS: killAt(4),
  };
  const left = (): string[] =>
    readdirSync(home.path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'));
  // The journal, the copy, the configuration, and then the file of the client.
  expect((await run(['adopt', '--yes', '--project', home.project], { env })).code).toBe(null);
  expect(left()).toEqual([expect.stringMatching(/^\.cursor\/mcp\.json\.switchboard-\d+-[\da-f]{8}\.tmp$/)]);
  expect(home.read(cursor)).toBe(before[cursor]!.slice(4));
  await home.adopt({ undo: true, yes: true });
  expect(left()).toEqual([]);
  expect(changedSince(home, before)).toEqual([]);

  await run(['adopt', '--yes', '--project', home.project], { env: { ...env, NODE_OPTIONS: killAt(1) } });
  expect(left()).toHaveLength(1);
  await home.adopt();
  expect(left()).toEqual([]);
});
