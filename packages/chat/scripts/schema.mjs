// Writes schema.json: the messages of the chat as JSON Schema, from the Zod schemas of the built package.
import { writeFileSync } from 'node:fs';
import { protocolSchema } from '../dist/protocol/json-schema.js';

writeFileSync(new URL('../schema.json', import.meta.url), `${JSON.stringify(protocolSchema(), undefined, 2)}\n`);
