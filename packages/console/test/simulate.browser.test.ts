/** The view Simulate in Chromium: a load against a real server from the page, its charts, and two runs beside each other. */
import { serveConsole } from 'mcp-switchboard-console';
import * as simulator from 'mcp-switchboard-simulator';
import { expect, it } from 'vitest';
import { makeKey, writeKeys } from '../../switchboard/src/auth/api-keys.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAt } from './support/browser.ts';
import { EVIL, expectClean, notice, view } from './support/console-page.ts';
import { folder, seriousFaults, servers, startConsole } from './support/console-server.ts';

const simulated = { simulator: () => Promise.resolve(simulator), servePages: serveConsole };

it('starts a run with a tool and its arguments, draws it live, stops it, and compares it with the next; a viewer watches', async () => {
  const [text, kept] = makeKey({ principal: 'vera', roles: ['viewer'] });
  const keysFile = join(folder(), 'keys.json');
  writeFileSync(keysFile, writeKeys([kept]), { mode: 0o600 });
  const { link, origin } = await startConsole({ ...simulated, keysFile, roles: { default: {} } });
  const page = await openAt(link().replace('/#', '/simulate#'));
  await page.getByRole('heading', { name: 'How much can a server take?' }).waitFor();
  expect(await seriousFaults(page)).toEqual([]);

  await page.getByLabel('What they do').selectOption('echo');
  await page.getByLabel('Clients').fill('4');
  await page.getByLabel('For', { exact: true }).selectOption('10m');
  await page.getByLabel('Calls a second').fill('40');
  await expect.poll(() => page.getByRole('textbox', { name: 'text' }).inputValue()).toBe('{{tag}}');
  await page.getByRole('textbox', { name: 'text' }).fill('{{tag}} and more');
  await page.getByRole('button', { name: 'Start the run' }).click();
  await notice(page, 'The run has started.');
  await page.getByRole('heading', { name: 'demo: echo, 4 clients, 10m' }).waitFor();
  await page.getByRole('slider', { name: 'Answers a second over time' }).waitFor();
  await expect.poll(() => page.getByRole('progressbar').count()).toBe(1);
  expect(await page.getByRole('button', { name: 'Start the run' }).count()).toBe(0);
  expect(await seriousFaults(page)).toEqual([]);

  const viewer = await openAt(`${origin}/console/simulate`);
  await viewer.getByLabel('API key or token').fill(text);
  await viewer.getByRole('button', { name: 'Sign in' }).click();
  await viewer.getByRole('slider', { name: 'Answers a second over time' }).waitFor();
  expect(await viewer.getByRole('button', { name: 'Stop' }).count()).toBe(0);

  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('0 crossed').waitFor();
  await page.getByText(/answers carried the tag of their own call\.$/).waitFor();
  await viewer.getByText('0 crossed').waitFor();
  expect(await viewer.getByRole('button', { name: 'Start the run' }).count()).toBe(0);

  // What was asked for stays, for the next one.
  expect(await page.getByLabel('Clients').inputValue()).toBe('4');
  expect(await page.getByRole('textbox', { name: 'text' }).inputValue()).toBe('{{tag}} and more');
  await page.getByLabel('What they do').selectOption('a mix of steps');
  await page.getByLabel('Steps, as JSON').fill('[{"do": "list"');
  await page.getByRole('button', { name: 'Start the run' }).click();
  await page.locator('#steps-wrong').getByText('JSON').waitFor();
  // A tool that there is not, with a name that a page could take for a script.
  const steps = [
    { do: 'list', what: 'tools' },
    { do: 'call', tool: EVIL, args: {} },
    { do: 'idle', for: '20ms' },
  ];
  await page.getByLabel('Steps, as JSON').fill(JSON.stringify(steps));
  await page.getByLabel('For', { exact: true }).selectOption('10s');
  await page.getByLabel('Calls a second').fill('40');
  await page.getByRole('button', { name: 'Start the run' }).click();
  await page.getByRole('region', { name: 'Errors by name' }).locator('meter').first().waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByLabel('Compare with').selectOption({ index: 1 });
  await page.getByRole('region', { name: 'This run' }).getByRole('slider').first().waitFor();
  await page
    .getByRole('cell', { name: /worse|better/ })
    .first()
    .waitFor();
  expect(page.url()).toMatch(/simulate\?id=[0-9a-f]{12}&before=[0-9a-f]{12}$/);
  expect(await seriousFaults(page)).toEqual([]);

  const [report] = await Promise.all([
    page.context().waitForEvent('page'),
    page.getByRole('link', { name: 'Full report' }).click(),
  ]);
  await report.getByText('beside an earlier run').first().waitFor();
  // In no origin, so that it could ask nothing of the console.
  expect(await report.evaluate(() => globalThis.origin)).toBe('null');
  await report.close();
  for (const each of [page, viewer]) await expectClean(each);
}, 90_000);

it('says what to do where there is no simulator, and is of use on a phone', async () => {
  const { link } = await startConsole({ upstreams: { demo: servers.demo } });
  const page = await openAt(link().replace('/#', '/simulate#'), {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
  });
  await page.getByRole('button', { name: 'Start the run' }).click();
  await notice(page, 'install the package mcp-switchboard-simulator');
  await page.getByRole('button', { name: 'Close' }).click();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  expect(await seriousFaults(page)).toEqual([]);
  await view(page, 'Servers');
  await page.goBack();
  await page.getByRole('heading', { name: 'New run' }).waitFor();
  await expectClean(page);
});
