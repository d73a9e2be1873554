/**
 * A hostile MCP server: it is greeted as it should be, and after that most of what it says has values of other types in its fields.
 * With no tool but `count`, which is answered honestly with the number of messages that were not.
 */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { createDice } from './dice.mjs';
import { createOdd } from './odd.mjs';

const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
};
const serverInfo = { name: 'hostile', version: '1' };

/** @returns what answers a message of the client: lines, the last of which is meant to be the answer. */
export function createHostile(seed, era) {
  const dice = createDice(seed);
  const odd = createOdd(dice);
  let said = 0;
  const count = (line) => {
    said++;
    return line;
  };
  return ({ id, method, params }) => {
    if (id === undefined || method === undefined) return [];
    const answer = (result) => [JSON.stringify({ jsonrpc: '2.0', id, result })];
    const refusal = [JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } })];
    if (method === 'initialize') {
      if (era === 'modern') return refusal;
      return answer({ protocolVersion: '2025-11-25', capabilities, serverInfo });
    }
    if (method === 'server/discover') {
      const _meta = { 'io.modelcontextprotocol/serverInfo': serverInfo };
      return era === 'modern' ? answer({ supportedVersions: ['2026-07-28'], capabilities, _meta }) : refusal;
    }
    if (params?.name === 'count') {
      return answer({ resultType: 'complete', content: [{ type: 'text', text: String(said) }] });
    }
    const lines = dice.some(5, () => count(odd.fromServer(dice.pick([id, id, 1, 'q', 99_999]))));
    if (dice.next() < 0.1) return [...lines, ...answer({ resultType: 'complete', content: [] })];
    return [...lines, count(odd.answerTo(method, id))];
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const respond = createHostile(Number(process.env.SEED ?? 1), process.env.ERA);
  createInterface({ input: process.stdin }).on('line', (line) => {
    const lines = respond(JSON.parse(line));
    if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
  });
  process.stdin.on('end', () => process.exit());
}
