/** What servers, clients, people and addresses say, on the console in Chromium: it is text, whoever wrote it and wherever it stands. */
import { describe, expect, it } from 'vitest';
import { http, openSession } from '../../switchboard/test/support/http.ts';
import { initializeParams } from '../../switchboard/test/support/wire.ts';
import { openAt } from './support/browser.ts';
import { EVIL, detail, expectClean, live, notice, rows, view } from './support/console-page.ts';
import { startConsole } from './support/console-server.ts';

/** Says it in everything that a server can say. The first call has progress and no answer, the next one an answer. */
const SERVER = `
const { createInterface } = require('node:readline');
const evil = ${JSON.stringify(EVIL)};
const write = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
const text = { title: evil, description: evil };
const properties = { first: { type: 'string', ...text, default: evil }, [evil]: { type: 'string', enum: [evil] } };
const answers = {
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: evil, title: evil, version: evil },
    instructions: evil,
  },
  'tools/list': {
    tools: [{ name: 'say', ...text, annotations: { title: evil }, inputSchema: { type: 'object', ...text, properties } }],
  },
};
const link = { type: 'resource_link', uri: 'javascript:window.hit=1', name: evil };
let calls = 0;
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const progressToken = params?._meta?.progressToken;
  if (Object.hasOwn(answers, method)) write({ id, result: answers[method] });
  else if (method !== 'tools/call') write({ id, error: { code: -32601, message: evil } });
  else if (++calls > 1) write({ id, result: { content: [{ type: 'text', text: evil }, link], isError: true } });
  else write({ method: 'notifications/progress', params: { progressToken, progress: 1, message: evil } });
});`;

describe('a text with a script in it', () => {
  it('is text wherever it stands: what a server, a client, a person or an address says', async () => {
    const own = { command: process.execPath, args: ['-e', SERVER], era: 'legacy' } as const;
    const { connect, link, origin } = await startConsole({ upstreams: { own } });
    await connect('own', EVIL, EVIL);
    const session = await openSession(`${origin}/mcp/own`, initializeParams());
    const headers = { ...session, 'user-agent': EVIL };
    await http(`${origin}/mcp/own`, { headers, body: { jsonrpc: '2.0', id: 1, method: EVIL } });
    const page = await openAt(link());
    await live(page);

    // The server: its name, its tool, the schema, progress and an answer.
    await view(page, 'Servers');
    await page.getByRole('button', { name: 'Check' }).click();
    await notice(page, EVIL);
    await view(page, 'Tools');
    await rows(page).filter({ hasText: EVIL }).click();
    await detail(page).getByRole('heading', { name: EVIL }).waitFor();
    await detail(page).locator('label', { hasText: EVIL }).first().waitFor();
    const call = detail(page).getByRole('button', { name: 'Call', exact: true });
    await call.click();
    await detail(page).locator('.progress', { hasText: EVIL }).waitFor();
    await detail(page).getByRole('button', { name: 'Cancel' }).click();
    await call.click();
    await detail(page).locator('.raw', { hasText: 'javascript:window.hit=1' }).waitFor();
    expect(await page.locator('a[href^="javascript:"], a[href^="data:"]').count()).toBe(0);

    // The client and the person.
    await view(page, 'Sessions');
    await rows(page).filter({ hasText: EVIL }).first().click();
    await detail(page).getByRole('heading', { name: EVIL }).waitFor();
    await view(page, 'Requests');
    await rows(page).filter({ hasText: EVIL }).first().waitFor();
    await view(page, 'People');
    await rows(page).filter({ hasText: EVIL }).first().click();
    await detail(page).getByRole('heading', { name: EVIL }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.locator('dialog[open]').getByText(EVIL).first().waitFor();

    // The address.
    const [evil, of] = [encodeURIComponent(EVIL), `${origin}/console`];
    await page.goto(`${of}/requests?id=${evil}&filter=${evil}&order=${evil}&outcome=${evil}`);
    await detail(page).getByText(EVIL).waitFor();
    for (const place of [`sessions?id=${evil}&group=${evil}`, `servers?id=${evil}`, `people?show=${evil}`]) {
      await page.goto(`${of}/${place}`);
      await page.getByRole('navigation').waitFor();
    }
    const none = await page.goto(`${of}/${evil}`);
    expect(none!.headers()['content-type']).toBe('application/json');
    await expectClean(page);
  }, 60_000);
});
