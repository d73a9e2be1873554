import { describe, expect, it } from 'vitest';
import { box, open, say, serve, shown } from './support/browser.ts';

describe('the list of conversations', () => {
  it('outlives the tab, with drafts and names, and can be searched', async () => {
    const server = await serve(({ write, text }) => write(`About ${text}`));
    const page = await open(server);
    await say(page, 'apples');
    await shown(page, 'About apples');
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Fruit');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('heading', { name: 'Fruit' }).waitFor();
    await box(page).fill('not sent yet');
    await page.goto('about:blank');
    const next = await page.context().newPage();
    await next.goto(server.url);
    const list = next.getByRole('navigation');
    await list.getByLabel('Search conversations').fill('plums');
    await list.getByText('Nothing found.').waitFor();
    await list.getByLabel('Search conversations').fill('about APP');
    await list.getByRole('button', { name: 'Fruit' }).click();
    await shown(next, 'About apples');
    await expect.poll(() => box(next).inputValue()).toBe('not sent yet');
  });
});
