/** The guide shows the way of five clients from a clone to a first call, as it really is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { ended, shell } from '../support/command.ts';
import { root } from '../support/gateway.ts';

it('five clients are adopted, and each calls a tool', async () => {
  const page = readFileSync(join(root, 'docs/guide/adopt.md'), 'utf8');
  const [, shown] = /^## Five clients in three commands\n[^]*?^```console\n([^]*?)^```$/m.exec(page)!;
  const { code, stdout, stderr } = await ended(shell(`node scripts/adopt-tour.mjs`, { cwd: root, env: {} }));
  expect([code, stdout], stderr).toEqual([0, shown]);
});
