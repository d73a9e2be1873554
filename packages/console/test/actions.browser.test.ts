/** Actions of the console that no other test needs, each done once in Chromium against what really runs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openAt } from './support/browser.ts';
import { detail, dialog, expectClean, live, notice, rows, view } from './support/console-page.ts';
import { folder, servers, startConsole } from './support/console-server.ts';
import { startServe } from './support/serve.ts';

it('an operator gives an option its default, adds, edits and removes a role, removes a server, disables one and enables it again', async () => {
  const { link, read } = await startServe({
    rateLimit: 600,
    // The first role takes effect at a start only.
    roles: { default: {} },
    upstreams: { demo: servers.demo, other: servers.demo },
  });
  const now = (): Record<string, unknown> => JSON.parse(read()) as Record<string, unknown>;
  const page = await openAt((await link()).replace('/#', '/configuration#'));
  const apply = (): Promise<void> => dialog(page).getByRole('button', { name: 'Apply' }).click();
  const button = (row: RegExp, name: string): Promise<void> =>
    page.getByRole('row', { name: row }).getByRole('button', { name }).click();

  await rows(page).filter({ hasText: 'rateLimit' }).click();
  await detail(page).getByRole('button', { name: 'Back to the default…' }).click();
  await dialog(page).locator('del').getByText('600').waitFor();
  await apply();
  await expect.poll(() => now()['rateLimit']).toBeUndefined();
  await page.keyboard.press('Escape');

  await page.getByText('2 servers, 1 role').click();
  await page.getByRole('button', { name: 'Add a role…' }).click();
  await dialog(page).getByLabel('Name').fill('reader');
  await dialog(page).getByLabel('Rules, as JSON').fill('{ "readOnly": false }');
  await dialog(page).getByRole('button', { name: 'Show the difference…' }).click();
  await dialog(page).getByText('role reader').waitFor();
  await apply();
  await expect.poll(() => now()['roles']).toEqual({ default: {}, reader: { readOnly: false } });
  await button(/^reader role/, 'Edit…');
  await dialog(page).getByLabel('Rules, as JSON').fill('{ "tools": { "deny": ["add"] } }');
  await dialog(page).getByRole('button', { name: 'Show the difference…' }).click();
  await dialog(page).locator('ins').getByText('deny').waitFor();
  await apply();
  await expect.poll(() => now()['roles']).toEqual({ default: {}, reader: { tools: { deny: ['add'] } } });
  await page
    .getByRole('row', { name: /^reader role/ })
    .getByText('deny')
    .waitFor();
  await button(/^reader role/, 'Edit…');
  await dialog(page).getByRole('button', { name: 'Remove…' }).click();
  await dialog(page).locator('del').getByText('deny').waitFor();
  await apply();
  await expect.poll(() => now()['roles']).toEqual({ default: {} });

  await button(/^other/, 'Remove…');
  await dialog(page).getByText('server other').waitFor();
  await apply();
  await expect.poll(() => Object.keys(now()['upstreams'] as object)).toEqual(['demo']);
  await page.getByText(/^5 changes of/).click();
  await page.locator('.revisions').getByRole('button', { name: 'Undo…' }).click();
  await dialog(page).getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => Object.keys(now()['upstreams'] as object)).toEqual(['demo', 'other']);

  await view(page, 'Servers');
  await page.getByRole('link', { name: /^other/ }).click();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Disable…' }).click();
  await dialog(page).getByRole('button', { name: 'Disable' }).click();
  await notice(page, 'other is disabled in the configuration file.');
  expect(now()['upstreams']).toMatchObject({ other: { disabled: true } });
  await view(page, 'Configuration');
  await page.getByText('1 server, 1 role').click();
  await button(/^other/, 'Enable…');
  await dialog(page).getByText('server other').waitFor();
  await apply();
  await expect.poll(() => now()['upstreams']).toMatchObject({ other: { disabled: false } });
  await expectClean(page);
}, 60_000);

it('an operator cancels all calls of a session, and reads on in the audit log, and takes it along as lines of JSON', async () => {
  const auditLog = join(folder(), 'audit.jsonl');
  const line = (nr: number): string =>
    JSON.stringify({
      time: new Date(1_790_000_000_000 + nr).toISOString(),
      type: 'request.ended',
      principal: 'zoe',
      target: `t${nr}`,
    });
  writeFileSync(auditLog, Array.from({ length: 120 }, (_, nr) => `${line(nr)}\n`).join(''));
  const { connect, link } = await startConsole({ auditLog, upstreams: { scripted: servers.scripted } });
  const bob = await connect('scripted', 'bob');
  const calls = [1, 2].map(() =>
    bob.callTool({ name: 'never', arguments: {} }).then(
      () => 'an answer',
      (error: Error) => error.message,
    ),
  );
  const page = await openAt(link());
  await live(page);
  await view(page, 'Sessions');
  await rows(page).filter({ hasText: 'bob' }).click();
  await detail(page).getByText('2 under way').waitFor();
  await detail(page).getByRole('button', { name: 'Cancel its calls' }).click();
  await dialog(page).getByLabel('Reason').fill('enough');
  await dialog(page).getByRole('button', { name: 'Cancel 2 calls' }).click();
  await notice(page, '2 calls cancelled.');
  for (const call of calls) expect(await call).toContain('enough');
  await rows(page).filter({ hasText: 'bob' }).waitFor();

  await page.goto(`${page.url().replace(/\/console\/.*$/, '/console/audit')}?principal=zoe`);
  await page.getByText(/^100 lines in the newest .* of the log, as of/).waitFor();
  await page.getByRole('button', { name: 'Older ones' }).click();
  await page.getByText('120 lines, all that fit').waitFor();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'NDJSON' }).click();
  const lines = readFileSync(await (await download).path(), 'utf8')
    .trim()
    .split('\n');
  expect(lines.map((each) => (JSON.parse(each) as { target: string }).target)).toEqual(
    Array.from({ length: 120 }, (_, nr) => `t${nr}`),
  );
  await expectClean(page);
}, 60_000);
