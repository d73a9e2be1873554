/** What tests of the console look for in the page. */
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { wrongs } from './browser.ts';

/** What a page must show as text, whoever wrote it. */
export const EVIL = '<img src=x onerror=window.hit=1>';

export const live = (page: Page): Promise<void> => page.getByText('Live', { exact: true }).waitFor();
export const view = (page: Page, name: string): Promise<void> =>
  page.getByRole('navigation').getByRole('link', { name }).click();
export const rows = (page: Page): Locator => page.locator('.table-row:not(.group)');
export const notice = (page: Page, text: string | RegExp): Promise<void> =>
  page.locator('.notice').getByText(text).first().waitFor();
export const dialog = (page: Page): Locator => page.locator('dialog[open]');
export const detail = (page: Page): Locator => page.getByRole('complementary');

/** Nothing was stopped by the policy, asked elsewhere, thrown or run. */
export async function expectClean(page: Page): Promise<void> {
  expect(wrongs.get(page)).toEqual([]);
  expect(await page.evaluate(() => (window as { hit?: number }).hit)).toBeUndefined();
}
