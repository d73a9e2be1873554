/** Charts in Chromium: what is drawn, in which colours, and what is said of the point that somebody looks at. */
import type { Locator } from 'playwright-core';
import { expect, it } from 'vitest';
import { openAt } from './support/browser.ts';
import { expectClean, live } from './support/console-page.ts';
import { seriousFaults, servers, startConsole } from './support/console-server.ts';

/** How many points of a drawing have a colour of the page, as it is now. */
const drawn = (drawing: Locator, name: string): Promise<number> =>
  drawing.locator('canvas').evaluate((element, variable) => {
    const canvas = element as HTMLCanvasElement;
    const hex = getComputedStyle(canvas).getPropertyValue(variable).trim();
    const wanted = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4)
      if (wanted.every((value, nth) => Math.abs(value - data[at + nth]!) < 3) && data[at + 3]! > 250) count++;
    return count;
  }, name);

it('a chart is drawn in the colours of the page, whichever they are, and says what is where somebody points, in all charts at once', async () => {
  const { connect, link } = await startConsole({ upstreams: { demo: servers.demo } });
  const ann = await connect('demo', 'ann');
  for (let nth = 0; nth < 20; nth++) await ann.callTool({ name: 'add', arguments: { a: 1, b: nth } });
  const page = await openAt(link());
  await live(page);
  const calls = page.getByRole('slider', { name: 'Calls a second over time' });
  const memory = page.getByRole('slider', { name: 'Memory of Switchboard over time' });
  await expect.poll(() => drawn(memory, '--accent')).toBeGreaterThan(50);
  await page.getByTitle('Dark').click();
  await expect.poll(() => drawn(memory, '--accent')).toBeGreaterThan(50);
  await page.getByTitle('Light').click();
  await expect.poll(() => drawn(memory, '--accent')).toBeGreaterThan(50);

  // With the pointer: the other charts speak of the same time.
  const times = page.locator('.chart-time');
  expect(await times.allTextContents()).toEqual(['', '', '', '']);
  const { x, y, width, height } = (await calls.boundingBox())!;
  await page.mouse.move(x + width / 2, y + height / 3);
  await expect.poll(async () => new Set(await times.allTextContents()).size).toBe(1);
  expect(await times.first().textContent()).toMatch(/^\d\d:\d\d:\d\d$/);
  await page.mouse.move(0, 0);
  await expect.poll(() => times.allTextContents()).toEqual(['', '', '', '']);

  // With the keyboard, from the newest value on.
  await calls.focus();
  const newest = Number(await calls.getAttribute('aria-valuenow'));
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => calls.getAttribute('aria-valuenow')).toBe(String(newest - 1));
  expect(await calls.getAttribute('aria-valuetext')).toMatch(/^\d\d:\d\d:\d\d: Calls [\d.]+, Errors 0, Refused 0$/);
  await calls.blur();
  await expect.poll(() => times.first().textContent()).toBe('');
  expect(await page.getByRole('img', { name: 'Calls to demo' }).locator('canvas').count()).toBe(1);
  expect(await seriousFaults(page)).toEqual([]);

  // It has the room that there is.
  await page.setViewportSize({ width: 390, height: 844 });
  const room = (): Promise<number[]> =>
    memory.evaluate((element) => [element.clientWidth, element.querySelector('canvas')!.getBoundingClientRect().width]);
  await expect.poll(async () => new Set((await room()).map(Math.round)).size).toBe(1);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await expectClean(page);
});
