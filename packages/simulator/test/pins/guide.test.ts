/** The transcript of the guide is what the command prints, but for its numbers. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { simulateBin, startSwitchboard } from '../support/servers.ts';

const guide = readFileSync(new URL('../../../../docs/guide/simulate.md', import.meta.url), 'utf8');

/** Numbers, units and ports differ between two runs. */
const shape = (text: string): string =>
  text
    .replaceAll(/\d[\d.,]*/g, '#')
    .replaceAll(/# (µs|ms|s)\b/g, '# time')
    .replaceAll(/p#/g, 'p');

it('shows the summary that a run prints', async () => {
  const server = await startSwitchboard('--isolation', 'shared', '--rate-limit', 'unlimited');
  const flags = [server.ws, '--clients', '50', '--calls', '500'];
  const printed = execFileSync(process.execPath, [simulateBin, ...flags], { encoding: 'utf8', stdio: 'pipe' });
  const [, transcript] = /```console\n\$ npx mcp-switchboard-simulator .*\n([^]*?)```/.exec(guide) ?? [];
  expect(shape(transcript ?? '')).toBe(shape(printed));
});
