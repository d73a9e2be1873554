// Sends a running Switchboard what no client and no server would send, and sees that it lives: `node scripts/fuzz.mjs [seconds] [seed]
// [--side client|server]`. It ends with 1 when Switchboard dies, answers with an error of its own, forgets its manners to an honest peer,
// leaves something without an answer, or grows without end; the seed says what was sent.
import { parseArgs } from 'node:util';

import { attackAsClients } from './fuzz/clients.mjs';
import { createDice } from './fuzz/dice.mjs';
import { attackAsServers } from './fuzz/servers.mjs';
import { makeReady } from './ready.mjs';

const SIDES = { client: attackAsClients, server: attackAsServers };

const { values, positionals } = parseArgs({ allowPositionals: true, options: { side: { type: 'string' } } });
const [seconds = '20', seedText = String(Date.now() % 2 ** 31)] = positionals;
const sides = Object.keys(SIDES).filter((side) => values.side === undefined || values.side === side);
if (sides.length === 0) throw new Error(`--side is ${values.side}, expected ${Object.keys(SIDES).join(' or ')}`);

makeReady();
let failed = false;
for (const side of sides) {
  const { did, fault } = await SIDES[side](createDice(Number(seedText)), Number(seconds) / sides.length);
  failed ||= fault !== undefined;
  process.stdout.write(`${did}, seed ${seedText}: ${fault ?? 'it lives'}\n`);
}
process.exit(failed ? 1 : 0);
