/** What a program is told of its configuration: by the compiler, and in an editor. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

import { settingsOf } from '../../../../scripts/generate/settings.mjs';
import { OPTIONS, namesOf } from '../../src/gateway/options.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

it('the compiler accepts good configurations of the gateway, the WebSocket library and the chat, and refuses wrong ones', () => {
  const files = ['switchboard', 'chat'].map((name) => `packages/${name}/test/types/options.ts`);
  const flags = [
    '--noEmit',
    '--strict',
    '--ignoreConfig',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--skipLibCheck',
    '--types',
    'node',
  ];
  const tsc = 'node_modules/typescript/bin/tsc';
  const { stdout } = spawnSync(process.execPath, [tsc, ...flags, ...files], { cwd: root, encoding: 'utf8' });
  expect(stdout).toBe('');
});

it('the settings have the types, the documentation and the defaults of the table of options', () => {
  const file = 'packages/switchboard/src/gateway/settings.ts';
  expect(readFileSync(`${root}${file}`, 'utf8'), 'run "npm run generate"').toBe(settingsOf(OPTIONS, namesOf));
});
