/** What the pages show as printed is what the command prints. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';

import { run, start } from '../support/command.ts';
import { root, servers } from '../support/gateway.ts';

const LAST = 'Ctrl-C ends it.';

/** What a page shows below the line of a command, without the lines of further commands. */
function shown(page: string, command: string): string {
  const text = readFileSync(`${root}/${page}`, 'utf8');
  const block = text.split('```').find((each) => each.startsWith(`console\n$ ${command}\n`));
  expect(block, `${page} shows ${command}`).toBeDefined();
  return block!.split('\n').slice(2).join('\n').trimEnd();
}

/** What a command that serves prints to stdout, with the port of the page. */
async function banner(args: readonly string[], env: Record<string, string | undefined> = {}): Promise<string> {
  // Behind `--` a flag would be the server's.
  const child = start(args, { SWITCHBOARD_PORT: '0', ...env });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(line);
    if (line.startsWith(LAST)) break;
  }
  return lines
    .join('\n')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:8765')
    .trim();
}

describe('a transcript', () => {
  it('of the README is that of npm start', async () => {
    const { command, args } = servers.demo;
    expect(await banner(['serve', '--', command, ...args])).toBe(shown('README.md', 'npm start'));
  });

  it('of the chat is that of npm start chat', async () => {
    const { command, args } = servers.demo;
    const printed = await banner(['chat', '--', command, ...args], { ANTHROPIC_API_KEY: undefined });
    expect(printed).toBe(shown('docs/guide/chat.md', 'npm start chat'));
  });

  it('of the security page is how a public address is refused', async () => {
    const { stderr } = await run(['serve', '--host', '0.0.0.0', '--', 'node', 'server.js']);
    expect(stderr.trimEnd()).toBe(shown('SECURITY.md', 'switchboard serve --host 0.0.0.0 -- node server.js'));
  });
});
