/** What the compiler tells a program of its configuration. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

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
