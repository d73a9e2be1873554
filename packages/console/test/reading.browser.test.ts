import { describe, expect, it } from 'vitest';
import { box, open, say, serve, shown, turn, wrongs } from './support/browser.ts';

describe('a tool that waits to be allowed', () => {
  it('has its question beside it, with its server and the time that is left', async () => {
    const server = await serve(async ({ call, write }) => {
      const first = call('delete_task', { id: 'T-1' }, 'Delete a task');
      call('list_tasks', {}).result('[]');
      await first.approval('The task is removed for good.', 90);
      first.result('gone');
      write('Done.');
    });
    const page = await open(server);
    await say(page, 'Delete it');
    const card = page.getByRole('region', { name: 'Approval' });
    await card.getByRole('heading', { name: 'Allow “Delete a task” of demo?' }).waitFor();
    expect(await card.getByRole('timer').textContent()).toMatch(/^1:[0-3]\d left to answer$/);
    const tops = await page.locator('.tool, .ask').evaluateAll((all) => all.map((one) => one.className.split(' ')[0]));
    expect(tops).toEqual(['tool', 'ask', 'tool']);
    await card.getByRole('button', { name: 'Allow once' }).click();
    await shown(page, 'Done.');
  });

  it.each(['refused', 'expired', 'stopped'])('has not failed when it was %s', async (ended) => {
    const server = await serve(({ call, write }) => {
      call('delete_task', {}).result('No.', { is_error: true, ended });
      call('list_tasks', {}).result('No.', { is_error: true });
      write('Done.');
    });
    const page = await open(server);
    await say(page, 'Delete it');
    await shown(page, 'Done.');
    expect(await page.locator('.tool-state').allTextContents()).toEqual([ended, 'failed']);
    expect(await page.locator('.tool').first().getAttribute('class')).toBe('tool ended');
    await page.reload();
    await shown(page, 'Done.');
    expect(await page.locator('.tool-state').allTextContents()).toEqual([ended, 'failed']);
  });
});

describe('what one reads', () => {
  it('has a button to copy code in lists and code without a language', async () => {
    const text = '- first:\n\n  ```\n  npm ci\n  ```\n\n> ```sh\n> ls\n> ```\n\n```\nplain\n```\n\n    indented\n';
    const page = await open(await serve(({ write }) => write(text)), {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await say(page, 'How?');
    await page.locator('.turn:not(.runs)').waitFor();
    expect(await turn(page).getByRole('button', { name: 'Copy the code' }).count()).toBe(4);
    const copies = turn(page).locator('.pre-copy button, figcaption button');
    // No line of code runs under the button.
    const tops = await turn(page)
      .locator('pre > code')
      .evaluateAll((all) => all.map((code) => code.getBoundingClientRect().top));
    for (const [index, top] of tops.entries()) {
      const { y, height } = (await copies.nth(index).boundingBox())!;
      expect(top).toBeGreaterThanOrEqual(y + height - 1);
    }
    for (const [index, code] of ['npm ci', 'ls', 'plain', 'indented'].entries()) {
      await copies.nth(index).click();
      await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(code);
    }
    expect(wrongs.get(page)).toEqual([]);
  });

  it("folds a long message of one's own", async () => {
    const page = await open(await serve(({ write }) => write('Read.')));
    await say(page, Array.from({ length: 80 }, (_, index) => `Line ${index}`).join('\n'));
    await shown(page, 'Read.');
    const height = async () => (await page.locator('.bubble').boundingBox())!.height;
    const folded = await height();
    await page.getByRole('button', { name: 'Show all of it' }).click();
    expect(await height()).toBeGreaterThan(3 * folded);
    await page.getByRole('button', { name: 'Show less' }).click();
    expect(await height()).toBe(folded);
  });

  it('shows the last of several attempts, and the ones before it folded', async () => {
    let count = 0;
    const page = await open(await serve(({ write }) => write(`Attempt ${++count}`)));
    await say(page, 'Try');
    await shown(page, 'Attempt 1');
    await page.getByRole('button', { name: 'Ask again' }).click();
    await shown(page, 'Attempt 2');
    expect(await page.getByText('Attempt 1').isVisible()).toBe(false);
    expect(await page.locator('.bubble:visible').count()).toBe(1);
    await page.getByText('Answered before').click();
    expect(await page.getByText('Attempt 1').isVisible()).toBe(true);
  });

  it('offers examples of what the tools can do, and puts one where one writes', async () => {
    const tools = [{ name: 'list_tasks', server: 'demo', description: 'Lists your tasks.', destructive: false }];
    const page = await open(await serve(() => {}, { tools }));
    await page.getByRole('list', { name: 'Examples' }).getByRole('button', { name: 'List tasks' }).click();
    await expect.poll(() => box(page).inputValue()).toContain('List tasks');
  });

  it('has words beside its pictures, or a name and a tooltip', async () => {
    const page = await open(await serve(({ write }) => write('Yes.')));
    await say(page, 'Hello');
    await shown(page, 'Yes.');
    const mute = await page
      .locator('button')
      .evaluateAll((all) =>
        all
          .filter(
            (one) =>
              (one as HTMLElement).innerText.trim() === '' &&
              !(one.ariaLabel !== null && one.getAttribute('title') !== null),
          )
          .map(({ outerHTML }) => outerHTML),
      );
    expect(mute).toEqual([]);
    for (const word of ['Room', 'Tools', 'More'])
      expect(await page.getByText(word, { exact: true }).isVisible()).toBe(true);
  });
});
