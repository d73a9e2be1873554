/** What operators and auditors administer on the console, in Chromium: people, keys, the audit log, servers, questions of tools, nodes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { makeKey, writeKeys } from '../../switchboard/src/auth/api-keys.ts';
import { serveConsole } from 'mcp-switchboard-console';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sees, spawnNode, startCluster, startNode } from '../../switchboard/test/support/cluster.ts';
import { http, openSession } from '../../switchboard/test/support/http.ts';
import { RedisServer } from '../../switchboard/test/support/redis.ts';
import { initializeParams, toolCall } from '../../switchboard/test/support/wire.ts';
import { openAt } from './support/browser.ts';
import { EVIL, detail, dialog, expectClean, live, notice, rows, view } from './support/console-page.ts';
import { folder, seriousFaults, servers, startConsole } from './support/console-server.ts';
import { startServe } from './support/serve.ts';

/** A keys file with a key for each of these roles; its text by the role. */
function keysOf(roles: readonly string[]): { keysFile: string; textOf: ReadonlyMap<string, string> } {
  const made = roles.map(
    (role) => [role, makeKey({ principal: `the ${role}`, roles: [role], label: `for ${EVIL}` })] as const,
  );
  const keysFile = join(folder(), 'keys.json');
  writeFileSync(keysFile, writeKeys(made.map(([, [, kept]]) => kept)), { mode: 0o600 });
  return { keysFile, textOf: new Map(made.map(([role, [text]]) => [role, text])) };
}

describe('people', () => {
  it('are seen with their roles and what is left, get keys that are shown once, and lose them; wrong ones are counted', async () => {
    const { keysFile } = keysOf(['reader']);
    const { connect, link, origin } = await startConsole({
      keysFile,
      rateLimit: 100,
      roles: { default: {}, reader: { upstreams: ['demo'], tools: { deny: ['add'] } } },
    });
    const ann = await connect('demo', 'ann', `Cursor ${EVIL}`);
    await ann.callTool({ name: 'echo', arguments: { text: 'x' } });
    for (let nth = 0; nth < 2; nth++) {
      await fetch(`${origin}/mcp/demo`, { method: 'POST', headers: { authorization: 'Bearer swb_wrong' } });
    }
    const page = await openAt(link());
    await live(page);
    await view(page, 'People');
    await rows(page).filter({ hasText: 'ann' }).getByText(/\/100/).waitFor();
    await rows(page).filter({ hasText: 'the reader' }).click();
    await detail(page).getByText('0 of', { exact: false }).or(detail(page).getByText('0 ·')).first().waitFor();
    await detail(page).getByText('for <img').waitFor();

    await detail(page).getByRole('button', { name: 'Make a key…' }).click();
    await dialog(page).getByLabel('reader').check();
    await dialog(page).getByLabel('What it is for').fill(EVIL);
    await dialog(page).getByLabel('Ends after').fill('soon');
    await dialog(page).getByRole('button', { name: 'Make the key' }).click();
    await dialog(page).getByRole('alert').waitFor();
    await dialog(page).getByLabel('Ends after').fill('1h');
    await dialog(page).getByRole('button', { name: 'Make the key' }).click();
    const key = (await dialog(page).locator('.secret').textContent())!;
    expect(key).toMatch(/^swb_[0-9a-f]{12}_/);
    expect(await seriousFaults(page)).toEqual([]);
    await dialog(page).getByRole('button', { name: 'I have it' }).click();
    expect(await page.content()).not.toContain(key);
    await detail(page).locator('.key-list li').nth(1).waitFor();

    await page.getByText('Keys', { exact: true }).first().click();
    await expect.poll(() => rows(page).count()).toBe(2);
    await rows(page).first().click();
    await dialog(page).getByRole('button', { name: 'Revoke' }).click();
    await notice(page, 'was revoked.');
    await rows(page).getByText('revoked').waitFor();

    await page.getByText('Wrong credentials (1)').click();
    await page.getByRole('button', { name: 'Unlock' }).click();
    await notice(page, 'begins again.');
    await page.getByText('No address has shown wrong credentials lately.').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await expectClean(page);
  }, 60_000);
});

describe('the audit log', () => {
  it('is searched and exported, says what it leaves out, and shows contents to an auditor alone', async () => {
    const { keysFile, textOf } = keysOf(['auditor', 'viewer']);
    const auditLog = join(folder(), 'audit.jsonl');
    const { connect, origin } = await startConsole({ keysFile, auditLog, auditContents: true, roles: { default: {} } });
    const ann = await connect('demo', 'ann', `Cursor ${EVIL}`);
    await ann.callTool({ name: 'echo', arguments: { text: 'the content' } });
    await ann.callTool({ name: EVIL, arguments: { token: 'canary-token' } }).catch(() => {});
    const openAs = async (role: string) => {
      const page = await openAt(`${origin}/console/audit`);
      await page.getByLabel('API key or token').fill(textOf.get(role)!);
      await page.getByRole('button', { name: 'Sign in' }).click();
      return page;
    };
    const page = await openAs('auditor');
    await page.getByLabel('Tool or action').fill('echo');
    await page.getByRole('button', { name: 'Search' }).click();
    await expect.poll(() => rows(page).count()).toBe(1);
    await rows(page).first().click();
    await detail(page).locator('pre').getByText('the content').first().waitFor();
    await detail(page).getByText(`Cursor ${EVIL} 2.1.0`).waitFor();
    await page.getByLabel('Tool or action').fill('onerror');
    await page.getByLabel('Outcome').selectOption('error');
    await expect.poll(() => rows(page).first().textContent()).toContain(EVIL);
    expect(page.url()).toContain('tool=onerror&outcome=error');
    await rows(page).first().click();
    await detail(page).getByText('[redacted]').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'CSV' }).click();
    expect(readFileSync(await (await download).path(), 'utf8')).toMatch(/^time,type,who,[^\n]+\n[^\n]*onerror/);
    expect(await page.getByRole('button', { name: /^(Actions|Make a key)/ }).count()).toBe(0);

    const viewer = await openAs('viewer');
    await viewer.getByText('which does not read the audit log').waitFor();
    expect(await viewer.getByRole('navigation').getByRole('link', { name: 'Audit' }).count()).toBe(0);
    for (const each of [page, viewer]) await expectClean(each);
  }, 60_000);
});

describe('a server', () => {
  it('is drained and served again, and each change of its tools is shown as a difference', async () => {
    let description = 'Adds.';
    const own = serverWithTool(() => description);
    const { link, gateway } = await startConsole({ upstreams: { demo: servers.demo, own: { server: own } } });
    const page = await openAt(link());
    await live(page);
    await view(page, 'Tools');
    await rows(page).filter({ hasText: 'Adds.' }).waitFor();
    await view(page, 'Servers');
    await page.getByRole('link', { name: /^own/ }).click();
    await page.getByText('None since somebody first looked at them here.').waitFor();
    description = `Adds. ${EVIL}`;
    await gateway.operations.restart('own');
    await page.reload();
    await page.locator('summary', { hasText: 'add: description' }).click();
    await page.locator('.difference ins').getByText(EVIL).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Drain…' }).click();
    await dialog(page).getByRole('button', { name: 'Drain' }).click();
    await page.getByText('It is not served, because an operator has drained it.').waitFor();
    expect(Object.keys(gateway.stats.upstreams)).toEqual(['demo']);
    await page.getByRole('button', { name: 'Enable' }).click();
    await notice(page, 'own is served again.');
    await expect.poll(() => Object.keys(gateway.stats.upstreams)).toEqual(['demo', 'own']);
    await expectClean(page);
  });

  it('may ask while a tool of it is tried: its question is text, and the call goes on with the answer', async () => {
    const { link } = await startConsole({ upstreams: { demo: servers.demo } });
    const page = await openAt(link(), { permissions: ['clipboard-read', 'clipboard-write'] });
    await live(page);
    await view(page, 'Tools');
    await rows(page)
      .filter({ has: page.getByText('ask', { exact: true }) })
      .click();
    await detail(page).getByLabel('question').fill(`Which? ${EVIL}`);
    await detail(page).getByRole('button', { name: 'Call', exact: true }).click();
    const question = detail(page).getByRole('region', { name: 'Question of the server' });
    await question.getByText(`Which? ${EVIL}`).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await question.getByRole('button', { name: 'Answer' }).click();
    await question.getByText('This is needed.').waitFor();
    await question.getByLabel('answer').fill('green');
    await question.getByRole('button', { name: 'Answer' }).click();
    await detail(page).locator('.raw').getByText('The user answered: green').first().waitFor();
    await question.waitFor({ state: 'detached' });
    await detail(page).getByRole('button', { name: 'Copy as TypeScript' }).click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain('await client.callTool({\n  name: "ask",');
    await expectClean(page);
  });
});

describe('the configuration', () => {
  it('is changed after its difference was shown, says who did it, and is taken back; locked options are not', async () => {
    const { link, read } = await startServe({ rateLimit: 600, upstreams: { demo: servers.demo, other: servers.demo } });
    const before = read();
    const page = await openAt((await link()).replace('/#', '/configuration#'));
    await rows(page).filter({ hasText: 'rateLimit' }).click();
    await detail(page).getByLabel('Value in the file').fill('often');
    await detail(page).getByRole('button', { name: 'Show the difference…' }).click();
    await dialog(page).getByRole('alert').getByText('often').waitFor();
    await dialog(page).getByRole('button', { name: 'Do nothing' }).click();
    await detail(page).getByLabel('Value in the file').fill('1200');
    await detail(page).getByRole('button', { name: 'Show the difference…' }).click();
    await dialog(page).locator('ins').getByText('1200').waitFor();
    await dialog(page).getByText('rateLimit takes effect when Switchboard starts again.').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    expect(read()).toBe(before);
    await dialog(page).getByRole('button', { name: 'Apply' }).click();
    await notice(page, 'The configuration was read again');
    expect(read()).toContain('"rateLimit": 1200');
    await page.getByText('2 servers, 0 roles').click();
    await page.getByRole('row', { name: /other/ }).getByRole('button', { name: 'Disable…' }).click();
    await dialog(page).getByText('other finishes its running calls and ends, with its sessions.').waitFor();
    await dialog(page).getByRole('button', { name: 'Apply' }).click();
    await page.getByText(/^2 changes of/).click();
    await page.locator('.revisions li').first().getByText('local').waitFor();
    for (let nth = 0; nth < 2; nth++) {
      await page.locator('.revisions').getByRole('button', { name: 'Undo…' }).click();
      await dialog(page).getByRole('button', { name: 'Undo' }).click();
      await expect.poll(() => page.locator('.revisions').getByText('taken back').count()).toBe(nth + 1);
    }
    expect(read()).toBe(before);
    await page.getByText('All', { exact: true }).click();
    await page.getByLabel('Filter').fill('option:keysFile');
    await rows(page).first().click();
    await detail(page).getByText('It says who is let in').waitFor();
    await expectClean(page);
  }, 60_000);
});

describe('servers of MCP clients', () => {
  it('are found without their secrets, chosen, shown as a difference, imported and taken back', async () => {
    const token = 'ghp_canaryabcdefghijklmnopqrstuv';
    const entry = { ...servers.demo, env: { GITHUB_TOKEN: token } };
    const { link, read } = await startServe(
      { upstreams: { demo: servers.demo } },
      {
        '.cursor/mcp.json': {
          mcpServers: { demo: entry, [EVIL]: { url: 'http://127.0.0.1:1/mcp' }, off: { disabled: true } },
        },
      },
    );
    const before = read();
    const page = await openAt((await link()).replace('/#', '/configuration#'));
    await page.getByRole('button', { name: 'Import from MCP clients…' }).click();
    await dialog(page).getByText('2 servers of Cursor, on the machine that Switchboard runs on.').waitFor();
    await dialog(page).getByText('another server is called demo').waitFor();
    await dialog(page).getByText('GITHUB_TOKEN=[redacted]').waitFor();
    await dialog(page).getByText('1 entry left alone').click();
    await dialog(page).getByText('it is disabled').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    expect(await dialog(page).getByRole('button', { name: 'Show the difference…' }).isDisabled()).toBe(true);
    await dialog(page)
      .getByRole('checkbox', { name: /^demo-cursor/ })
      .check();
    await dialog(page).getByRole('button', { name: 'Show the difference…' }).click();
    await dialog(page).getByText('server demo-cursor').waitFor();
    await dialog(page).getByText('its value, not shown').waitFor();
    expect(read()).toBe(before);
    await dialog(page).getByRole('button', { name: 'Apply' }).click();
    await notice(page, 'The configuration was read again');
    expect(read()).toContain('${env:GITHUB_TOKEN}');
    await page.getByText('2 servers, 0 roles').click();
    await page.getByRole('row', { name: /demo-cursor/ }).waitFor();
    await page.getByText(/^1 change of/).click();
    await page.locator('.revisions').getByRole('button', { name: 'Undo…' }).click();
    await dialog(page).getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => read()).toBe(before);
    expect(await page.content()).not.toContain('canary');
    await expectClean(page);
  }, 60_000);
});

describe('nodes', () => {
  it('are told of where there is none but this one: what to do to have several', async () => {
    const { link } = await startConsole({ upstreams: { demo: servers.demo } });
    const page = await openAt(link().replace('/#', '/nodes#'));
    await page.getByRole('heading', { name: 'This Switchboard runs alone' }).waitFor();
    await page.getByRole('link', { name: 'The guide to many nodes' }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await expectClean(page);
  });

  it('are listed with what differs, one of them is drained, and the page says whose sessions it shows', async () => {
    const redis = await RedisServer.start();
    onTestFinished(() => redis.kill());
    const [a, b] = await startCluster(redis, ['a', 'b'], { servePages: serveConsole });
    const page = await openAt(a!.gateway.consoleLink()!.url.replace('/#', '/nodes#'));
    await page.getByRole('link', { name: 'of node a' }).waitFor();
    const row = (name: string) =>
      page
        .getByLabel('Nodes')
        .locator('tbody tr')
        .filter({ has: page.getByText(name, { exact: true }) });
    await row('b').getByText('serving').waitFor();
    await row('a').getByText('this one').waitFor();
    // What each holds, as it says itself.
    const client = new Client({ name: 'a client', version: '1' });
    await client.connect(b!.gateway.clientTransport() as never);
    await client.listTools();
    const holding = page.getByLabel('What each node holds').locator('tbody tr').filter({ hasText: /^b/ });
    await holding.getByRole('cell', { name: /^holds .* more$/ }).waitFor();
    await expect.poll(() => holding.textContent()).toContain('default 1');
    await client.close();
    expect(await seriousFaults(page)).toEqual([]);
    await row('b').getByRole('button', { name: 'Drain…' }).click();
    await dialog(page).getByRole('button', { name: 'Drain and stop it' }).click();
    await notice(page, 'b drains');
    await b!.gateway.closed;
    await expect.poll(() => row('b').count(), { timeout: 20_000 }).toBe(0);
    await expectClean(page);
  }, 60_000);
});

describe('a takeover', () => {
  it('is on the page at the other node: who is gone, what changed, and the session that goes on there', async () => {
    const redis = await RedisServer.start();
    onTestFinished(() => redis.kill());
    const store = `${redis.url}/?prefix=takeover${process.pid}`;
    const [a, b] = await Promise.all([startNode(store, 'a', { servePages: serveConsole }), spawnNode(store, 'b')]);
    await sees(a, ['a', 'b']);
    const page = await openAt(a.gateway.consoleLink()!.url);
    await page.locator('.changes').getByText('Node b joined').first().waitFor();
    const session = await openSession(b.ws.replace('ws:', 'http:'), initializeParams());
    await view(page, 'Sessions');
    // Of the other node, as it said a moment ago.
    await rows(page).filter({ hasText: 'wire' }).getByText('b', { exact: true }).waitFor();
    await page.getByText(/^Sessions of b are as they were/).waitFor();
    b.child.kill('SIGKILL');
    await view(page, 'Overview');
    await page
      .locator('.changes')
      .getByText('Node b is gone: its sessions go on at other nodes')
      .first()
      .waitFor({ timeout: 20_000 });
    const answer = await http(a.http, { headers: session, body: toolCall(1, 'echo', { text: 'goes on' }) });
    expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('goes on')]);
    await view(page, 'Sessions');
    await rows(page).getByText('a', { exact: true }).waitFor();
    expect(await rows(page).count()).toBe(1);
    await rows(page).first().click();
    await detail(page).getByText('echo').waitFor();
    await detail(page)
      .getByText(/^1 time: to another process/)
      .waitFor();
    await view(page, 'Nodes');
    await expect.poll(() => page.getByLabel('Nodes').locator('tbody tr').count()).toBe(1);
    expect(await seriousFaults(page)).toEqual([]);
    await expectClean(page);
  }, 60_000);
});

/** A server in this process with one tool, whose description a test changes. */
function serverWithTool(description: () => string): () => never {
  return () =>
    ({
      async connect(transport: {
        onmessage?: (message: Record<string, unknown>) => void;
        start(): Promise<void>;
        send(message: unknown): Promise<void>;
      }) {
        transport.onmessage = ({ id, method, params }) => {
          if (id === undefined) return;
          const { protocolVersion } = (params ?? {}) as Record<string, unknown>;
          const own =
            method === 'tools/list'
              ? { tools: [{ name: 'add', description: description(), inputSchema: { type: 'object' } }] }
              : { capabilities: { tools: {} }, serverInfo: { name: 'own', version: '1' } };
          void transport.send({
            jsonrpc: '2.0',
            id,
            result: { ...own, ...(protocolVersion !== undefined && { protocolVersion }) },
          });
        };
        await transport.start();
      },
      async close() {},
    }) as never;
}
