/** The console as one goes in and out of it, and acts where it could hit another, or where the action goes wrong. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeKey, writeKeys } from '../../switchboard/src/auth/api-keys.ts';
import { openAt } from './support/browser.ts';
import { detail, dialog, expectClean, live, notice, rows, view } from './support/console-page.ts';
import { folder, seriousFaults, servers, startConsole } from './support/console-server.ts';

describe('where the console is open already', () => {
  it('a link that is pasted signs in and leaves no secret, an old one takes nothing away, and a sign-out that failed says so', async () => {
    const { link, origin } = await startConsole({ upstreams: { demo: servers.demo } });
    const page = await openAt(`${origin}/console/sessions`);
    const command = page.getByText('switchboard console', { exact: true });
    await command.waitFor();
    const first = link();
    const paste = (secret: string): Promise<unknown> => page.goto(`${origin}/console/sessions#${secret}`);
    await paste(first.split('#')[1]!);
    await live(page);
    expect(page.url()).toBe(`${origin}/console/sessions`);
    await paste(first.split('#')[1]!);
    await notice(page, 'the link was used');
    expect(page.url()).toBe(`${origin}/console/sessions`);
    await page.locator('.notice').getByRole('button', { name: 'Close' }).click();

    await page.route('**/api/sign-out', (route) => route.abort());
    await page.getByRole('button', { name: 'Sign out' }).click();
    await notice(page, 'You are still signed in. Switchboard does not answer. Is it running?');
    await live(page);
    await page.unroute('**/api/sign-out');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await command.waitFor();
    await page.reload();
    await command.waitFor();
    await paste(link().split('#')[1]!);
    await live(page);
    // An address that asks for what there is not is live all the same.
    await page.goto(`${origin}/console/?range=week`);
    await live(page);
    // Nothing that signs in stands in the history either.
    await page.goBack();
    await expect.poll(() => page.url()).not.toContain('#');
    await expectClean(page);
  });
});

describe('clients without a session', () => {
  it('at one address are told apart: the calls of one are cancelled, and nothing is offered that needs a session', async () => {
    const keysFile = join(folder(), 'keys.json');
    const made = ['ann', 'bob'].map((principal) => makeKey({ principal, roles: [] }));
    writeFileSync(keysFile, writeKeys(made.map(([, kept]) => kept)), { mode: 0o600 });
    const { link, origin, connect, gateway } = await startConsole({ keysFile });
    await connect('*', 'carol');
    const calls = made.map(async ([key]) => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const answer = await fetch(`${origin}/rest/scripted/tools/never`, { method: 'POST', headers, body: '{}' });
      return answer.text();
    });
    // What is left open ends with the gateway.
    for (const call of calls) call.catch(() => {});
    await expect.poll(() => gateway.operations.requests().length).toBe(2);

    const page = await openAt(link());
    await live(page);
    await view(page, 'Sessions');
    await rows(page).filter({ hasText: 'bob' }).waitFor();
    await page.keyboard.press('Control+k');
    await dialog(page).getByRole('combobox').fill('session bob');
    await page.keyboard.press('Enter');
    await detail(page).getByRole('heading', { name: /^bob/ }).waitFor();
    await rows(page).filter({ hasText: 'ann' }).click();
    await detail(page).getByText('none: each of its requests stands alone').waitFor();
    await detail(page).getByText('1 under way').waitFor();
    expect(
      await detail(page)
        .getByRole('button', { name: /^(Message|End session)/ })
        .count(),
    ).toBe(0);
    expect(await seriousFaults(page)).toEqual([]);
    await detail(page).getByRole('button', { name: 'Cancel its calls' }).click();
    await dialog(page).getByRole('button', { name: 'Cancel 1 call' }).click();
    await notice(page, '1 call cancelled.');
    expect(await calls[0]).toContain('SWB_CANCELLED');
    expect(gateway.operations.requests().map(({ principal }) => principal)).toEqual(['bob']);
    await detail(page).getByText('No request of it runs now').waitFor();

    // From a request back to its client.
    await view(page, 'Requests');
    await rows(page).filter({ hasText: 'never' }).filter({ hasText: 'bob' }).click();
    await detail(page).getByRole('link', { name: '127.0.0.1' }).click();
    await detail(page).getByRole('heading', { name: /^bob/ }).waitFor();

    // Of all servers as one there is no server.
    await rows(page).filter({ hasText: 'carol' }).click();
    await detail(page).getByRole('link', { name: 'all of them as one' }).click();
    await page.getByRole('heading', { name: 'Members' }).waitFor();
    expect(await page.getByText('There is no server').count()).toBe(0);

    // What another node did not do is not passed over.
    const error = 'The node that owns the session or the server cannot be reached';
    await page.route('**/restart', (route) => route.fulfill({ json: { nodes: { a: {}, b: { error } } } }));
    await page.getByRole('button', { name: 'Restart…' }).click();
    await dialog(page).getByRole('button', { name: 'Restart' }).click();
    await notice(page, /was restarted\. But not at every node: b: The node that owns/);
    await expectClean(page);
  });
});

describe('a tool', () => {
  it('is shown as nobody else sees it, and the answer to its question is not lost where it did not arrive', async () => {
    const { link, connect } = await startConsole({
      upstreams: { demo: servers.demo },
      roles: { default: { tools: { deny: ['add'] } } },
    });
    await connect('demo', 'ann');
    const page = await openAt(link());
    await live(page);
    await view(page, 'Tools');
    const ask = rows(page).filter({ has: page.getByText('ask', { exact: true }) });
    await ask.waitFor();
    await page.route('**/api/tools?principal=ann', (route) => route.abort());
    await page.getByLabel('As seen by').selectOption('person ann');
    await page.getByRole('alert').getByText('Switchboard does not answer').waitFor();
    expect(await rows(page).count()).toBe(0);
    await page.unroute('**/api/tools?principal=ann');
    await page.getByRole('button', { name: 'Try now' }).click();
    await rows(page).getByText('role default: tools.deny has "add"').waitFor();
    await page.getByLabel('As seen by').selectOption('');
    await ask.click();

    await detail(page).getByLabel('question').fill('Which?');
    await detail(page).getByRole('button', { name: 'Call', exact: true }).click();
    const question = detail(page).getByRole('region', { name: 'Question of the server' });
    await question.getByLabel('answer').fill('green');
    await page.route('**/api/trials/*', (route) => route.abort());
    await question.getByRole('button', { name: 'Answer' }).click();
    await notice(page, 'Switchboard does not answer. Is it running?');
    await page.unroute('**/api/trials/*');
    expect(await question.getByLabel('answer').inputValue()).toBe('green');
    await question.getByRole('button', { name: 'Answer' }).click();
    await detail(page).locator('.raw').getByText('The user answered: green').first().waitFor();
    await expectClean(page);
  });
});

describe('a console that is read-only', () => {
  it('says so, and offers an operator nothing that changes anything', async () => {
    const { link, connect } = await startConsole({ console: 'read-only' });
    await connect('demo', 'ann');
    const page = await openAt(link());
    await page.getByText('This console is read-only').waitFor();
    await view(page, 'Sessions');
    await rows(page).first().click();
    await detail(page).getByText('Last message').waitFor();
    expect(await page.getByRole('button', { name: /^(Actions|End session|Cancel|Message)/ }).count()).toBe(0);
    expect(await seriousFaults(page)).toEqual([]);
    await expectClean(page);
  });
});
