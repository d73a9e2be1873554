// Writes the files that are made from the code: the types of the options. A test compares them with the code.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runnerImport } from 'vite';

import { settingsOf } from './generate/settings.mjs';
import { root } from './ready.mjs';

const gateway = join(root, 'packages/switchboard/src/gateway');
const load = async (file) => (await runnerImport(join(gateway, file), { root, logLevel: 'error' })).module;

const { OPTIONS, namesOf } = await load('options.ts');
writeFileSync(join(gateway, 'settings.ts'), settingsOf(OPTIONS, namesOf));
