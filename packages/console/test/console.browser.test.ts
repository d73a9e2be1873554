/** The console in Chromium, before a real gateway with real servers: every view, every action, and who may not. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeKey, writeKeys } from '../../switchboard/src/auth/api-keys.ts';
import { describe, expect, it } from 'vitest';
import { openAt } from './support/browser.ts';
import { EVIL, detail, dialog, expectClean, live, notice, rows, view } from './support/console-page.ts';
import { folder, seriousFaults, servers, startConsole } from './support/console-server.ts';

describe('signing in', () => {
  it('is done by a link, which works once, leaves no secret in the address, and is over after signing out', async () => {
    const { link, origin } = await startConsole({ upstreams: { demo: servers.demo } });
    const first = link();
    const page = await openAt(first);
    await live(page);
    expect(page.url()).toBe(`${origin}/console/`);
    expect(await page.evaluate(() => JSON.stringify([document.cookie, localStorage]))).not.toContain(
      first.split('#')[1],
    );
    const other = await openAt(first);
    await other.getByRole('alert').getByText('the link was used').waitFor();
    expect(await seriousFaults(other)).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('switchboard console', { exact: true }).waitFor();
    await page.reload();
    await page.getByText('switchboard console', { exact: true }).waitFor();
    await expectClean(page);
    await expectClean(other);
  });

  it('is done by a key, and a viewer sees all and is offered nothing that changes anything', async () => {
    const [text, kept] = makeKey({ principal: 'vera', roles: ['viewer'] });
    const keysFile = join(folder(), 'keys.json');
    writeFileSync(keysFile, writeKeys([kept]), { mode: 0o600 });
    const { origin, connect } = await startConsole({ keysFile });
    await connect('demo', 'ann');
    const page = await openAt(`${origin}/console/sessions`);
    await page.getByLabel('API key or token').fill('swb_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('Authentication required').waitFor();
    await page.getByLabel('API key or token').fill(text);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await rows(page).first().click();
    await detail(page).getByText('Last message').waitFor();
    expect(await page.getByRole('button', { name: /^(Actions|End session|Cancel|Message)/ }).count()).toBe(0);
    await view(page, 'Servers');
    await page.getByRole('heading', { name: 'Members' }).waitFor();
    expect(await page.getByRole('button', { name: /^(Restart|Check)/ }).count()).toBe(0);
    const refused = await page.evaluate(async () => {
      const { csrfToken } = (await (await fetch('api/me')).json()) as { csrfToken: string };
      const headers = { 'switchboard-csrf-token': csrfToken };
      return (await fetch('api/drain', { method: 'POST', headers })).text();
    });
    expect(refused).toContain('vera has the role viewer');
    await expectClean(page);
  });
});

describe('an operator', () => {
  it('finds what is wrong and why, who floods, and ends a hung call, a session and a server’s members', async () => {
    const { connect, link, gateway } = await startConsole();
    const ann = await connect('demo', 'ann');
    const bob = await connect('scripted', 'bob', `Cursor ${EVIL}`);
    for (let nth = 0; nth < 5; nth++) await ann.callTool({ name: 'add', arguments: { a: 1, b: nth } });
    await ann.callTool({ name: EVIL, arguments: {} }).catch(() => {});
    const hung = bob.callTool({ name: 'never', arguments: {} }).then(
      () => 'an answer',
      (error: Error) => error.message,
    );
    await connect('files', 'carol').catch(() => {});

    // Overview: what is wrong comes first, with what to do.
    const page = await openAt(link());
    await page.getByRole('heading', { name: /to look at$/ }).waitFor();
    await page.getByText(/Server files did not start.*no such folder/).waitFor();
    await page.getByRole('table').getByRole('link', { name: 'demo' }).waitFor();
    await expect.poll(() => page.locator('table tr', { hasText: 'demo' }).locator('td').nth(2).textContent()).toBe('6');
    expect(await page.locator('.changes li').first().textContent()).toContain('no such folder');
    await page.getByText('Hour', { exact: true }).click();
    await expect.poll(() => page.url()).toContain('range=hour');
    const hour = page.getByLabel('Servers, last hour').locator('tr', { hasText: 'demo' });
    await expect.poll(() => hour.locator('td').nth(2).textContent()).toBe('6');
    expect(await seriousFaults(page)).toEqual([]);

    // From there to the server that fails, and what it wrote.
    await page.locator('.problem', { hasText: 'files' }).getByRole('link', { name: 'Look' }).click();
    await page.getByRole('log').getByText(`Error: ${EVIL} no such folder`).first().waitFor();
    await page.getByRole('button', { name: 'Check' }).click();
    await notice(page, /exited with code 3/);
    expect(await seriousFaults(page)).toEqual([]);

    // Requests: the one that hangs is cancelled.
    await view(page, 'Requests');
    await page.getByText('Under way', { exact: true }).click();
    await rows(page)
      .filter({ hasText: 'never' })
      .getByText(/^waits \d+s$/)
      .waitFor();
    await rows(page).filter({ hasText: 'never' }).click();
    await detail(page).getByRole('button', { name: 'Cancel…' }).click();
    await dialog(page).getByText('Cancel the call of never', { exact: true }).waitFor();
    await dialog(page)
      .getByText(/^bob called it at scripted, \d+s ago/)
      .waitFor();
    await dialog(page).getByLabel('Reason').fill('it hangs');
    await dialog(page).getByRole('button', { name: 'Cancel request' }).click();
    expect(await hung).toContain('it hangs');
    await notice(page, 'The call of never was cancelled.');
    await page.getByText('Failed', { exact: true }).click();
    await rows(page).filter({ hasText: EVIL }).click();
    await detail(page).getByText('-32602').waitFor();
    // Where its time went, and the call by its id alone.
    const parts = detail(page).getByRole('table', { name: 'Where its time went' }).locator('tbody tr');
    await expect.poll(() => parts.allInnerTexts()).toHaveLength(5);
    expect((await parts.nth(3).innerText()).replaceAll(/\s+/g, ' ')).toMatch(
      /^Server worked until its answer [\d.]+ m?s [\d.]+ m?s$/,
    );
    await detail(page).getByText('counted with an audit log only').waitFor();
    const called = new URL(page.url()).searchParams.get('id')!;
    await page.getByText('All', { exact: true }).click();
    await page.getByLabel('Filter').fill(called);
    await expect.poll(() => rows(page).count()).toBe(1);
    await page.getByRole('columnheader', { name: 'Why' }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);

    // Sessions: filtered, grouped, spoken to, ended.
    await view(page, 'Sessions');
    await page.keyboard.press('/');
    await page.keyboard.type('server:scripted');
    await expect.poll(() => rows(page).count()).toBe(1);
    await page.getByLabel('Group by').selectOption('principal');
    await page.locator('.table-row.group', { hasText: 'bob' }).waitFor();
    await rows(page).first().click();
    await detail(page).getByText('never').waitFor();
    await page.getByRole('columnheader', { name: 'Rate left' }).waitFor();
    await detail(page).getByRole('button', { name: 'Message…' }).click();
    await dialog(page).getByLabel('Text').fill('Back in 5 minutes');
    await dialog(page).getByRole('button', { name: 'Send' }).click();
    await notice(page, 'Sent.');
    await detail(page).locator('.messages').getByText('notifications/message').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await detail(page).getByRole('button', { name: 'End session…' }).click();
    await dialog(page).getByRole('button', { name: 'End session' }).click();
    await notice(page, 'The session of bob was ended.');
    await detail(page).getByText('The session has ended').waitFor();
    expect(gateway.operations.sessions().map(({ principal }) => principal)).toEqual(['ann']);

    // Servers: restarted, with clients that do not notice.
    const [before] = (await gateway.operations.upstreams())[0]!.members;
    await view(page, 'Servers');
    await page.getByRole('link', { name: /^demo/ }).click();
    await page
      .locator('.facts')
      .getByText(/\btools\b/)
      .waitFor();
    await page.getByLabel('Memory of its processes', { exact: true }).getByText(/MiB$/).first().waitFor();
    await page.getByRole('button', { name: 'Restart…' }).click();
    await dialog(page).getByRole('button', { name: 'Restart' }).click();
    await notice(page, 'demo was restarted.');
    await expect
      .poll(() => page.getByLabel('Members').locator('tbody tr').first().textContent())
      .not.toContain(String(before!.pid));
    await ann.callTool({ name: 'add', arguments: { a: 1, b: 1 } });
    await view(page, 'Overview');
    await page.locator('.changes').getByText('local restarted demo').waitFor();
    await page.goBack();
    await page.goBack();
    await page.goBack();
    await page.getByRole('grid', { name: 'Sessions' }).waitFor();
    await expectClean(page);
  }, 60_000);

  it('sees why a tool is hidden from somebody, and tries one: its form, progress, answer, and cancelling it', async () => {
    const { link } = await startConsole({
      upstreams: { demo: servers.demo, scripted: servers.scripted },
      roles: { default: {}, reader: { tools: { deny: ['add'] } } },
    });
    const page = await openAt(link(), { permissions: ['clipboard-read', 'clipboard-write'] });
    await live(page);
    await view(page, 'Tools');
    const row = (tool: string) => rows(page).filter({ has: page.getByText(tool, { exact: true }) });
    await row('add').waitFor();
    await page.getByLabel('As seen by').selectOption('role reader');
    await row('add').getByText('role reader: tools.deny has "add"').waitFor();
    await page.getByLabel('As seen by').selectOption('');
    await row('add').getByText('seen').waitFor();
    await row('add').click();
    await detail(page).getByRole('button', { name: 'Call', exact: true }).click();
    await detail(page).getByText('This is needed.').first().waitFor();
    await detail(page).getByLabel('a', { exact: true }).fill('2');
    await detail(page).getByLabel('b', { exact: true }).fill('3');
    await detail(page).getByRole('button', { name: 'Call', exact: true }).click();
    await detail(page).locator('.raw').getByText('"text": "5"').waitFor();
    await detail(page).locator('.raw').getByText('"method": "tools/call"').waitFor();
    await detail(page).getByRole('button', { name: 'Copy as curl' }).click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toMatch(/^curl .*-d '\{"a":2,"b":3\}' http:\/\/127\.0\.0\.1:\d+\/rest\/demo\/tools\/add$/);
    expect(await seriousFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await row('slow').click();
    await detail(page).getByRole('button', { name: 'As JSON' }).click();
    await detail(page).getByLabel('Arguments, as JSON').fill('{"ms": 60000, "steps": 600, "text": "half way"}');
    await detail(page).getByRole('button', { name: 'Call', exact: true }).click();
    await detail(page)
      .getByText(/\d+ of 600 half way/)
      .waitFor();
    await detail(page).getByRole('button', { name: 'Cancel' }).click();
    await detail(page).locator('.outcome').getByText('cancelled').waitFor();
    await view(page, 'Requests');
    await rows(page).filter({ hasText: 'slow' }).getByText('cancelled').waitFor();
    // A view that cannot be drawn says so, and takes nothing else with it.
    await page.route('**/api/tools*', (route) => route.fulfill({ json: { roles: [], failed: [], tools: [null] } }));
    await view(page, 'Tools');
    await page.getByText('The view Tools could not be drawn').waitFor();
    await page.unroute('**/api/tools*');
    await page.getByRole('button', { name: 'Go on' }).click();
    await row('add').waitFor();
    await expectClean(page);
  });

  it('reads what holds and where it comes from, and no secret of it', async () => {
    const { link } = await startConsole({
      upstreams: { demo: { ...servers.demo, env: { KEY: 'canary-variable' } } },
      adminToken: 'canary-0123456789abcdef0123456789',
      origins: { isolation: 'file switchboard.json', adminToken: 'variable SWITCHBOARD_ADMIN_TOKEN' },
    });
    const page = await openAt(link().replace('/#', '/configuration#'));
    await rows(page).filter({ hasText: 'isolation' }).getByText('file switchboard.json').waitFor();
    expect(await rows(page).count()).toBe(2);
    await page.getByText('All', { exact: true }).click();
    await page.getByLabel('Filter').fill('origin:default idle');
    await rows(page)
      .filter({ has: page.getByText('idleTimeout', { exact: true }) })
      .click();
    await detail(page).getByText('--idle-timeout').waitFor();
    await page.getByText('1 server, 0 roles').click();
    await page.getByRole('table').getByText('command').waitFor();
    expect(await page.content()).not.toContain('canary-');
    expect(await seriousFaults(page)).toEqual([]);
    await expectClean(page);
  });

  it('speaks to all clients, reloads, invites a viewer, and drains, each after a question', async () => {
    const { connect, link, gateway } = await startConsole({
      upstreams: { demo: servers.demo },
      onReload: () => ({ added: [], changed: ['demo'], removed: [], applied: [], restartNeeded: [] }),
    });
    await connect('demo', 'ann');
    const page = await openAt(link());
    await live(page);
    const choose = async (item: string): Promise<void> => {
      await page.getByRole('button', { name: 'Actions' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    await choose('Message to clients…');
    await dialog(page).getByLabel('Text').fill('Back in 5 minutes');
    await dialog(page).getByRole('button', { name: 'Send' }).click();
    await notice(page, 'Sent to 1 client.');
    await choose('Reload the configuration…');
    await dialog(page).getByRole('button', { name: 'Do nothing' }).click();
    await choose('Reload the configuration…');
    expect(await seriousFaults(page)).toEqual([]);
    await dialog(page).getByRole('button', { name: 'Reload' }).click();
    await notice(page, 'The configuration was read again; changed: demo.');
    await choose('Link for a viewer…');
    await dialog(page).getByRole('button', { name: 'Make a link' }).click();
    const invited = await openAt((await dialog(page).locator('.address').textContent())!);
    await invited.getByText('You may look, and change nothing').waitFor();
    await page.keyboard.press('Escape');
    await choose('Drain and stop…');
    await dialog(page).getByRole('button', { name: 'Drain and stop' }).click();
    await gateway.closed;
    await page.getByText('Not live').waitFor();
    await expectClean(page);
  });

  it('goes by keys alone, and finds a session in the palette', async () => {
    const { connect, link } = await startConsole({ upstreams: { demo: servers.demo } });
    for (const who of ['ann', 'bob', 'carol']) await connect('demo', who);
    const page = await openAt(link());
    await live(page);
    await page.keyboard.press('2');
    await expect.poll(() => rows(page).count()).toBe(3);
    await rows(page).first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await detail(page).getByRole('heading', { name: /^bob/ }).waitFor();
    await page.keyboard.press('Escape');
    await detail(page).waitFor({ state: 'detached' });
    await page.keyboard.press('Control+k');
    await page.locator('input:focus[aria-label="Go to"]').waitFor();
    await page.keyboard.type('carol');
    await page.keyboard.press('Enter');
    await detail(page)
      .getByRole('heading', { name: /^carol/ })
      .waitFor();
    await page.keyboard.press('?');
    await dialog(page).getByText('this list').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'detached' });
    // A button that has the focus is pressed, and the view stays.
    await detail(page).getByRole('button', { name: 'Message…' }).focus();
    await page.keyboard.press(' ');
    await dialog(page).getByLabel('Text').waitFor();
    expect(page.url()).toContain('/sessions');
    await page.keyboard.press('Escape');
    await expectClean(page);
  });
});

describe('the page', () => {
  it('says when it is not live, and is again by itself when Switchboard is back', async () => {
    const { link, gateway, origin } = await startConsole({ upstreams: { demo: servers.demo } });
    const page = await openAt(link());
    await live(page);
    // What a view asks for beside the stream: it says that nothing answered, and asks again.
    await page.route('**/api/tools*', (route) => route.abort());
    await view(page, 'Tools');
    await page.getByRole('alert').getByText('Switchboard does not answer. Is it running?').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.unroute('**/api/tools*');
    await page.getByRole('button', { name: 'Try now' }).click();
    await rows(page).filter({ hasText: 'echo' }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    // Where it is the first to learn that nobody is signed in any more, the page says so.
    await page.route('**/api/keys', (route) => route.fulfill({ status: 401, json: {} }));
    await view(page, 'People');
    await page.getByText('Keys', { exact: true }).first().click();
    await page.getByRole('alert').getByText('Your sign-in has ended').waitFor();
    await page.unroute('**/api/keys');
    await page.reload();
    await live(page);
    await gateway.close();
    await page.getByText('Not live').waitFor();
    const { connect } = await startConsole({ upstreams: { demo: servers.demo }, port: Number(new URL(origin).port) });
    await connect('demo', 'ann');
    // A restart forgets who was signed in.
    await page.getByText('switchboard console', { exact: true }).waitFor();
    await page.getByRole('alert').getByText('Your sign-in has ended').waitFor();
    await expectClean(page);
  }, 60_000);

  it('draws no more rows than are seen of many sessions, and they stay while one scrolls', async () => {
    const { link, connect } = await startConsole({ upstreams: { demo: servers.demo }, maxConnections: 500 });
    for (let nth = 0; nth < 300; nth++) await connect('demo', `person-${nth}`);
    const page = await openAt(link());
    await live(page);
    await view(page, 'Sessions');
    await page.getByText('300 sessions').waitFor();
    expect(await rows(page).count()).toBeLessThan(60);
    await rows(page).first().focus();
    await page.keyboard.press('End');
    await page.locator('.table-row', { hasText: 'person-0' }).waitFor();
    expect(await rows(page).count()).toBeLessThan(60);
    await expectClean(page);
  });

  it('is of use on a phone, in the dark too', async () => {
    const { link, connect } = await startConsole();
    await connect('demo', 'ann');
    const page = await openAt(link(), { viewport: { width: 390, height: 844 }, hasTouch: true, colorScheme: 'dark' });
    await live(page);
    for (const name of ['Overview', 'Sessions', 'Requests', 'Servers', 'Tools']) {
      await view(page, name);
      await page.getByRole('heading', { name, level: 1 }).waitFor();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect([name, wide]).toEqual([name, 390]);
      const heads = await page
        .locator('.table-head [role=columnheader]')
        .evaluateAll((all) => all.map((head) => head.getBoundingClientRect().right));
      expect([name, heads.filter((right) => right > 390)]).toEqual([name, []]);
      expect([name, await seriousFaults(page)]).toEqual([name, []]);
    }
    await view(page, 'Sessions');
    await rows(page).first().click();
    await detail(page).getByRole('button', { name: 'End session…' }).waitFor();
    await detail(page).getByRole('button', { name: 'Close' }).click();
    await rows(page).first().waitFor();
    await expectClean(page);
  });
});
