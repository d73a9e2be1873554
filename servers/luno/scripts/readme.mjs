#!/usr/bin/env node
// Writes the tools, resources and prompts into README.md, as the built server lists them. With --check it writes nothing, and
// fails when README.md is not up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { createLunoServer, Luno } from '../dist/index.js';

const file = new URL('../README.md', import.meta.url);

const [near, far] = InMemoryTransport.createLinkedPair();
const client = new Client({ name: 'readme', version: '1.0.0' });
const server = createLunoServer(new Luno({ credentials: { keyId: 'none', secret: 'none' } }));
await server.connect(far);
await client.connect(near);
const { tools } = await client.listTools();
const { resources } = await client.listResources();
const { resourceTemplates } = await client.listResourceTemplates();
const { prompts } = await client.listPrompts();
await client.close();

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

/** The arguments of a tool; those that may be left out have a question mark. */
function argumentsOf({ inputSchema: { properties = {}, required = [] } }) {
  return Object.keys(properties)
    .map((name) => (required.includes(name) ? `\`${name}\`` : `\`${name}?\``))
    .join(', ');
}

function effectOf({ annotations: { readOnlyHint, idempotentHint } }) {
  if (readOnlyHint) return 'reads';
  return idempotentHint ? 'destructive, idempotent' : 'destructive';
}

const parts = {
  tools: table(
    ['Tool', 'Arguments', 'What it does', 'Effect'],
    tools.map((tool) => [`\`${tool.name}\``, argumentsOf(tool), tool.description, effectOf(tool)]),
  ),
  resources: table(
    ['Resource', 'What it is'],
    [...resources, ...resourceTemplates].map(({ uri, uriTemplate, description }) => [
      `\`${uri ?? uriTemplate}\``,
      description,
    ]),
  ),
  prompts: table(
    ['Prompt', 'Arguments', 'What it is'],
    prompts.map(({ name, arguments: given = [], description }) => [
      `\`${name}\``,
      given.map((argument) => `\`${argument.name}\``).join(', '),
      description,
    ]),
  ),
};

const before = readFileSync(file, 'utf8');
const after = Object.entries(parts).reduce(
  (text, [name, part]) =>
    text.replace(
      new RegExp(`(<!-- ${name} -->\n).*?(<!-- /${name} -->)`, 's'),
      (_all, start, end) => `${start}${part}\n${end}`,
    ),
  before,
);
if (!process.argv.includes('--check')) writeFileSync(file, after);
else if (after !== before) {
  process.stderr.write('README.md is not up to date: run `npm run readme -w servers/luno`.\n');
  process.exitCode = 1;
}
