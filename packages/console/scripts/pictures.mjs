// Takes the pictures of the chat page for the documents, or of all its states to look at:
//   node packages/console/scripts/pictures.mjs             docs/images/chat*.png
//   node packages/console/scripts/pictures.mjs --all DIR   every state, wide in light and dark, on a phone in dark
// The chat, the page and Chromium are real; the model and the server of tools follow a script.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { McpServer } from '@modelcontextprotocol/server';
import { createChat } from 'mcp-switchboard-chat';
import { servePages } from 'mcp-switchboard-console';
import { chromium } from 'playwright-core';
import { z } from 'zod';

import { find } from '../../../scripts/programs.mjs';

const WIDE = { viewport: { width: 1280, height: 860 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

function plannerServer() {
  const server = new McpServer({ name: 'planner', version: '1.0.0' });
  const tasks = [
    { id: 'T-104', title: 'Send the contract', due: 'Tuesday', hours: 2 },
    { id: 'T-118', title: 'Send the contract', due: 'Tuesday', hours: 2 },
    { id: 'T-121', title: 'Order badges', due: 'Friday', hours: 0.5 },
  ];
  const inputSchema = z.object({ due: z.string().optional() });
  const readOnly = { readOnlyHint: true };
  server.registerTool(
    'list_tasks',
    { title: 'List tasks', description: 'Lists the tasks that are due.', inputSchema, annotations: readOnly },
    () => ({ content: [{ type: 'text', text: JSON.stringify(tasks) }] }),
  );
  server.registerTool(
    'read_calendar',
    { title: 'Read the calendar', description: 'Lists the meetings of a day.', inputSchema, annotations: readOnly },
    () => ({ content: [] }),
  );
  server.registerTool(
    'delete_task',
    {
      title: 'Delete a task',
      description: 'Deletes a task for good.',
      inputSchema: z.object({ id: z.string(), reason: z.string() }),
      annotations: { destructiveHint: true },
    },
    () => ({ content: [{ type: 'text', text: 'deleted' }] }),
  );
  return server;
}

const TABLE = `Two tasks are due this week; one of them is there twice:

| task | due | hours |
| --- | --- | ---: |
| Send the contract | Tuesday | 2 |
| Order badges | Friday | 0.5 |

To list them yourself:

\`\`\`ts
const open = await tasks.find({ status: 'open', before: nextMonday });
for (const { id, title } of open) print(\`\${id}: \${title}\`);
\`\`\`

I will delete the duplicate.`;

const CODE = `1. Clone it with \`git clone <url>\`, then install what it needs:

   \`\`\`
   npm ci
   npm start
   \`\`\`

2. A \`List<String>\` of names, and a line that is long:

   \`\`\`java
   List<String> names = people.stream().filter(person -> person.isHere()).map(Person::name).sorted(Comparator.naturalOrder()).toList();
   \`\`\`

> Where x <y and y> z, nothing is lost.`;

const LATEX = `The solutions of \\(ax^2 + bx + c = 0\\) are

\\[ x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a} \\]

so that with $a = 1$ they are $-\\frac{b}{2} \\pm \\sqrt{\\frac{b^2}{4} - c}$.`;

const ARABIC = `هناك مهمتان هذا الأسبوع:

1. **إرسال العقد** يوم الثلاثاء
2. طلب الشارات يوم الجمعة، بالأمر \`tasks list\`

\`\`\`ts
const open = await tasks.find({ status: 'open' });
\`\`\`

> يمكنك حذف المهمة المكررة.`;

const PLAN = `Moving the office takes three weeks. In the first week, pack what is needed least:

- archives and books
- spare screens
- the second printer

In the second week the movers`;

/** What is answered to a question: by the words in it, the step, and what comes. */
const ANSWERS = [
  {
    asked: /due this week/,
    steps: [
      { text: 'Let me look.', call: { name: 'list_tasks', arguments: { due: 'this week' } } },
      { text: TABLE, call: { name: 'delete_task', arguments: { id: 'T-118', reason: 'duplicate' } } },
    ],
  },
  { asked: /move/, steps: [{ text: PLAN, hangs: true }] },
  { asked: /install/, steps: [{ text: CODE }] },
  { asked: /quadratic/, steps: [{ text: LATEX }] },
  { asked: /\p{sc=Arabic}/u, steps: [{ text: ARABIC }] },
];

const model = {
  name: 'claude-sonnet-5-5',
  async *answer({ messages, signal }) {
    const at = messages.findLastIndex(({ role }) => role === 'user');
    const { steps } = ANSWERS.find(({ asked }) => asked.test(messages[at].text));
    const { text, call, hangs } = steps[(messages.length - at - 1) / 2] ?? { text: 'Done.' };
    for (const piece of text.match(/[^]{1,40}/g)) yield { type: 'text', text: piece };
    if (hangs) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    if (call !== undefined) yield { type: 'call', call: { id: `call_${at}_${messages.length}`, ...call } };
    yield { type: 'end', cut: false };
  },
};

/** What is said, and what is waited for. */
const STATES = {
  empty: { shows: '.example, .examples' },
  approval: { says: 'What is due this week? Delete what is there twice.', shows: 'text=Allow once' },
  streaming: { says: 'How do we move to the new office?', shows: 'text=second week the movers' },
  code: { says: 'How do I install it?', shows: 'text=nothing is lost' },
  latex: { says: 'Solve the quadratic equation', shows: 'text=so that with' },
  rtl: { says: 'ما هي المهام المستحقة هذا الأسبوع؟', shows: 'text=المكررة' },
};

async function take(browser, url, state, options, file) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(url);
  const { says, shows } = STATES[state];
  if (says !== undefined) {
    await page.getByLabel('Message', { exact: true }).fill(says);
    await page.getByLabel('Message', { exact: true }).press('Enter');
  }
  await page.locator(shows).first().waitFor();
  // Until nothing moves any more.
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .map(({ finished }) => Promise.race([finished, new Promise((resolve) => setTimeout(resolve, 500))])),
    ),
  );
  await page.screenshot({ path: file });
  await context.close();
  console.log(file);
}

const [all, given] = process.argv.slice(2);
const folder = all === '--all' ? given : fileURLToPath(new URL('../../../docs/images/', import.meta.url));
if (folder === undefined) throw new Error('Usage: pictures.mjs [--all DIR]');
mkdirSync(folder, { recursive: true });
const chat = createChat({ port: 0, model, servePages, upstreams: { planner: { server: plannerServer } } });
const browser = await chromium.launch({ executablePath: find('chromium'), args: ['--no-sandbox'] });
try {
  const url = (await chat.listen()).replace(/^ws/, 'http');
  const pictures =
    all === '--all'
      ? Object.keys(STATES).flatMap((state) => [
          [state, { ...WIDE, colorScheme: 'light' }, `${state}.png`],
          [state, { ...WIDE, colorScheme: 'dark' }, `${state}-dark.png`],
          [state, { ...PHONE, colorScheme: 'dark' }, `${state}-phone.png`],
        ])
      : [
          ['approval', { ...WIDE, colorScheme: 'light' }, 'chat.png'],
          ['approval', { ...WIDE, colorScheme: 'dark' }, 'chat-dark.png'],
          ['approval', { ...PHONE, colorScheme: 'dark' }, 'chat-phone.png'],
        ];
  for (const [state, options, name] of pictures) await take(browser, url, state, options, join(folder, name));
} finally {
  await browser.close();
  await chat.close();
}
