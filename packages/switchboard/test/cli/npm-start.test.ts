/** The port that `npm start` is given, which npm takes for its own unless `--` stands before it. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { ended, folder } from '../support/command.ts';
import { root } from '../support/gateway.ts';

it('is found where npm left it', async () => {
  const cwd = folder();
  const print = `import { withPort } from ${JSON.stringify(join(root, 'scripts/npm-port.mjs'))};
    console.log(JSON.stringify(withPort(process.argv.slice(2), process.env)));`;
  writeFileSync(join(cwd, 'print.mjs'), print);
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ scripts: { start: 'node print.mjs' } }));
  for (const words of ['chat --port 8902', 'chat --port=8902', '-- chat --port 8902']) {
    const { stdout } = await ended(spawn('npm', ['start', ...words.split(' ')], { cwd }));
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!), words).toEqual(['chat', '--port', '8902']);
  }
});
