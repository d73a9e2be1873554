import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { box, gone, open, say, serve, shown, turn, written, wrongs } from './support/browser.ts';
import type { Script } from './support/chat-server.ts';

/** A picture of one dot. */
const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

describe('signing in', () => {
  it('asks for an API key and an organization, says what is wrong with them, and lets in', async () => {
    const server = await serve(() => {}, { needs: 'key' });
    const page = await open(server);
    const signIn = page.getByRole('button', { name: 'Sign in' });
    await page.getByLabel('API key').fill('wrong');
    await page.getByLabel('Organization').fill('acme');
    await signIn.click();
    expect(await page.getByRole('alert').textContent()).toBe('The API key is not known.');
    await page.getByLabel('API key').fill('right');
    await signIn.click();
    await shown(page, 'What can I do for you?');
    expect(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]))).not.toContain('right');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key').waitFor();
    expect(wrongs.get(page)).toEqual([]);
  });

  it('asks for nothing where nothing is needed', async () => {
    const page = await open(await serve(() => {}));
    await shown(page, 'What can I do for you?');
    expect(await page.getByLabel('API key').count()).toBe(0);
  });

  it('takes a token where the server lets nobody in without one', async () => {
    const page = await open(await serve(() => {}, { needs: 'token' }));
    await page.getByText('The chat cannot be reached').waitFor();
    await page.getByText('The server asks for a token').click();
    await page.getByLabel('Access token').fill('right');
    await page.getByRole('button', { name: 'Connect' }).click();
    await shown(page, 'What can I do for you?');
    expect(await page.getByLabel('Access token').count()).toBe(0);
  });
});

describe('a conversation', () => {
  it('streams the answer, with code that can be copied', async () => {
    let go = (): void => {};
    const server = await serve(async ({ write }) => {
      write('Here is **how**:\n\n```ts\nconst a');
      await new Promise<void>((resolve) => (go = resolve));
      write(' = 1;\n```\n');
    });
    const page = await open(server, { permissions: ['clipboard-read', 'clipboard-write'] });
    await say(page, 'How?');
    await turn(page).locator('strong', { hasText: 'how' }).waitFor();
    expect(await turn(page).getAttribute('aria-busy')).toBe('true');
    go();
    await turn(page).locator('.hljs-number').waitFor();
    await turn(page).getByRole('button', { name: 'Copy the code' }).click();
    await turn(page).getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('const a = 1;');
    expect(await page.title()).toBe('How? · Chat');
    expect(wrongs.get(page)).toEqual([]);
  });

  it('folds what a tool was given and answered, and shows how far it is and its images', async () => {
    let go = (): void => {};
    const server = await serve(async ({ call, write }) => {
      const chart = call('chart', { of: 'tasks' }, 'Draw a chart');
      chart.progress(1, 4, 'reading');
      await new Promise<void>((resolve) => (go = resolve));
      chart.result('{"tasks":2}', { images: [{ mime_type: 'image/png', data: DOT }] });
      write('Done.');
    });
    const page = await open(server);
    await say(page, 'Draw');
    const bar = page.getByRole('progressbar', { name: 'Progress of chart' });
    await bar.waitFor();
    expect(await bar.evaluate(({ value, max }: HTMLProgressElement) => [value, max])).toEqual([1, 4]);
    await shown(page, 'reading');
    go();
    await shown(page, 'Done.');
    expect(await bar.count()).toBe(0);
    expect(await page.getByText('"of"').isVisible()).toBe(false);
    await page.getByText('Draw a chart').click();
    expect(await page.getByText('"of"').isVisible()).toBe(true);
    expect(await page.getByText('"tasks"').first().isVisible()).toBe(true);
    const picture = page.getByRole('img', { name: 'Image from chart' });
    expect(await picture.evaluate(({ naturalWidth }: HTMLImageElement) => naturalWidth)).toBe(1);
    expect(wrongs.get(page)).toEqual([]);
  });

  it('runs a tool only when it was allowed', async () => {
    const script: Script = async ({ call, write }) => {
      const allowed = await call('delete_task', { id: 'T-1' }).approval('The task is removed for good.');
      write(allowed ? 'It is gone.' : 'I left it.');
    };
    const page = await open(await serve(script));
    await say(page, 'Delete it');
    const card = page.getByRole('region', { name: 'Approval' });
    await card.getByText('The task is removed for good.').waitFor();
    expect(await card.textContent()).toContain('T-1');
    await card.getByRole('button', { name: 'Refuse' }).click();
    await shown(page, 'I left it.');
    await say(page, 'Delete it now');
    await card.getByRole('button', { name: 'Allow once' }).click();
    await shown(page, 'It is gone.');
    expect(await card.count()).toBe(0);
  });

  it('asks what a tool wants to know, and says beside the fields what is wrong', async () => {
    const schema = {
      type: 'object',
      required: ['mail', 'scope'],
      properties: {
        mail: { type: 'string', format: 'email', title: 'Address' },
        count: { type: 'integer', title: 'Count', default: 5, maximum: 10 },
        scope: { type: 'string', title: 'Scope', enum: ['all', 'new'], enumNames: ['Everything', 'New ones'] },
        tags: { type: 'array', title: 'Tags', items: { type: 'string', enum: ['x', 'y'] } },
        sure: { type: 'boolean', title: 'Overwrite' },
      },
    };
    const server = await serve(async ({ ask, write }) =>
      write(`\`${JSON.stringify(await ask({ message: 'Which ones?', schema }))}\``),
    );
    const page = await open(server);
    await say(page, 'Import');
    const card = page.getByRole('region', { name: 'Question' });
    await card.getByLabel('Address').fill('ada');
    await card.getByLabel('Count').fill('50');
    await card.getByRole('button', { name: 'Send' }).click();
    await card.getByText('Enter an address such as ada@example.com.').waitFor();
    expect(await card.locator('.wrong').allTextContents()).toEqual([
      'Enter an address such as ada@example.com.',
      'Enter 10 or less.',
      'Choose one.',
      '',
    ]);
    await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'mail');
    await card.getByLabel('Address').fill('ada@example.com');
    await card.getByLabel('Count').fill('7');
    await card.getByLabel('New ones').check();
    await card.getByLabel('y', { exact: true }).check();
    await card.getByRole('button', { name: 'Send' }).click();
    await turn(page).locator('code', { hasText: 'accept' }).waitFor();
    expect(server.received.find(({ type }) => type === 'answer')).toMatchObject({
      action: 'accept',
      content: { mail: 'ada@example.com', count: 7, scope: 'new', tags: ['y'], sure: false },
    });
  });

  it('shows where a page leads that a tool wants to be opened, and lets one decline', async () => {
    const url = 'https://accounts.example.com:8443/authorize?client=1';
    const server = await serve(async ({ ask, write }) =>
      write(String((await ask({ message: 'Sign in.', url }))['action'])),
    );
    const page = await open(server);
    await say(page, 'Calendar');
    const link = page.getByRole('link', { name: 'Open accounts.example.com:8443' });
    expect(await link.getAttribute('href')).toBe(url);
    expect(await link.getAttribute('rel')).toBe('noopener noreferrer');
    expect(await page.locator('.address').textContent()).toBe(url);
    await page.getByRole('button', { name: 'Decline' }).click();
    await shown(page, 'decline');
  });

  it('does not offer to open an address that is not of the web', async () => {
    const page = await open(
      await serve(async ({ ask }) => void (await ask({ message: 'Open.', url: 'javascript:alert(1)' }))),
    );
    await say(page, 'Open');
    await page.getByText('This cannot be opened: javascript:alert(1)').waitFor();
    expect(await page.locator('.ask a').count()).toBe(0);
  });

  it('stops with the button and with Escape', async () => {
    const page = await open(
      await serve(async ({ write, stopped }) => {
        write('On and on');
        await stopped;
      }),
    );
    for (const [index, stop] of [
      () => page.getByRole('button', { name: 'Stop the answer' }).click(),
      () => page.keyboard.press('Escape'),
    ].entries()) {
      await say(page, 'Go');
      await page.locator('.turn.runs').getByText('On and on').waitFor();
      await stop();
      await page.locator('.turn:not(.runs)').nth(index).getByText('Stopped.').waitFor();
      await page.locator('.turn.runs').waitFor({ state: 'detached' });
      expect(await page.locator('.turn').getByText('Stopped.').count()).toBe(index + 1);
    }
  });

  it('stops with Escape in the very moment in which the answer begins', async () => {
    const page = await open(await serve(({ stopped }) => stopped));
    await page.evaluate(() =>
      new MutationObserver((_, observer) => {
        if (document.querySelector('.turn.runs') === null) return;
        observer.disconnect();
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
      }).observe(document.body, { subtree: true, childList: true, attributes: true }),
    );
    await say(page, 'Go');
    await shown(page, 'Stopped.');
    expect(await page.locator('.turn.runs').count()).toBe(0);
  });

  it('can be had with the keyboard: lines, the last text again, and asking again', async () => {
    const page = await open(await serve(({ write, text }) => write(text.toUpperCase())));
    await box(page).pressSequentially('one');
    await page.keyboard.press('Shift+Enter');
    await box(page).pressSequentially('two');
    expect(await page.locator('.said').count()).toBe(0);
    await page.keyboard.press('Enter');
    await turn(page).getByText('TWO').waitFor();
    await written(page).toBe('');
    await page.keyboard.press('ArrowUp');
    await written(page).toBe('one\ntwo');
    await box(page).fill('');
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.turn:not(.runs)').length === 2);
    await page.getByRole('button', { name: 'Edit and send again' }).first().click();
    await written(page).toBe('one\ntwo');
    expect(await box(page).evaluate((element) => element === document.activeElement)).toBe(true);
  });

  it('says what was refused, and lets one try again or discard it', async () => {
    const page = await open(await serve(({ fail }) => fail('The model is overloaded.')));
    await say(page, 'too fast');
    await shown(page, 'Too many queries: try again in 20 s.');
    await page.getByRole('button', { name: 'Discard' }).click();
    await say(page, 'Hello');
    await shown(page, 'The model is overloaded.');
    expect(await page.locator('.timeline').getByText('Too many queries').count()).toBe(0);
  });

  it('is cleared, exported and deleted from its menu', async () => {
    const page = await open(await serve(({ write }) => write('Yes.')));
    await say(page, 'Are you there?');
    await shown(page, 'Yes.');
    await page.getByRole('button', { name: 'More' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Export as Markdown' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('conversation.md');
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Clear' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Clear' }).click();
    await gone(page, 'Yes.');
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await shown(page, 'What can I do for you?');
    expect(wrongs.get(page)).toEqual([]);
  });

  it('is one of several', async () => {
    const page = await open(await serve(({ write, text }) => write(`About ${text}`)));
    await say(page, 'apples');
    await shown(page, 'About apples');
    await page.getByRole('button', { name: 'New conversation' }).first().click();
    await shown(page, 'What can I do for you?');
    await say(page, 'pears');
    await shown(page, 'About pears');
    await page.getByRole('navigation').getByRole('button', { name: 'apples' }).click();
    await shown(page, 'About apples');
    expect(await page.locator('.timeline').getByText('About pears').count()).toBe(0);
    await page.reload();
    await page.getByRole('navigation').getByRole('button', { name: 'pears' }).click();
    await shown(page, 'About pears');
  });
});

describe('without a network', () => {
  it('says so, keeps what is said, comes back by itself, and has everything', async () => {
    let go = (): void => {};
    const server = await serve(async ({ write, text }) => {
      write(`About ${text}: `);
      if (text === 'one') await new Promise<void>((resolve) => (go = resolve));
      write('done.');
    });
    const page = await open(server);
    await say(page, 'one');
    await shown(page, 'About one:');
    server.down(true);
    server.cut();
    await page.getByText('No connection.').waitFor();
    await say(page, 'two');
    await shown(page, 'Sent when there is a connection.');
    go();
    server.down(false);
    await shown(page, 'About one: done.');
    await shown(page, 'About two: done.');
    expect(await page.locator('.said').count()).toBe(2);
    expect(await page.locator('.turn').count()).toBe(2);
    expect(await page.getByText('No connection.').count()).toBe(0);
  });
});

describe('a room', () => {
  it('is shared by two people, who see each other come, write and go', async () => {
    const server = await serve(({ write }) => write('I was called.'));
    const [ada, grace] = [await open(server), await open(server)];
    for (const [page, name] of [
      [ada, 'Ada'],
      [grace, 'Grace'],
    ] as const) {
      await page.getByRole('button', { name: 'Room' }).click();
      await page.getByLabel('Your name').fill(name);
      await page.getByRole('textbox', { name: /^Room/ }).fill('planning');
      await page.getByRole('button', { name: 'Go in' }).click();
      await shown(page, 'Welcome to planning');
    }
    await ada.getByRole('img', { name: 'In the room: Ada, Grace' }).waitFor();
    await box(grace).pressSequentially('Hel');
    await ada.getByText('Grace is typing…').waitFor();
    await say(grace, 'Hello Ada');
    await ada.getByRole('article', { name: 'Grace' }).getByText('Hello Ada').waitFor();
    await gone(ada, 'Grace is typing…');
    expect(await ada.locator('.turn').count()).toBe(0);
    await say(ada, '@assistant, what now?');
    await shown(ada, 'I was called.');
    await shown(grace, 'I was called.');
    await grace.getByRole('button', { name: 'Room' }).click();
    await grace.getByRole('button', { name: 'Leave the room' }).click();
    await shown(grace, 'What can I do for you?');
    await ada.getByRole('img', { name: 'In the room: Ada', exact: true }).waitFor();
  });
});

describe('whatever a tool or the model says', () => {
  const ATTACKS = [
    '<script>window.hacked = 1</script>',
    '<img src=x onerror="window.hacked = 1">',
    '<svg onload="window.hacked = 1">',
    '[click](javascript:window.hacked=1)',
    '<a href="javascript:window.hacked=1">click</a>',
    '<iframe srcdoc="<script>parent.hacked = 1</script>"></iframe>',
    '<style>body { display: none }</style>',
    '<form action="https://evil.example.com"><button>Sign in</button></form>',
    '![x](https://images.example.com/track.png)',
    '<div class="ask" style="position:fixed;inset:0">Allow</div>',
  ].join('\n\n');

  it('runs nothing, loads nothing from elsewhere, and stays in its place', async () => {
    const server = await serve(async (context) => {
      const call = context.call('<img src=x onerror="window.hacked = 1">', { '<b>': ATTACKS }, ATTACKS);
      call.progress(1, 2, ATTACKS);
      call.result(ATTACKS, {
        images: [
          { mime_type: 'image/svg+xml', data: 'PHN2Zy8+' },
          { mime_type: 'image/png" onerror="window.hacked=1', data: DOT },
        ],
      });
      context.write(ATTACKS);
      await context.ask({
        server: ATTACKS,
        message: ATTACKS,
        schema: { properties: { a: { type: 'string', title: ATTACKS } } },
      });
    });
    const page = await open(server);
    await say(page, ATTACKS);
    await page.getByRole('region', { name: 'Question' }).waitFor();
    await page.locator('.tool summary').click();
    for (const link of await page.getByRole('link', { name: 'click' }).all()) await link.click();
    expect(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked)).toBeUndefined();
    const smuggled = page.locator(
      'iframe, .prose form, .prose style, .prose script, .prose .ask, .timeline img[src^="http"]',
    );
    expect(await smuggled.evaluateAll((all) => all.map(({ outerHTML }) => outerHTML))).toEqual([]);
    expect(await page.locator('img[src^="data:image/svg"]').count()).toBe(0);
    expect(await page.locator('body').isVisible()).toBe(true);
    // The sanitiser reads the text in a document that does nothing; the policy reports what stands inline in it all the same, as refused.
    const refused = /inline (style|event handler).*Content Security Policy/;
    expect(wrongs.get(page)!.filter((text) => !refused.test(text))).toEqual([]);
  });

  it('could not run even if the sanitiser let it through, because the policy forbids it', async () => {
    const page = await open(await serve(() => {}));
    await shown(page, 'What can I do for you?');
    const failed = await page.evaluate(() => {
      try {
        document.body.innerHTML = '<img src=x onerror="window.hacked = 1">';
        return false;
      } catch {
        return true;
      }
    });
    expect(failed).toBe(true);
  });
});

describe('on a phone', () => {
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } as const;

  it('fits, and has the list of conversations behind a button', async () => {
    const long = 'a'.repeat(300);
    const page = await open(
      await serve(({ write }) => write(`${long}\n\n\`\`\`\n${long}\n\`\`\`\n\n| ${long} | b |\n| - | - |\n| c | d |`)),
      phone,
    );
    await say(page, long);
    await page.locator('.turn:not(.runs)').waitFor();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(390);
    expect(await page.locator('.timeline').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(
      0,
    );
    const list = page.getByRole('navigation', { name: 'Conversations' });
    expect(await list.isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Conversations' }).click();
    await list.getByRole('button', { name: 'New conversation' }).click();
    await shown(page, 'What can I do for you?');
    await list.waitFor({ state: 'hidden' });
  });
});

describe('light and dark', () => {
  const ground = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

  it('follow the system until someone chooses, and the choice stays', async () => {
    const page = await open(await serve(() => {}), { colorScheme: 'dark' });
    await shown(page, 'What can I do for you?');
    expect(await ground(page)).toBe('rgb(23, 23, 27)');
    await page.getByRole('radio', { name: 'Light' }).check({ force: true });
    expect(await ground(page)).toBe('rgb(255, 255, 255)');
    await page.reload();
    await shown(page, 'What can I do for you?');
    expect(await ground(page)).toBe('rgb(255, 255, 255)');
  });
});
