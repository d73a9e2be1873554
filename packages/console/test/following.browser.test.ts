/** What stays as it was while things change: the focus, the line that is open, what a form shows; and what is found from any view. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeKey, writeKeys } from '../../switchboard/src/auth/api-keys.ts';
import { openAt } from './support/browser.ts';
import { detail, dialog, expectClean, live, rows } from './support/console-page.ts';
import { folder, seriousFaults, servers, startConsole } from './support/console-server.ts';
import { startServe } from './support/serve.ts';

it('keeps the focus on its row and on its link while calls end, and the palette finds a call from any view', async () => {
  const { connect, link } = await startConsole({ upstreams: { demo: servers.demo } });
  const ann = await connect('demo', 'ann');
  const fail = (times: number): Promise<unknown> =>
    Promise.all(Array.from({ length: times }, () => ann.callTool({ name: 'nothing', arguments: {} }).catch(() => {})));
  await ann.callTool({ name: 'add', arguments: { a: 1, b: 2 } });
  await fail(12);
  const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? '');

  const page = await openAt(link());
  const problem = page.locator('.problem', { hasText: 'to demo failed' });
  await problem.getByRole('link', { name: 'Look' }).focus();
  const text = (await problem.textContent())!;
  await fail(2);
  await expect.poll(() => problem.textContent()).not.toBe(text);
  expect(await focused()).toBe('Look');

  // A choice that was made by the mouse leaves the keys as they were.
  await page.getByText('Hour', { exact: true }).click();
  await page.keyboard.press('3');
  const added = rows(page).filter({ hasText: 'add' });
  await added.focus();
  await fail(3);
  await expect.poll(() => added.getAttribute('aria-rowindex')).toBe('19');
  await page.keyboard.press('Enter');
  await detail(page).getByRole('heading', { name: 'add' }).waitFor();
  await page.keyboard.press('ArrowUp');
  await expect.poll(focused).toContain('nothing');

  await page.keyboard.press('1');
  await page.keyboard.press('Control+k');
  await page.locator('input:focus[aria-label="Go to"]').waitFor();
  await page.keyboard.type('request add');
  await dialog(page).getByRole('option', { name: /^add / }).waitFor();
  expect(await seriousFaults(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await detail(page).getByRole('heading', { name: 'add' }).waitFor();
  await expectClean(page);
});

it('asks for nothing in a tab that nobody has looked at yet, and on a phone says what is wrong in place of a list', async () => {
  const { link } = await startConsole({ upstreams: { demo: servers.demo } });
  const page = await openAt('about:blank', { viewport: { width: 390, height: 844 } });
  await page.addInitScript(() => {
    let isHidden = true;
    Object.defineProperty(document, 'hidden', { get: () => isHidden });
    Object.assign(window, {
      look: () => {
        isHidden = false;
        document.dispatchEvent(new Event('visibilitychange'));
      },
    });
  });
  const streams: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/api/live')) streams.push(request.url());
  });
  const answered = page.waitForResponse('**/api/sign-in');
  await page.goto(link());
  await answered;
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  expect(streams).toEqual([]);
  await page.evaluate(() => (window as unknown as { look(): void }).look());
  await live(page);
  // What is announced does not change with each second.
  expect(await page.locator('.live [role=status]').textContent()).toBe('Live');

  const goTo = (place: string): Promise<void> =>
    page.evaluate((to) => {
      history.pushState(null, '', to);
      dispatchEvent(new PopStateEvent('popstate'));
    }, place);
  await page.route('**/api/tools*', (route) =>
    route.fulfill({ status: 500, json: { error: { message: 'No, sorry.' } } }),
  );
  await goTo('tools?id=demo/add');
  await page.getByRole('alert').getByText('No, sorry.').waitFor();
  await page.unroute('**/api/tools*');
  await goTo('tools?id=demo/nothing&order=tool&principal=ann');
  await detail(page).getByText('There is no tool demo/nothing here').waitFor();
  await goTo('configuration?id=nothing');
  await detail(page).getByText('There is no option nothing.').waitFor();
});

it('shows a search of the audit log as its address has it, and the same line however it is found', async () => {
  const home = folder();
  const auditLog = join(home, 'audit.jsonl');
  const lines = [21, 22, 23].map((hour) =>
    JSON.stringify({
      time: `2026-01-05T${hour}:00:00.000Z`,
      type: 'request.ended',
      outcome: 'ok',
      target: `at ${hour}`,
      exchange: `${hour}`,
    }),
  );
  writeFileSync(auditLog, `${lines.join('\n')}\n`, { mode: 0o600 });
  const { link } = await startConsole({ upstreams: { demo: servers.demo }, auditLog });
  const page = await openAt(link().replace('/#', '/audit?since=2026-01-05T22:00:00Z&until=2026-01-05T23:30:00Z#'), {
    timezoneId: 'America/New_York',
  });
  await expect.poll(() => rows(page).count()).toBe(2);
  expect(await page.getByLabel('From').inputValue()).toBe('2026-01-05T17:00');
  expect(await page.getByLabel('Until').inputValue()).toBe('2026-01-05T18:30');
  await rows(page).filter({ hasText: 'at 22' }).click();
  await page.reload();
  await detail(page).getByRole('heading', { name: 'at 22' }).waitFor();
  await page.getByLabel('Until').fill('2026-01-05T17:30');
  await page.getByLabel('Until').press('Enter');
  await expect.poll(() => rows(page).count()).toBe(1);
  expect(new URL(page.url()).searchParams.get('until')).toBe('2026-01-05T22:30:00Z');
  expect(await page.evaluate(() => document.activeElement?.getAttribute('type'))).toBe('datetime-local');
  expect(await seriousFaults(page)).toEqual([]);
  await page.getByRole('button', { name: 'Clear the times' }).click();
  await expect.poll(() => rows(page).filter({ hasText: 'at 21' }).count()).toBe(1);
  // Each search has added a line itself, so that no line has the place that it had.
  await rows(page).filter({ hasText: 'at 21' }).click();
  const opened = page.url();
  await page.goto(opened);
  await detail(page).getByRole('heading', { name: 'at 21' }).waitFor();
  expect(new URL(opened).searchParams.has('since')).toBe(false);
  await expectClean(page);
});

it('shows values of the file as they stand there, and says why it cannot be read; keys of the keys file come by themselves', async () => {
  const keysFile = join(folder(), 'keys.json');
  const kept = ['ann', 'bob'].map((principal) => makeKey({ principal, roles: ['default'] })[1]);
  writeFileSync(keysFile, writeKeys(kept.slice(0, 1)), { mode: 0o600 });
  const given = { idleTimeout: '90s', absentGrace: 'never', keysFile, upstreams: { demo: servers.demo } };
  const { link, path, read, write } = await startServe(given);
  const text = read();
  const keys = await openAt((await link()).replace('/#', '/people?show=keys#'));
  await expect.poll(() => rows(keys).count()).toBe(1);
  writeFileSync(keysFile, writeKeys(kept), { mode: 0o600 });

  const page = await openAt((await link()).replace('/#', '/configuration?id=idleTimeout#'));
  const field = detail(page).getByLabel('Value in the file');
  await expect.poll(() => field.inputValue()).toBe('90s');
  await rows(page).filter({ hasText: 'absentGrace' }).getByText('never').waitFor();
  await detail(page).getByRole('button', { name: 'Show the difference…' }).click();
  await dialog(page).getByText('changes nothing in the configuration file').waitFor();
  await page.keyboard.press('Escape');
  write(text.replace('"never"', 'never'));
  await page.getByRole('alert').getByText(`${path}:3`).waitFor();
  expect(await page.getByText('without a configuration file').count()).toBe(0);
  write(text.replace('90s', '2m'));
  await page.locator('.note-line').getByText('from the next start on: idleTimeout').waitFor();
  await expect.poll(() => field.inputValue()).toBe('2m');
  write(text);
  await page.locator('.note-line').waitFor({ state: 'detached' });
  expect(await seriousFaults(page)).toEqual([]);
  await expect.poll(() => rows(keys).count(), { timeout: 12_000 }).toBe(2);
  for (const each of [page, keys]) await expectClean(each);
});
