/** The guide shows what adopting these two files really does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { CLIENT_IDS } from '../../../src/cli/adopt/clients.ts';
import { makeHome } from '../../support/adopt.ts';
import { root } from '../../support/gateway.ts';

const page = readFileSync(join(root, 'docs/guide/adopt.md'), 'utf8');
const blocks = (language: string): string[] =>
  [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].filter(([, of]) => of === language).map(([, , text]) => text!);

it('has the files before and after, and what is printed', async () => {
  const home = makeHome();
  const [jsonBefore, jsonAfter, config] = blocks('json');
  const [tomlBefore, tomlAfter] = blocks('toml');
  const [transcript] = blocks('console');
  home.write('.cursor/mcp.json', jsonBefore!);
  home.write('.codex/config.toml', tomlBefore!);
  const said = await home.adopt({ yes: true });
  expect(`$ switchboard adopt --yes\n${said}\n`).toBe(transcript);
  expect(home.read('.cursor/mcp.json')).toBe(jsonAfter);
  expect(home.read('.codex/config.toml')).toBe(tomlAfter);
  expect(home.read(home.configPath)).toBe(config);
});

it('names every client', () => {
  const [, table = ''] = page.split('\n## Clients\n');
  expect(CLIENT_IDS.filter((id) => !table.includes(`\`${id}\``))).toEqual([]);
});
