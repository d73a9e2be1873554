// Writes the files that are made from the code: the types of the options, and the pages of the API. A test compares them with the code.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runnerImport } from 'vite';

import { readApi } from './generate/api.mjs';
import { settingsOf } from './generate/settings.mjs';
import { makeReady, root } from './ready.mjs';

const gateway = join(root, 'packages/switchboard/src/gateway');
const { module } = await runnerImport(join(gateway, 'options.ts'), { root, logLevel: 'error' });
writeFileSync(join(gateway, 'settings.ts'), settingsOf(module.OPTIONS, module.namesOf));

makeReady();
const { pages, faults } = readApi();
const folder = join(root, 'docs/reference/api');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
for (const [name, text] of pages) writeFileSync(join(folder, name), text);
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
