// Writes the tables of README.md from the code: of the tools, and of the error codes. With --check it writes nothing, and fails
// if they differ. It takes the built code.
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { ERRORS } from '../dist/errors.js';
import { TOOLS } from '../dist/tools/tools.js';

const file = new URL('../README.md', import.meta.url);
const EFFECTS = { read: 'reads', change: 'changes', destroy: 'destroys' };

/** An argument with what it takes: `limit?` (1 to 200, default 50). */
function argument([name, schema], required) {
  const optional = !required.includes(name) || 'default' in schema;
  const { minimum, maximum, enum: words, items } = schema;
  const notes = [
    (words ?? items?.enum)?.join(', '),
    maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && `${minimum} to ${maximum}`,
    'default' in schema && !Array.isArray(schema.default) && `default ${schema.default}`,
  ].filter(Boolean);
  return `\`${name}${optional ? '?' : ''}\`${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`;
}

function row({ name, effect, question, description, input }) {
  const { properties = {}, required = [] } = z.toJSONSchema(input, { io: 'input' });
  const args = Object.entries(properties).map((entry) => argument(entry, required));
  const does = `${EFFECTS[effect]}${question ? ', asks first' : ''}`;
  return `| \`${name}\` | ${args.join(', ')} | ${does} | ${description} |`;
}

const tools = Object.entries(TOOLS).flatMap(([about, group]) => [
  `### ${about}`,
  '',
  '| Tool | Arguments | Effect | What it does |',
  '| --- | --- | --- | --- |',
  ...group.map(row),
  '',
]);
const errors = [
  '| Code | What to do |',
  '| --- | --- |',
  ...Object.entries(ERRORS).map(([code, remedy]) => `| \`${code}\` | ${remedy} |`),
  '',
];

const before = readFileSync(file, 'utf8');
const after = Object.entries({ tools, errors }).reduce(
  (text, [name, lines]) =>
    text.replace(
      new RegExp(`(<!-- ${name}: [^>]*-->\n)[\\s\\S]*?(<!-- /${name} -->)`),
      (_, start, end) => `${start}\n${lines.join('\n')}\n${end}`,
    ),
  before,
);
if (!process.argv.includes('--check')) writeFileSync(file, after);
else if (after !== before) {
  process.stderr.write('README.md differs from the code: run node servers/devenv/scripts/readme.mjs\n');
  process.exitCode = 1;
}
