import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { box, gone, open, say, serve, shown, turn, wrongs } from './support/browser.ts';

describe('what one writes', () => {
  const direction = (locator: Locator) => locator.evaluate((element) => getComputedStyle(element).direction);

  it('is shown as it is, with what looks like a tag', async () => {
    const text = 'git clone <url> for List<String>, x <y and y> z, \\(a_1\\)';
    const page = await open(await serve(({ write }) => write(text)));
    await say(page, text);
    await page.locator('.turn:not(.runs)').waitFor();
    expect(await turn(page).locator('.prose').textContent()).toContain(text);
    expect(await page.locator('.bubble').textContent()).toBe(text);
    expect(wrongs.get(page)).toEqual([]);
  });

  it('is read from the right in languages that are, and so is the answer', async () => {
    const page = await open(await serve(({ write }) => write('`npm` הוא כלי.\n\nIt is a tool.\n\n- אחד\n- שתיים')));
    await box(page).fill('מה זה?');
    expect(await direction(box(page))).toBe('rtl');
    await box(page).press('Enter');
    await page.locator('.turn:not(.runs)').waitFor();
    expect(await direction(page.locator('.bubble'))).toBe('rtl');
    expect(await direction(turn(page).locator('p').first())).toBe('rtl');
    expect(await direction(turn(page).locator('p').nth(1))).toBe('ltr');
    expect(await direction(turn(page).locator('ul'))).toBe('rtl');
  });

  it('is not cut if it is too long: the page says so and keeps all of it', async () => {
    const page = await open(await serve(() => {}));
    await box(page).evaluate((area) => {
      area.focus();
      document.execCommand('insertText', false, 'x'.repeat(60_001));
    });
    await page.getByText('60,001 characters: a message has 60,000 at most.').waitFor();
    expect((await box(page).inputValue()).length).toBe(60_001);
    expect(await page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
    await box(page).press('Backspace');
    await gone(page, '60,001 characters');
    expect(await page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(false);
  });

  it.each([
    ['QUIT', 'End the conversation?', 'End it'],
    [' Clear ', 'Clear the conversation?', 'Clear'],
  ])('is asked about before "%s" does what the server takes it for', async (word, title, action) => {
    const server = await serve(() => {});
    const page = await open(server);
    const queries = () => server.received.filter(({ type }) => type === 'query').map(({ content }) => content);
    await say(page, word);
    const dialog = page.getByRole('dialog', { name: title });
    await dialog.getByRole('button', { name: 'Keep it' }).click();
    expect(queries()).toEqual([]);
    expect(await box(page).inputValue()).toBe(word);
    await box(page).press('Enter');
    await dialog.getByRole('button', { name: action, exact: true }).click();
    await expect.poll(queries).toEqual([word.trim()]);
  });

  it('is left alone by Enter and Escape while an input method composes', async () => {
    const server = await serve(async ({ write, stopped }) => {
      write('On and on');
      await stopped;
    });
    const page = await open(server);
    await say(page, 'Go');
    await page.locator('.turn.runs').getByText('On and on').waitFor();
    await box(page).fill('にほ');
    const press = (init: { key: string; keyCode?: number; isComposing?: boolean }) =>
      box(page).evaluate((area, given) => {
        area.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...given }));
      }, init);
    for (const key of ['Enter', 'Escape']) {
      await press({ key, isComposing: true });
      // Safari has ended the composition by then.
      await press({ key, keyCode: 229 });
    }
    await box(page).press('Enter');
    await shown(page, 'Sent when the answer is there.');
    expect(await page.locator('.waiting').count()).toBe(1);
    expect(server.received.filter(({ type }) => type === 'cancel')).toEqual([]);
  });
});

describe('the place on the page', () => {
  const lines = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => `Line ${from + index}`).join('\n\n');
  const top = (page: Page) => page.locator('.timeline').evaluate(({ scrollTop }) => scrollTop);
  const toEnd = (page: Page) =>
    page.locator('.timeline').evaluate((it) => it.scrollHeight - it.scrollTop - it.clientHeight);

  it('stays where somebody scrolled to while an answer streams, and follows again from the end', async () => {
    let more = (): void => {};
    const server = await serve(async ({ write }) => {
      for (let from = 1; from < 180; from += 60) {
        write(`${lines(from, 60)}\n\n`);
        await new Promise<void>((resolve) => (more = resolve));
      }
    });
    const page = await open(server);
    await say(page, 'Count');
    await shown(page, 'Line 60');
    expect(await toEnd(page)).toBeLessThan(3);
    await page.locator('.timeline').evaluate((it) => it.scrollBy(0, -30));
    const before = await top(page);
    more();
    await page.getByText('Line 120', { exact: true }).waitFor();
    expect(await top(page)).toBe(before);
    await page.getByRole('button', { name: 'To the latest' }).click();
    more();
    await page.getByText('Line 180', { exact: true }).waitFor();
    await expect.poll(() => toEnd(page)).toBeLessThan(3);
  });

  it('is at what one has sent, wherever one was', async () => {
    const page = await open(await serve(({ write, text }) => write(text === 'one' ? lines(1, 100) : 'Yes.')));
    await say(page, 'one');
    await page.getByText('Line 100', { exact: true }).waitFor();
    await page.locator('.timeline').evaluate((it) => it.scrollTo(0, 0));
    await page.getByRole('button', { name: 'To the latest' }).waitFor();
    await say(page, 'two');
    await shown(page, 'Yes.');
    await expect.poll(() => toEnd(page)).toBeLessThan(3);
  });

  it('does not have the button to the latest over a form', async () => {
    const page = await open(
      await serve(async ({ write, ask }) => {
        write(lines(1, 60));
        const field = { type: 'string', title: 'Name' };
        await ask({ message: 'Which?', schema: { properties: { a: field, b: field, c: field, d: field } } });
      }),
    );
    await say(page, 'Ask');
    const card = page.getByRole('region', { name: 'Question' });
    await card.waitFor();
    await page.locator('.timeline').evaluate((it) => it.scrollBy(0, -60));
    const [pill, list] = [await page.locator('.to-end').boundingBox(), await page.locator('.timeline').boundingBox()];
    expect(pill!.y).toBeGreaterThanOrEqual(list!.y + list!.height);
  });
});
