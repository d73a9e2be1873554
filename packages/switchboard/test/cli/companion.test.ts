import { describe, expect, it, onTestFinished } from 'vitest';

import { companion } from '../../src/cli/companion.ts';

/** What is said on stderr from now on. */
function listening(): () => string {
  let said = '';
  const { write } = process.stderr;
  process.stderr.write = ((text: string) => (said += text)) as never;
  onTestFinished(() => {
    process.stderr.write = write;
    process.exitCode = undefined;
  });
  return () => said;
}

describe('a command in a package of its own', () => {
  it('that is not installed is said to be so, with what to install', async () => {
    const said = listening();
    expect(await companion('dance', 'mcp-switchboard-dance/command')).toBeUndefined();
    expect(process.exitCode).toBe(1);
    expect(said()).toBe('switchboard: dance is in the package mcp-switchboard-dance: install it beside this one\n');
  });

  it('that can be run in another way is said to be so too', async () => {
    const said = listening();
    expect(await companion('dance', 'mcp-switchboard-dance', 'run npx mcp-switchboard-dance')).toBeUndefined();
    expect(said()).toBe(
      'switchboard: dance is in the package mcp-switchboard-dance: install it beside this one, or run npx mcp-switchboard-dance\n',
    );
  });
});
